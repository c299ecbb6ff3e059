package dev.mpipool.launcher;

/**
 * The command cannot be run as it was typed. The message is one line that says why, and the cure.
 */
final class UsageException extends Exception {
  private static final long serialVersionUID = 1L;

  UsageException(String message) {
    super(message);
  }
}
