package dev.mpipool.launcher;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a user runs first on a new cluster: looks at everything that a job needs of this host and of
 * the others, and prints a line for each, with the cure where something is missing.
 */
final class Check {
  static final String SELF_TEST = "SelfTest";

  /** How long a host may take to answer. */
  private static final Duration LONGEST = Duration.ofSeconds(30);

  /** Claims of tasks in folders are compared by the clocks of hosts. */
  private static final double MOST_SECONDS_APART = 5;

  /** Docker's default for /dev/shm, and less, is too little for most arrays. */
  private static final long LEAST_MEGABYTES = 65;

  private static final Pattern ANSWER =
      Pattern.compile(
          "(?s)^clock=(\\S*)\\njava=([^\\n]*)\\nshm=([^\\n]*)\\nfolders=([^\\n]*)\\nport=([^\\n]*)\\n.*");

  private final JobSpec spec;
  private final Installation installation;
  private final Map<String, String> environment;
  private boolean failed;

  Check(JobSpec spec, Installation installation, Map<String, String> environment) {
    this.spec = spec;
    this.installation = installation;
    this.environment = environment;
  }

  /** Prints the lines. Returns whether everything is as a job needs it. */
  boolean run() throws InterruptedException {
    ok("this host", "Java %s in %s".formatted(Runtime.version(), System.getProperty("java.home")));
    ok("MPJ Express", installation.mpj().toString());
    mpi();
    List<String> others =
        spec.hosts().stream().distinct().filter(host -> !Machines.isThisHost(host)).toList();
    if (others.size() < spec.hosts().stream().distinct().count() || others.isEmpty()) {
      memory("this host", freeMegabytes());
    }
    try (ServerSocket port = new ServerSocket(0, 256)) {
      List<Thread> probes = new ArrayList<>();
      for (String host : others) {
        Thread probe = new Thread(() -> probe(host, port.getLocalPort()), "mpipool-check-" + host);
        probes.add(probe);
        probe.start();
      }
      for (Thread probe : probes) {
        probe.join();
      }
    } catch (IOException e) {
      fail("ports", "this host gives none: " + e.getMessage(), "see ulimit -n and the firewall");
    }
    return !failed;
  }

  private void mpi() {
    try {
      MpiLauncher found = MpiLauncher.find(environment);
      String version = found.version() == 0 ? "" : " " + found.version();
      String name = found.kind().name().toLowerCase(Locale.ROOT).replace('_', ' ');
      String text = "-dev native would take %s (%s%s)".formatted(found.command(), name, version);
      List<String> rest =
          MpiLauncher.onPath(environment).stream()
              .filter(command -> !command.equals(found.command()))
              .toList();
      text += rest.isEmpty() ? "" : "; there are also " + String.join(", ", rest);
      if (Runtime.version().feature() < NativeJob.JAVA_NEEDED) {
        text += "; it needs Java " + NativeJob.JAVA_NEEDED + " or later: set JAVA_HOME";
      }
      ok("MPI", text);
    } catch (IOException e) {
      if (spec.device() == Device.NATIVE) {
        fail("MPI", "none", e.getMessage());
      } else {
        ok("MPI", "none that -dev native could use; the default, -dev tcpdev, needs none");
      }
    }
  }

