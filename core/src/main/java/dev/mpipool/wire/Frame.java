package dev.mpipool.wire;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Several entries in one message.
 *
 * <pre>
 *   frame:  | format (byte) | entry | entry | ... to the end of the message
 *   entry:  | kind (byte) | task id (long) | length of the body (int) | body |
 * </pre>
 *
 * Numbers are big-endian. A frame that is not exactly so is refused as a whole: nothing of a
 * damaged frame is believed.
 */
public final class Frame {

  /** The longest body: with what a frame and a communicator add, it fits into one message. */
  public static final int MAX_BODY_BYTES = Integer.MAX_VALUE - 4096;

  /** The first byte of every frame; changes whenever the layout does. */
  private static final byte FORMAT = (byte) 0xA1;

  private static final int ENTRY_BYTES = Byte.BYTES + Long.BYTES + Integer.BYTES;

  /** To copy a longer body would take about as long as a small message takes. */
  private static final int UNCOPIED_BYTES = 256 << 10;

  private Frame() {}

  /**
   * The room that an entry takes in a frame.
   *
   * @param entry any
   * @return its length in bytes
   */
  static long length(Entry entry) {
    return (long) ENTRY_BYTES + entry.body().remaining();
  }

  /**
   * Puts entries into one message.
   *
   * @param entries in the order in which the receiver sees them; together less than 2 GiB
   * @return the message
   */
  public static ByteBuffer encode(List<Entry> entries) {
    long length = Byte.BYTES + entries.stream().mapToLong(Frame::length).sum();
    ByteBuffer frame = ByteBuffer.allocate(Math.toIntExact(length)).put(FORMAT);
    for (Entry entry : entries) {
      frame.put(entry.kind().code()).putLong(entry.id());
      frame.putInt(entry.body().remaining()).put(entry.body().duplicate());
    }
    return frame.flip();
  }

  /**
   * Puts entries into one message whose last part, if it is long, has not been copied.
   *
   * @param entries in the order in which the receiver sees them; together less than 2 GiB
   * @return the parts of the message, of which the last may belong to the last entry
   */
  static List<ByteBuffer> encodeInParts(List<Entry> entries) {
    Entry last = entries.get(entries.size() - 1);
    if (last.body().remaining() < UNCOPIED_BYTES) {
      return List.of(encode(entries));
    }
    Entry headOfLast = new Entry(last.kind(), last.id());
    List<Entry> others = new ArrayList<>(entries.subList(0, entries.size() - 1));
    others.add(headOfLast);
    ByteBuffer beginning = encode(others);
    beginning.putInt(beginning.limit() - Integer.BYTES, last.body().remaining());
    return List.of(beginning, last.body());
  }

  /**
   * Reads a message.
   *
   * @param message as {@link #encode} made it
   * @return its entries, whose bodies are parts of the message
   * @throws DamagedFrameException if the message is anything else
   */
  public static List<Entry> decode(ByteBuffer message) throws DamagedFrameException {
    ByteBuffer rest = message.duplicate();
    if (!rest.hasRemaining() || rest.get() != FORMAT) {
      throw new DamagedFrameException("does not begin as a frame does", message);
    }
    List<Entry> entries = new ArrayList<>();
    while (rest.hasRemaining()) {
      if (rest.remaining() < ENTRY_BYTES) {
        throw new DamagedFrameException("ends inside an entry", message);
      }
      byte code = rest.get();
      EntryKind kind = EntryKind.ofCode(code);
      long id = rest.getLong();
      int length = rest.getInt();
      if (kind == null) {
        throw new DamagedFrameException("has an entry of the unknown kind " + code, message);
      }
      if (length < 0 || length > rest.remaining()) {
        throw new DamagedFrameException("has a body that is longer than the frame", message);
      }
      entries.add(new Entry(kind, id, rest.slice(rest.position(), length)));
      rest.position(rest.position() + length);
    }
    return entries;
  }
}
