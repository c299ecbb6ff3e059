package dev.mpipool.comm;

import java.nio.ByteBuffer;

/**
 * A received message.
 *
 * <p>Example:
 *
 * <pre>{@code
 * Message message = Communicator.world().receive(Communicator.ANY_SOURCE, Communicator.ANY_TAG);
 * int first = message.data().getInt(0);
 * }</pre>
 *
 * @param source the sender's rank
 * @param tag the message's tag
 * @param beginning the bytes before the attachment, from position to limit; owned by the receiver
 * @param attachment the last bytes, if the library sent a long value that arrived in a separate
 *     array; owned by the receiver; null for messages that programs send
 */
@SuppressWarnings("ArrayRecordComponent") // messages are not compared
public record Message(int source, int tag, ByteBuffer beginning, byte[] attachment) {

  /**
   * Creates a message without an attachment.
   *
   * @param source the sender's rank
   * @param tag the message's tag
   * @param data its bytes, from position to limit; owned by the receiver
   */
  public Message(int source, int tag, ByteBuffer data) {
    this(source, tag, data, null);
  }

  /**
   * All bytes of the message.
   *
   * @return from position to limit; without an attachment the same buffer at every call, with one a
   *     new copy
   */
  public ByteBuffer data() {
    if (attachment == null) {
      return beginning;
    }
    int length = Math.addExact(beginning.remaining(), attachment.length);
    return ByteBuffer.allocate(length).put(beginning.duplicate()).put(attachment).flip();
  }
}
