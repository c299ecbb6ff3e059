package dev.mpipool.comm;

/** A message could not be sent or received. */
public class CommunicatorException extends RuntimeException {

  private static final long serialVersionUID = 1;

  /**
   * Creates an exception.
   *
   * @param message who wanted to do what, and what went wrong
   * @param cause what the layer below said, or null
   */
  public CommunicatorException(String message, Throwable cause) {
    super(message, cause);
  }
}
