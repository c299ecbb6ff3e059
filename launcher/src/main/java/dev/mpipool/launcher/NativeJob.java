package dev.mpipool.launcher;

import dev.mpipool.signal.FirstSignal;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A job whose ranks are started and ended by the launcher of the machine's own MPI: no more than
 * its command line is made here. Its exit code is the job's.
 */
final class NativeJob {

  static final int JAVA_NEEDED = 22;

  /** What the other launcher needs beyond the time of the ranks' shutdown hooks. */
  private static final int MORE_SECONDS = 5;

  /** Tells rank 0 the {@link #presence}; the class Presence of mpipool-native knows it, too. */
  private static final String PRESENCE = "mpipool.native.presence";

  /** Has a rank live on when the end is announced before it has joined its job. */
  private static final List<String> DEAF = List.of("sh", "-c", "trap '' USR1; exec \"$@\"", "sh");

  private final JobSpec spec;

  private final PresenceFile presence;

  private final Process process;
  private final String launcher;

  private final FirstSignal first = new FirstSignal();
  private volatile int signalled;

  /**
   * Starts the job.
   *
   * @throws IOException if the machine lacks something; says what
   * @throws UsageException if the command is wrong
   */
  NativeJob(JobSpec spec, Installation installation) throws UsageException, IOException {
    Runtime.Version java = Runtime.version();
    if (java.feature() < JAVA_NEEDED) {
      throw new IOException(
          "-dev native needs Java "
              + JAVA_NEEDED
              + " or later to call an MPI library, and this is Java "
              + java.feature()
              + ": set JAVA_HOME to a newer JDK, or leave out -dev native");
    }
    this.spec = spec;
    MpiLauncher found = MpiLauncher.find(System.getenv());
    if (!spec.hosts().isEmpty() && found.kind() == MpiLauncher.Kind.SRUN) {
      throw new UsageException(
          "-hosts, -machinesfile: within an allocation Slurm knows the hosts; leave them out");
    }
    this.presence = PresenceFile.create(Path.of(System.getProperty("java.io.tmpdir")));
    List<String> command = found.start(spec);
    command.addAll(rank(installation));
    ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
    builder.directory(spec.folder().toFile());
    RankProcess.restoreJvmOptions(builder.environment());
    if (found.kind() == MpiLauncher.Kind.OPEN_MPI && isRoot()) {
      // This launcher starts ranks for root as for every other user.
      builder
          .environment()
          .putAll(Map.of("OMPI_ALLOW_RUN_AS_ROOT", "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"));
    }
    this.launcher = found.command();
    this.process = builder.start();
  }

  private static boolean isRoot() {
    return "root".equals(System.getProperty("user.name"));
  }

  private List<String> rank(Installation installation) throws IOException {
    List<String> command = new ArrayList<>(DEAF);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("-D" + PRESENCE + "=" + presence.path());
    command.addAll(spec.jvmOptions());
    command.addAll(
        List.of("-cp", installation.ofNative(installation.withLogging(spec.classPath()))));
    command.add(spec.mainClass());
    command.addAll(spec.arguments());
    return command;
  }

  /** Waits for the job's end, and returns its exit code. */
  int run() throws InterruptedException {
    int code = process.waitFor();
    if (signalled != 0) {
      return signalled;
    }
    if (code != 0 && presence.isPresent()) {
      System.err.println(
          "mpipool: a rank was killed or has halted, and "
              + launcher
              + " has ended the whole job. "
              + "bin/mpjrun.sh -dev tcpdev, and Open MPI 5 or later, survive the loss of a worker");
    }
    return code;
  }

  /**
   * Ends the job because of a signal. The ranks on this host get it first, since Open MPI's
   * launcher leaves them no more than a second; it has Ctrl-C from the terminal itself. A second
   * Ctrl-C ends the job at once.
   *
   * @param code what this launcher exits with
   */
  void stop(int code) {
    if (first.note()) {
      signalled = code;
      process.descendants().filter(NativeJob::isJvm).forEach(ProcessHandle::destroy);
      Threads.daemon("mpipool-stop", this::endLater);
    } else if (code == Signals.INTERRUPTED && first.isPast()) {
      process.destroy(); // ends ranks on other hosts, too
      process.descendants().filter(NativeJob::isJvm).forEach(ProcessHandle::destroyForcibly);
    }
  }

  /**
   * Passes on that the job is about to be ended: to the ranks on this host, and to the MPI's
   * launcher, which tells the others.
   */
  void announce() {
    List<String> kill = new ArrayList<>(List.of("kill", "-USR1", Long.toString(process.pid())));
    process
        .descendants()
        .filter(NativeJob::isJvm)
        .forEach(rank -> kill.add(Long.toString(rank.pid())));
    try {
      new ProcessBuilder(kill).inheritIO().start();
    } catch (IOException e) {
      System.err.println("mpipool: the ranks are not told that the job will end: " + e);
    }
  }

  private static boolean isJvm(ProcessHandle process) {
    return process.info().command().map(command -> command.endsWith("/java")).orElse(false);
  }

  private void endLater() {
    try {
      if (!process.waitFor(Math.max(1, spec.hookTimeout()), TimeUnit.SECONDS)) {
        process.destroy();
      }
      if (!process.waitFor(MORE_SECONDS, TimeUnit.SECONDS)) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
