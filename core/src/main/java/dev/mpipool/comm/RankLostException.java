package dev.mpipool.comm;

/** The other side of a message is dead. */
public class RankLostException extends CommunicatorException {

  private static final long serialVersionUID = 1;

  /** The lost rank's number in the communicator that was used. */
  private final int rank;

  /**
   * Creates an exception.
   *
   * @param rank the lost rank's number in the communicator that was used
   * @param message who wanted what of it, and how it ended
   * @param cause what the layer below said, or null
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
