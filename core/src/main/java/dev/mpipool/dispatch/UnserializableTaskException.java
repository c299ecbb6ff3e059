package dev.mpipool.dispatch;

import dev.mpipool.wire.TaskName;
import java.util.Objects;

/** A task cannot be turned into bytes. */
public final class UnserializableTaskException extends Exception {

  private static final long serialVersionUID = 1;

  /**
   * A task that could not be encoded.
   *
   * @param task the user's own object
   * @param cause what its encoding has thrown
   */
  public UnserializableTaskException(Object task, Throwable cause) {
    this(task, Objects.requireNonNullElse(cause.getMessage(), cause.toString()), cause);
  }

  /**
   * A task that cannot travel.
   *
   * @param task the user's own object
   * @param why follows a colon
   * @param cause null if there is none
   */
  public UnserializableTaskException(Object task, String why, Throwable cause) {
    super("The task %s cannot travel to a worker: %s".formatted(TaskName.of(task), why), cause);
  }
}
