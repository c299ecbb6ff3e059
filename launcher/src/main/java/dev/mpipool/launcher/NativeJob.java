package dev.mpipool.launcher;

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

  private static final int JAVA_NEEDED = 22;

  /** What the other launcher needs beyond the time of the ranks' shutdown hooks. */
  private static final int MORE_SECONDS = 5;

  private final JobSpec spec;
  private final Process process;

  private volatile int signalled;

  /**
   * Starts the job.
   *
   * @param machines the machines file, or null
   * @throws IOException if the machine lacks something; says what
   * @throws UsageException if the command is wrong
   */
  NativeJob(JobSpec spec, Path machines, Product product) throws UsageException, IOException {
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
    MpiLauncher launcher = MpiLauncher.find(System.getenv());
    if (machines != null && launcher.kind() == MpiLauncher.Kind.SRUN) {
      throw new UsageException(
          "-machinesfile: within an allocation Slurm knows the hosts; leave it out");
    }
    List<String> command = launcher.start(spec, machines);
    command.addAll(rank(product));
    ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
    builder.directory(spec.folder().toFile());
    RankProcess.restoreJvmOptions(builder.environment());
    if (launcher.kind() == MpiLauncher.Kind.OPEN_MPI && isRoot()) {
      // This launcher starts ranks for root as for every other user.
      builder
          .environment()
          .putAll(Map.of("OMPI_ALLOW_RUN_AS_ROOT", "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"));
    }
    this.process = builder.start();
  }

  private static boolean isRoot() {
    return "root".equals(System.getProperty("user.name"));
  }

  private List<String> rank(Product product) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--enable-native-access=ALL-UNNAMED");
    command.addAll(spec.jvmOptions());
    command.addAll(List.of("-cp", product.ofNative(product.withLogging(spec.classPath()))));
    command.add(spec.mainClass());
    command.addAll(spec.arguments());
    return command;
  }

  /** Waits for the job's end, and returns its exit code. */
  int run() throws InterruptedException {
    int code = process.waitFor();
    return signalled == 0 ? code : signalled;
  }

  /**
   * Ends the job because of a signal, which Ctrl-C sends to the other launcher, too.
   *
   * @param code what this launcher exits with
   */
  void stop(int code) {
    if (signalled != 0) {
      return;
    }
    signalled = code;
    if (code != Signals.INTERRUPTED) {
      process.destroy();
    }
    Threads.daemon("mpipool-stop", this::killLater);
  }

  private void killLater() {
    try {
      if (!process.waitFor(1, TimeUnit.SECONDS)) {
        process.destroy(); // an interrupt may have come to this process alone
      }
      if (!process.waitFor(spec.hookTimeout() + MORE_SECONDS, TimeUnit.SECONDS)) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
