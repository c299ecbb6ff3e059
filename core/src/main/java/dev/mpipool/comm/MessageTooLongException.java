package dev.mpipool.comm;

/**
 * A message did not fit into this rank's memory. All but its beginning is lost; the next {@link
 * Communicator#receive} returns the next message.
 *
 * <p>An example is at {@link RankLostException}, which is caught in the same way.
 */
public class MessageTooLongException extends CommunicatorException {

  private static final long serialVersionUID = 1;

  private final transient Message beginning;
  private final int missing;

  /**
   * Creates an exception.
   *
   * @param beginning the message's source, tag, and first bytes
   * @param missing the number of lost bytes
   */
  public MessageTooLongException(Message beginning, int missing) {
    super(
        "Rank %d sent a message of %d bytes: for so many there is no memory here"
            .formatted(beginning.source(), beginning.data().remaining() + (long) missing),
        null);
    this.beginning = beginning;
    this.missing = missing;
  }

  /**
   * The beginning of the message.
   *
   * @return its source, tag, and first bytes; null once the exception has been serialized
   */
  public Message beginning() {
    return beginning;
  }

  /**
   * The length of the lost rest.
   *
   * @return the number of bytes that are not in {@link #beginning}
   */
  public int missing() {
    return missing;
  }
}
