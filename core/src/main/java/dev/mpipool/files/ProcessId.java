package dev.mpipool.files;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * A process among all processes of all machines that see a file: by number and start on a host, by
 * the host's boot, and by the container it runs in.
 *
 * @param host the machine's name, for people
 * @param boot what the machine calls its present run, or its name where it has no word for that
 * @param namespace in which the number counts, or nothing
 * @param pid the process's number
 * @param start when it started, in the system's own units
 */
public record ProcessId(String host, String boot, String namespace, long pid, long start) {

  private static final int STATE = 0;
  private static final int START = 19;

  private static final ProcessId OWN = find();

  /** This process. */
  public static ProcessId own() {
    return OWN;
  }

  /** Whether the process is on this machine and can be seen from here, if it lives. */
  public boolean isNear() {
    return host.equals(OWN.host) && boot.equals(OWN.boot) && namespace.equals(OWN.namespace);
  }

  /** Whether the process lives; asked of one that {@link #isNear}. */
  public boolean isAlive() {
    return ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false) && startOf(pid) == start;
  }

  /** The lines {@code host ...}, {@code boot ...} and so on. */
  String toText() {
    return "host %s\nprocess %d\nstarted %d\nboot %s\nnamespace %s\n"
        .formatted(host, pid, start, boot, namespace);
  }

  /**
   * The process of which {@link #toText} told, among other lines perhaps.
   *
   * @throws IllegalArgumentException if the lines do not
   */
  static ProcessId of(Map<String, String> lines) {
    for (String needed : List.of("host", "boot", "namespace", "process", "started")) {
      if (!lines.containsKey(needed)) {
        throw new IllegalArgumentException("no line " + needed);
      }
    }
    return new ProcessId(
        lines.get("host"),
        lines.get("boot"),
        lines.get("namespace"),
        Long.parseLong(lines.get("process")),
        Long.parseLong(lines.get("started")));
  }

  private static ProcessId find() {
    String host = hostName();
    String boot;
    try {
      boot = Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip();
    } catch (IOException e) {
      boot = host;
    }
    String namespace;
    try {
      namespace = Files.readSymbolicLink(Path.of("/proc/self/ns/pid")).toString();
    } catch (IOException | RuntimeException e) {
      namespace = "-";
    }
    long pid = ProcessHandle.current().pid();
    return new ProcessId(host, boot, namespace.replaceAll("\\D", ""), pid, startOf(pid));
  }

  private static String hostName() {
    try {
      return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
    } catch (IOException e) {
      try {
        return InetAddress.getLocalHost().getHostName();
      } catch (UnknownHostException unknown) {
        return "localhost";
      }
    }
  }

  /**
   * When a process started: in clock ticks since the boot, or else in seconds; -1 if it is dead.
   */
  private static long startOf(long pid) {
    try {
      String line = Files.readString(Path.of("/proc/" + pid + "/stat"));
      String[] fields = line.substring(line.lastIndexOf(')') + 2).split(" ", -1);
      boolean dead = fields[STATE].equals("Z") || fields[STATE].equals("X");
      return dead ? -1 : Long.parseLong(fields[START]);
    } catch (IOException e) {
      return ProcessHandle.of(pid)
          .flatMap(process -> process.info().startInstant())
          .map(instant -> instant.getEpochSecond())
          .orElse(-1L);
    }
  }
}
