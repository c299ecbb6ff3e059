package dev.mpipool.tasker;

/**
 * Saved results belong to other tasks than those asked for; the message says what differs.
 *
 * <p>An example, in which such results are dropped, is at {@link OnChange}.
 */
public class TasksChangedException extends IllegalStateException {

  private static final long serialVersionUID = 1;

  TasksChangedException(String message) {
    super(message);
  }
}
