package dev.mpipool.comm;

/**
 * A message has come for which this rank has no memory. It is lost but for its beginning; the next
 * {@link Communicator#receive} gets the next message.
 */
public class MessageTooLongException extends CommunicatorException {

  private static final long serialVersionUID = 1;

  private final transient Message beginning;
  private final int missing;

  /**
   * Creates an exception.
   *
   * @param beginning who sent it, its tag, and its first bytes
   * @param missing how many bytes more it had
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
   * What is left of the message.
   *
   * @return who sent it, its tag, and its first bytes; null once the exception has been serialized
   */
  public Message beginning() {
    return beginning;
  }

  /**
   * How much is lost.
   *
   * @return the bytes that are not in {@link #beginning}
   */
  public int missing() {
    return missing;
  }
}
