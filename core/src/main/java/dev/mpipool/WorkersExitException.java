package dev.mpipool;

/**
 * Takes a worker rank out of the block that only main is to run, once main has closed the pool; see
 * {@link MPIExecutor#workersExit}. It is no error and has no stack trace.
 *
 * <p>Example:
 *
 * <pre>{@code
 * try (MPIExecutor executor = new MPIExecutor()) {
 *   executor.workersExit();
 *   System.out.println("on main");
 * } catch (WorkersExitException e) {
 *   System.out.println("on a worker, when main has closed the pool");
 * }
 * }</pre>
 */
public class WorkersExitException extends RuntimeException {

  private static final long serialVersionUID = 1;

  WorkersExitException() {
    super("This rank was a worker; main has closed the pool", null, false, false);
  }

  /** If the calling thread ends by such an exception, nothing is said: it is no failure. */
  static void letPassQuietly() {
    Thread thread = Thread.currentThread();
    Thread.UncaughtExceptionHandler others = thread.getUncaughtExceptionHandler();
    thread.setUncaughtExceptionHandler(
        (ending, thrown) -> {
          if (!(thrown instanceof WorkersExitException)) {
            others.uncaughtException(ending, thrown);
          }
        });
  }
}