  /** Asks a host by one command for all that is wanted of it. */
  private void probe(String host, int port) {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    String script =
        String.join(
            "\n",
            "echo clock=$(date +%s.%N)",
            "echo java=$(" + Commands.quote(java) + " -version 2>&1 | head -n 1)",
            "echo shm=$(df -Pm /dev/shm 2>/dev/null | awk 'END {print $4}')",
            "echo folders=$(ls -d " + folders() + " 2>&1 >/dev/null | head -n 1)",
            "echo port=$(timeout 10 bash -c "
                + Commands.quote("exec 3<>/dev/tcp/" + address(host) + "/" + port)
                + " 2>&1 | head -n 1)",
            "");
    double begin = System.currentTimeMillis() / 1e3;
    try {
      Process process =
          new ProcessBuilder(spec.placement().shell().command(host, script))
              .redirectInput(RankProcess.NOTHING)
              .redirectErrorStream(true)
              .start();
      Threads.later((int) LONGEST.toMillis(), process::destroyForcibly);
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      boolean ended = process.waitFor(LONGEST.toSeconds(), TimeUnit.SECONDS);
      Matcher answer = ANSWER.matcher(said.substring(Math.max(0, said.indexOf("clock="))));
      if (ended && answer.matches()) {
        report(host, answer, begin, System.currentTimeMillis() / 1e3);
      } else {
        String last = said.lines().reduce((before, line) -> line).orElse("no answer");
        fail(
            host,
            "not reached by " + spec.placement().shell().name() + ": " + last.strip(),
            "try: " + spec.placement().shell().trial(host));
      }
    } catch (IOException e) {
      fail(host, "not reached: " + e.getMessage(), "install it, or set MPIPOOL_SSH");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void report(String host, Matcher answer, double begin, double end) {
    ok(host, "reached by " + spec.placement().shell().name());
    String own = "version \"" + System.getProperty("java.version") + "\"";
    if (answer.group(2).contains(own)) {
      ok(host, answer.group(2));
    } else {
      fail(host, answer.group(2), "the JDK of this host is needed there, in the same folder");
    }
    clock(host, answer.group(1), begin, end);
    memory(host, answer.group(3).matches("\\d+") ? Long.parseLong(answer.group(3)) : -1);
    if (answer.group(4).isEmpty()) {
      ok(host, "the folders are there");
    } else {
      fail(host, answer.group(4), "the same folders are needed on every host: share them");
    }
    if (answer.group(5).isEmpty()) {
      ok(host, "reaches the ports of this host");
    } else {
      fail(host, "does not reach a port of this host", "have the firewall let TCP pass");
    }
  }

  private void clock(String host, String text, double begin, double end) {
    try {
      double seconds = Double.parseDouble(text.replace("N", "0"));
      double apart = Math.max(0, Math.max(begin - seconds, seconds - end - 1));
      String by = "its clock is within %.1f s of this one".formatted(apart + (end - begin));
      if (apart < MOST_SECONDS_APART) {
        ok(host, by);
      } else {
        fail(host, "its clock is %.0f s from this one".formatted(apart), "set it by NTP");
      }
    } catch (NumberFormatException e) {
      fail(host, "its clock says " + text, "date +%s is needed there");
    }
  }

  private void memory(String host, long megabytes) {
    if (megabytes < 0) {
      ok(host, "no /dev/shm: shared arrays are files in " + System.getProperty("java.io.tmpdir"));
    } else if (megabytes < LEAST_MEGABYTES) {
      fail(
          host,
          "%d MB for shared arrays in /dev/shm".formatted(megabytes),
          "give it more, in a container by --shm-size=8g, or remove files there");
    } else {
      ok(host, "%d MB for shared arrays in /dev/shm".formatted(megabytes));
    }
  }

  private static long freeMegabytes() {
    try {
      return Files.getFileStore(Path.of("/dev/shm")).getUsableSpace() >> 20;
    } catch (IOException e) {
      return -1;
    }
  }

  private String folders() {
    List<String> words = new ArrayList<>();
    for (Path folder : List.of(installation.home(), installation.mpj(), spec.folder())) {
      words.add(Commands.quote(folder.toString()));
    }
    return String.join(" ", words);
  }

  private String address(String host) {
    try {
      return RankProcesses.localAddress(host, spec.placement().shell());
    } catch (IOException e) {
      return InetAddress.getLoopbackAddress().getHostAddress();
    }
  }

  private synchronized void ok(String what, String text) {
    System.out.println("ok    " + what + ": " + text);
  }

  private synchronized void fail(String what, String text, String cure) {
    failed = true;
    System.out.println("FAIL  " + what + ": " + text + " -> " + cure);
  }
}
