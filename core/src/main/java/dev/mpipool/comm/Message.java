package dev.mpipool.comm;

import java.nio.ByteBuffer;

/**
 * A received message.
 *
 * @param source the rank that sent it
 * @param tag the tag it was sent with
 * @param beginning its bytes, from position to limit, without the attachment; the receiver's own
 * @param attachment its last bytes, where the library has sent a long value and they have come in
 *     an array of their own; the receiver's own; null for whatever a program sends
 */
@SuppressWarnings("ArrayRecordComponent") // messages are not compared
public record Message(int source, int tag, ByteBuffer beginning, byte[] attachment) {

  /**
   * A message in one piece.
   *
   * @param source the rank that sent it
   * @param tag the tag it was sent with
   * @param data its bytes, from position to limit; the receiver's own
   */
  public Message(int source, int tag, ByteBuffer data) {
    this(source, tag, data, null);
  }

  /**
   * All its bytes.
   *
   * @return from position to limit; the same buffer at every call, but if there is an attachment, a
   *     new one into which everything is copied
   */
  public ByteBuffer data() {
    if (attachment == null) {
      return beginning;
    }
    int length = Math.addExact(beginning.remaining(), attachment.length);
    return ByteBuffer.allocate(length).put(beginning.duplicate()).put(attachment).flip();
  }
}
