package dev.mpipool.queue;

import java.io.IOException;

/**
 * One of a scheduler's programs could not be started, did not end in time, failed, or answered in a
 * way that is not understood.
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
