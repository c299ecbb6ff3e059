package dev.mpipool.queue;

import java.io.IOException;

/**
 * One of a scheduler's programs could not be started, did not end in time, failed, or answered in a
 * way that is not understood.
 *
 * <p>A {@link QueuePool} tries again, so programs see it as the cause of a {@link QueueException},
 * where an example is.
 */
public class CommandException extends IOException {

  private static final long serialVersionUID = 1;

  CommandException(String message) {
    super(message);
  }

  CommandException(String message, Throwable cause) {
    super(message, cause);
  }
}
