package dev.mpipool.comm;

/**
 * A message could not be sent or received.
 *
 * <p>An example is at {@link RankLostException}.
 */
public class CommunicatorException extends RuntimeException {

  private static final long serialVersionUID = 1;

  /**
   * Creates an exception.
   *
   * @param message which rank, which operation, and what went wrong
   * @param cause from the transport, or null
   */
  public CommunicatorException(String message, Throwable cause) {
    super(message, cause);
  }
}
