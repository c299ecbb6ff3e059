package dev.mpipool.queue;

/**
 * A map came to nothing as a whole: its folder cannot be written, the scheduler takes no jobs, or
 * does not answer for longer than the pool has patience. What was done is in the folder, where
 * {@link QueuePool#resume} can take it up.
 *
 * <p>Example:
 *
 * <pre>{@code
 * try {
 *   List<Integer> squares = new QueuePool(Scheduler.detect()).map(x -> x * x, List.of(1, 2, 3));
 * } catch (QueueException e) {
 *   System.err.println(e.getMessage() + "; because of " + e.getCause());
 * }
 * }</pre>
 */
public class QueueException extends RuntimeException {

  private static final long serialVersionUID = 1;

  QueueException(String message, Throwable cause) {
    super(message, cause);
  }
}
