package dev.mpipool.launcher;

import dev.mpipool.link.LinkHandshake;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/** Runs a program on MPI ranks: the class behind bin/mpjrun.sh. */
public final class Main {
  private static final int USAGE = 2;
  private static final AtomicBoolean FAILED = new AtomicBoolean();

  private Main() {}

  /**
   * Runs the command, and exits with the program's exit code.
   *
   * @param arguments as {@code -h} prints them
   */
  public static void main(String[] arguments) {
    Thread.setDefaultUncaughtExceptionHandler(Main::failed);
    System.exit(run(List.of(arguments)));
  }

  /** Without the thread that failed a job could hang; the ranks halt with the launcher. */
  private static void failed(Thread thread, Throwable thrown) {
    if (!FAILED.compareAndSet(false, true)) {
      return; // one line is enough
    }
    try {
      System.err.println(
          "mpipool: the launcher failed in its thread " + thread.getName() + ": " + thrown);
    } finally {
      Runtime.getRuntime().halt(1);
    }
  }

  private static int run(List<String> arguments) {
    try {
      // The JDK's random numbers take 15 ms to be ready, meanwhile the options are read.
      Threads.daemon("mpipool-random", LinkHandshake::newSecret);
      Options options = Options.parse(arguments);
      if (options.help()) {
        System.out.print(Options.usage());
        return 0;
      }
      Installation installation = Installation.fromSystemProperties();
      JobSpec spec = options.toJob(installation, System.getenv());
      if (!spec.placement().notice().isEmpty()) {
        System.err.println("mpipool: " + spec.placement().notice());
      }
      if (options.check() && !new Check(spec, installation, System.getenv()).run()) {
        return 1;
      }
      if (spec.device() == Device.NATIVE) {
        NativeJob job = new NativeJob(spec, installation);
        Signals.handle(job::stop, job::announce);
        return job.run();
      }
      Job job = new Job(spec, installation);
      Signals.handle(job::stop, job::announce);
      return job.run();
    } catch (UsageException e) {
      System.err.println("mpjrun.sh: " + e.getMessage());
      return USAGE;
    } catch (IOException e) {
      System.err.println("mpjrun.sh: " + e.getMessage());
      return 1;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return 1;
    }
  }
}
