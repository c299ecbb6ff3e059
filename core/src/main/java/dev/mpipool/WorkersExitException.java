package dev.mpipool;

/**
 * Takes a worker rank out of the block that only main is to run, once main has closed the pool; see
 * {@link MPIExecutor#workersExit}. It is no error and has no stack trace.
 */
public class WorkersExitException extends RuntimeException {

  private static final long serialVersionUID = 1;

  WorkersExitException() {
    super("This rank was a worker; main has closed the pool", null, false, false);
  }
}
