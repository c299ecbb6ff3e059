package dev.mpipool.launcher;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * One process of a job, seen from the launcher: the JVM of a rank, or the command that leads to it.
 */
final class RankProcess {
  /** An empty file. */
  static final File NOTHING =
      new File(System.getProperty("os.name").startsWith("Windows") ? "NUL" : "/dev/null");

  private static final int SIGNAL = 128;

  /** The signals that come to all processes of a job at once: HUP, INT, TERM. */
  private static final Set<Integer> FOR_ALL = Set.of(1, 2, 15);

  private static final int LOST_BY_SSH = 255;
  private static final Map<Integer, String> SIGNALS =
      Map.of(1, "HUP", 2, "INT", 3, "QUIT", 6, "ABRT", 7, "BUS", 9, "KILL", 11, "SEGV", 15, "TERM");

  /** The options that every JVM of the user's takes from its environment. */
  private static final List<String> JVM_OPTIONS =
      List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS");

  private static final String FOR_RANKS = "MPIPOOL_RANKS_";

  private final int rank;
  private final String host;
  private final RemoteShell shell;
  private final Process process;
  private final LinePump out;
  private final LinePump err;

  private RankProcess(
      int rank, String host, Process process, LinePump out, LinePump err, RemoteShell shell) {
    this.rank = rank;
    this.host = host;
    this.shell = shell;
    this.process = process;
    this.out = out;
    this.err = err;
  }

  /** What all processes of a job have in common. */
  record Setting(
      File folder,
      Map<String, String> environment,
      LineSink out,
      LineSink err,
      boolean tagged,
      RemoteShell shell) {}

  /**
   * Starts a process on this host; rank 0 has the launcher's own standard input, the others have
   * none.
   */
  static RankProcess local(int rank, List<String> command, Setting setting) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command).directory(setting.folder());
    builder.environment().putAll(setting.environment());
    builder.redirectInput(rank == 0 ? Redirect.INHERIT : Redirect.from(NOTHING));
    return start(rank, Machines.THIS_HOST, builder, setting);
  }

  /**
   * Starts a command that leads to another host; the first line of its input is the secret, what
   * follows is for rank 0 the launcher's own input.
   */
  static RankProcess remote(
      int rank, String host, List<String> command, String secret, Setting setting)
      throws IOException {
    RankProcess started = start(rank, host, new ProcessBuilder(command), setting);
    OutputStream in = started.process.getOutputStream();
    Threads.daemon(
        "mpipool-stdin-" + rank,
        () -> {
          try (in) {
            in.write((secret + "\n").getBytes(StandardCharsets.US_ASCII));
            in.flush();
            if (rank == 0) {
              forward(in);
            }
          } catch (IOException e) {
            // The process is gone or wants no input.
          }
        });
    return started;
  }

  private static void forward(OutputStream to) throws IOException {
    byte[] chunk = new byte[1 << 13];
    for (int n = System.in.read(chunk); n >= 0; n = System.in.read(chunk)) {
      to.write(chunk, 0, n);
      to.flush();
    }
  }

  private static RankProcess start(int rank, String host, ProcessBuilder builder, Setting setting)
      throws IOException {
    restoreJvmOptions(builder.environment());
    Process process = builder.start();
    byte[] tag = setting.tagged() ? Tags.of(rank) : new byte[0];
    LinePump out =
        new LinePump(
            "mpipool-stdout-" + rank,
            process.getInputStream(),
            setting.out(),
            tag,
            UnaryOperator.identity());
    LinePump err =
        new LinePump(
            "mpipool-stderr-" + rank,
            process.getErrorStream(),
            setting.err(),
            tag,
            Machines.isThisHost(host) ? UnaryOperator.identity() : setting.shell().filter());
    try {
      out.start();
      err.start();
    } catch (OutOfMemoryError e) { // no thread can be started
      process.destroyForcibly();
      throw e;
    }
    return new RankProcess(rank, host, process, out, err, setting.shell());
  }

  /**
   * Gives the options of the user's JVMs their names back. bin/mpjrun.sh changes the names, since
   * the launcher's own JVM has options that go with no others.
   */
  static void restoreJvmOptions(Map<String, String> environment) {
    for (String name : JVM_OPTIONS) {
      String value = environment.remove(FOR_RANKS + name);
      if (value != null) {
        environment.put(name, value);
      }
    }
  }

  int rank() {
    return rank;
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** Waits until the process has ended and its output has arrived. */
  int await() throws InterruptedException {
    int code = process.waitFor();
    out.drained();
    err.drained();
    return code;
  }

  /** Lets shutdown hooks run. Unlike {@link Process#destroy}, which closes the streams. */
  void terminate() {
    process.toHandle().destroy();
  }

  /** Ends the process at once; what it has written still arrives. */
  void kill() {
    process.toHandle().destroyForcibly();
  }

  /** For people: which process this is. */
  String name() {
    return "rank " + rank + (remote() ? " (on " + host + ")" : " (pid " + process.pid() + ")");
  }

  /** For people: what an exit code means of a process that has never reached the launcher. */
  String describeUnlinked(int code) {
    String end = isLostBySsh(code) ? "ssh failed" : describe(code);
    String said = err.lastLine().or(out::lastLine).map(line -> ": " + line).orElse("");
    return end + " before it reached the launcher" + said;
  }

  /** For people: what an exit code means. */
  String describe(int code) {
    if (isLostBySsh(code)) {
      return "not reached by ssh, or killed";
    }
    return isSignal(code)
        ? "ended by signal " + (code - SIGNAL) + " (SIG" + SIGNALS.get(code - SIGNAL) + ")"
        : "ended with exit code " + code;
  }

  private boolean isLostBySsh(int code) {
    return remote() && !shell.isOfScheduler() && code == LOST_BY_SSH;
  }

  private boolean remote() {
    return !Machines.isThisHost(host);
  }

  /** Whether an exit code is that of a process ended by a signal that may have come to all. */
  static boolean isSignalForAll(int code) {
    return FOR_ALL.contains(code - SIGNAL);
  }

  /** Whether an exit code is the way to say that a signal ended the process. */
  static boolean isSignal(int code) {
    return SIGNALS.containsKey(code - SIGNAL);
  }
}
