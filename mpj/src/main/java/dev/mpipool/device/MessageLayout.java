package dev.mpipool.device;

import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.memory.Memory;
import dev.mpipool.memory.SpareArrays;
import java.nio.ByteBuffer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The layout of a message whose length the receiver does not know. It begins with a <i>head</i> of
 * at most 64 KiB, which states the length. The rest of a longer message follows in pieces, which
 * the receiver expects from that rank. A long attachment is received into an array of its own; a
 * short one travels as the end of the other data:
 *
 * <pre>
 *   tag 1:  | context (long) | tag (int) | length without the attachment (int) | its length (int)
 *           | place of the rest in shared memory (long), or -1 | first bytes ... |
 *   tag 2:  | up to 16 MiB of the rest without the attachment | ... and so on until that is there
 *   tag 2:  | up to 16 MiB of the attachment | ... and so on until the whole is there
 * </pre>
 */
public final class MessageLayout {

  /** The tag of heads. */
  public static final int HEAD_TAG = 1;

  /** The tag of pieces. */
  public static final int PIECE_TAG = 2;

  /** In a head, before the message's first bytes. */
  public static final int HEADER_BYTES = 2 * Long.BYTES + 3 * Integer.BYTES;

  /** The place of a rest that comes in pieces; lower values mark control messages. */
  public static final long IN_PIECES = -1;

  /** The longest head. */
  public static final int HEAD_BYTES = 64 * 1024;

  /** The longest piece. */
  public static final int PIECE_BYTES = 16 * 1024 * 1024;

  private static final int MAX_BYTES = Integer.MAX_VALUE - 1023;

  private static final Logger LOG = LoggerFactory.getLogger(MessageLayout.class);

  private MessageLayout() {}

  /**
   * Whether an attachment travels apart from the rest. Throws an exception if the message is too
   * long.
   *
   * @param data the message without the attachment
   * @param attachment its end
   * @return false if both are to be joined
   */
  public static boolean isApart(ByteBuffer data, ByteBuffer attachment) {
    long length = (long) data.remaining() + attachment.remaining();
    if (length > MAX_BYTES) {
      throw new CommunicatorException(
          "A message has at most %d bytes, not %d".formatted(MAX_BYTES, length), null);
    }
    return attachment.remaining() > HEAD_BYTES;
  }

  /**
   * The two parts as one.
   *
   * @param data the message without the attachment
   * @param attachment its end, possibly nothing
   * @return a copy, or if there is no attachment, a view
   */
  public static ByteBuffer joined(ByteBuffer data, ByteBuffer attachment) {
    if (!attachment.hasRemaining()) {
      return data.duplicate();
    }
    int length = Math.addExact(data.remaining(), attachment.remaining());
    return ByteBuffer.allocate(length).put(data.duplicate()).put(attachment.duplicate()).flip();
  }

  /**
   * How long the head of a message is.
   *
   * @param rest what is to be sent, without an attachment that travels apart
   * @return in bytes
   */
  public static int headBytes(ByteBuffer rest) {
    return Math.min(HEAD_BYTES, HEADER_BYTES + rest.remaining());
  }

  /**
   * Writes a head.
   *
   * @param head to be filled up to its limit; its position goes to the first byte of the message
   * @param context the communicator's
   * @param tag the message's
   * @param rest what is to be sent without the attachment; its position goes behind what the head
   *     holds
   * @param attachmentBytes of an attachment that travels apart
   * @param place where the rest is in shared memory, or {@link #IN_PIECES}
   */
  public static void writeHead(
      ByteBuffer head, long context, int tag, ByteBuffer rest, int attachmentBytes, long place) {
    head.putLong(context).putInt(tag).putInt(rest.remaining()).putInt(attachmentBytes);
    head.putLong(place);
    int first = head.remaining();
    head.put(head.position(), rest, rest.position(), first);
    rest.position(rest.position() + first);
  }

  /**
   * How much of a message comes after its head. Throws an exception if the head cannot be right.
   *
   * @param source the sender
   * @param length of the message without the attachment
   * @param filled how much of that the head has brought
   * @param attachmentBytes the attachment's length
   * @return in bytes
   */
  public static int missing(int source, int length, int filled, int attachmentBytes) {
    long missing = (long) length - filled + attachmentBytes;
    if (filled < 0 || length < filled || attachmentBytes < 0 || missing > MAX_BYTES) {
      throw new CommunicatorException(
          "Rank %d sent a message of the impossible length %d + %d"
              .formatted(source, length, attachmentBytes),
          null);
    }
    return (int) missing;
  }

  /**
   * Memory for a part of a message; or, if there is not so much and will not be, a shorter array.
   *
   * @param length of the part
   * @param filled how much of that has come
   * @param substitute how long the shorter array is
   * @return an array of {@code length} or {@code substitute} bytes
   */
  public static byte[] room(int length, int filled, int substitute) {
    byte[] spare = filled == 0 ? SpareArrays.exactly(length) : null;
    if (spare != null) {
      return spare;
    }
    try {
      Memory.require(length);
      return new byte[length];
    } catch (OutOfMemoryError e) {
      if (length == filled || Memory.mayReturn(length)) {
        throw e;
      }
      LOG.warn("There is no memory for a message of {} bytes ({})", length, e.getMessage());
      return new byte[substitute];
    }
  }
}
