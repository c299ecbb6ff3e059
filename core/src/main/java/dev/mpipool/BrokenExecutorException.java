package dev.mpipool;

import java.util.concurrent.RejectedExecutionException;

/**
 * The pool can run nothing any more, for example because no worker is left. Thrown by submissions,
 * and the cause of the {@link java.util.concurrent.ExecutionException} that futures throw. On a
 * worker it is thrown by the constructor, when main was lost or ended without closing the pool.
 *
 * <p>Example:
 *
 * <pre>{@code
 * try {
 *   executor.submit(() -> 6 * 7).get();
 * } catch (ExecutionException e) {
 *   if (e.getCause() instanceof BrokenExecutorException) {
 *     System.err.println("no worker is left: " + e.getCause().getMessage());
 *   }
 * }
 * }</pre>
 */
public class BrokenExecutorException extends RejectedExecutionException {

  private static final long serialVersionUID = 1;

  /**
   * Creates an exception.
   *
   * @param message why the pool is broken; a whole sentence
   * @param cause what broke it, or null
   */
  public BrokenExecutorException(String message, Throwable cause) {
    super(message, cause);
  }
}
