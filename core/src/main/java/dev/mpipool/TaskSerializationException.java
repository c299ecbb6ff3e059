package dev.mpipool;

/**
 * A task, its argument or its result cannot travel between main and a worker. Comes as the cause of
 * an {@link java.util.concurrent.ExecutionException}; the message names the task, the class that is
 * to blame and, where it can be found, the path of fields that leads to it. Nothing else is
 * affected.
 *
 * <p>Example:
 *
 * <pre>{@code
 * Object lock = new Object();
 * try {
 *   executor.submit(() -> lock.hashCode()).get();
 * } catch (ExecutionException e) {
 *   System.err.println(e.getCause().getMessage());   // class java.lang.Object is not serializable: ...
 * }
 * }</pre>
 */
public class TaskSerializationException extends Exception {

  private static final long serialVersionUID = 1;

  /**
   * Tells what cannot travel.
   *
   * @param message what, and why
   * @param cause what the serializer threw, or null
   */
  public TaskSerializationException(String message, Throwable cause) {
    super(message, cause);
  }
}
