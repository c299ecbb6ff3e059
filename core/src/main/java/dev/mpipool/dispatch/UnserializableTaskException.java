package dev.mpipool.dispatch;

/** A task cannot be turned into bytes. */
public final class UnserializableTaskException extends Exception {

  private static final long serialVersionUID = 1;

  UnserializableTaskException(String message, Throwable cause) {
    super(message, cause);
  }
}
