package dev.mpipool.comm;

/**
 * The other rank of a message, or a member of a collective call, is lost.
 *
 * <p>Example:
 *
 * <pre>{@code
 * try {
 *   Communicator.world().receive(1, 7);
 * } catch (RankLostException e) {
 *   System.err.println("rank " + e.rank() + " is lost");
 * }
 * }</pre>
 */
public class RankLostException extends CommunicatorException {

  private static final long serialVersionUID = 1;

  /** The lost rank's number in the communicator that was used. */
  private final int rank;

  /**
   * Creates an exception.
   *
   * @param rank the lost rank's number in the communicator that was used
   * @param message which operation failed, and why the rank is lost
   * @param cause from the transport, or null
   */
  public RankLostException(int rank, String message, Throwable cause) {
    super(message, cause);
    this.rank = rank;
  }

  /**
   * The lost rank.
   *
   * @return its number in the communicator that was used
   */
  public int rank() {
    return rank;
  }
}
