package dev.mpipool.protocol;

import dev.mpipool.comm.Message;
import dev.mpipool.serial.Payload;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.zip.CRC32C;

/**
 * Several entries in one message.
 *
 * <pre>
 *   frame:  | format (byte) | checksum (int) | entry | entry | ... to the end of the message
 *   entry:  | kind (byte) | task id (long) | length of the payload (int) | payload |
 * </pre>
 *
 * Numbers are big-endian. A message may have a {@linkplain Message#attachment attachment}, which
 * then ends the payload of the last entry; the length of the payload counts it. The checksum
 * (CRC-32C) is over kind, id, length and the first 64 bytes of the payload of every entry: over all
 * that the pool itself acts upon. The rest are the users' values, which the transport keeps whole,
 * and which would be expensive to go over once more.
 *
 * <p><b>Damaged frames.</b> A frame that is not exactly so is refused as a whole: nothing of it is
 * believed. Then what it was to say is lost, and its sender may wait for the effect for ever; so
 * the sender counts as lost from then on, as it does after an entry that it may not send or that
 * cannot be read. Main excludes such a worker, and its tasks go to others. A worker to which main
 * sends a damaged frame says so, with {@link EntryKind#LEFT}, and leaves. Another worker counts as
 * lost to the groups in which both are members. Each time the log names the sender and what was
 * wrong. Values that cannot be read fail their task alone.
 */
public final class Frame {

  /** The first byte of every frame; changes whenever the layout does. */
  private static final byte FORMAT = (byte) 0xA3;

  private static final int HEADER_BYTES = Byte.BYTES + Integer.BYTES;

  /** So much of each payload is under the checksum. */
  private static final int CHECKED_PAYLOAD_BYTES = 64;

  private static final int ENTRY_BYTES = Byte.BYTES + Long.BYTES + Integer.BYTES;

  /** The room that a list of entries has from the start: for short ones, and not many of them. */
  private static final int SHORT_BYTES = 2 * ENTRY_BYTES;

  private static final int ROOM = 256;

  private Frame() {}

  /**
   * The checksum of a frame. Short entries stand one behind the other and are gone over at once,
   * which is several times as fast as piece by piece.
   */
  private static final class Checked {
    private final CRC32C checksum = new CRC32C();
    private final ByteBuffer frame;

    /** What is not checked yet begins here. */
    private int from;

    /** Of a frame from its position on. */
    Checked(ByteBuffer frame) {
      this.frame = frame.duplicate();
      from = frame.position();
    }

    /** A payload is behind its entry's other fields, with or without its attachment. */
    void payload(Payload payload, int start, int end) {
      int count = Math.min(payload.length(), CHECKED_PAYLOAD_BYTES);
      if (start + count > end) { // it goes on in its attachment
        upTo(start);
        payload.check(checksum, count);
        from = end;
      } else if (payload.length() > count) {
        upTo(start + count);
        from = end;
      }
    }

    private void upTo(int end) {
      checksum.update(frame.limit(end).position(from));
    }

    int sumUntil(int end) {
      upTo(end);
      return (int) checksum.getValue();
    }
  }

  /**
   * The room that an entry takes in a frame.
   *
   * @param entry any
   * @return its length in bytes
   */
  static long length(Entry entry) {
    return (long) ENTRY_BYTES + entry.payload().length();
  }

  /**
   * Puts entries into one message.
   *
   * @param entries in the order in which the receiver sees them; together less than 2 GiB
   * @return the message
   */
  public static ByteBuffer encode(List<Entry> entries) {
    return encode(entries, 0);
  }

  /** Leaves so many bytes of the last payload out, as if they stood elsewhere. */
  private static ByteBuffer encode(List<Entry> entries, int apart) {
    long length = (long) HEADER_BYTES - apart;
    for (int i = 0; i < entries.size(); i++) {
      length += length(entries.get(i));
    }
    ByteBuffer frame = ByteBuffer.allocate(Math.toIntExact(length)).put(FORMAT).putInt(0);
    Checked checked = new Checked(frame);
    for (int i = 0; i < entries.size(); i++) {
      Entry entry = entries.get(i);
      Payload payload = entry.payload();
      frame.put(entry.kind().code()).putLong(entry.id()).putInt(payload.length());
      int start = frame.position();
      payload.put(frame, payload.length() - (i == entries.size() - 1 ? apart : 0));
      checked.payload(payload, start, frame.position());
    }
    return frame.putInt(Byte.BYTES, checked.sumUntil(frame.position())).flip();
  }

  /**
   * Puts entries into one message whose last part, if it is long, has not been copied.
   *
   * @param entries in the order in which the receiver sees them; together less than 2 GiB
   * @return the parts of the message, one or two, of which the second belongs to the last entry
   */
  static List<ByteBuffer> encodeInParts(List<Entry> entries) {
    ByteBuffer last = entries.get(entries.size() - 1).payload().lastPart();
    if (last.remaining() < Payload.UNCOPIED_BYTES) {
      return List.of(encode(entries));
    }
    return List.of(encode(entries, last.remaining()), last);
  }

  /**
   * What is left of a message of more than a mebibyte that its receiver had no memory for.
   *
   * @param before the entries before the one that is cut
   * @param kind of the entry that is cut
   * @param id its task
   * @param bodyBytes the length of its payload, which is lost
   */
  public record Cut(List<Entry> before, EntryKind kind, long id, int bodyBytes) {

    /** What was to come and why it has not, for an error message. */
    public String reason() {
      return "it takes %d bytes, for which there is no memory (of %d MB at most)"
          .formatted(bodyBytes, Runtime.getRuntime().maxMemory() >> 20);
    }
  }

  /**
   * Reads the beginning of a message whose rest is lost: a long message has one long entry, and at
   * most one without a payload beside it.
   *
   * @param beginning of what {@link #encode} made
   * @param missing the bytes that are lost
   * @param allowed which kinds the sender may send so long
   * @return what is left
   * @throws DamagedFrameException if the message is anything else
   */
  public static Cut decodeCut(ByteBuffer beginning, int missing, Predicate<EntryKind> allowed)
      throws DamagedFrameException {
    ByteBuffer rest = beginning.duplicate();
    if (rest.remaining() < HEADER_BYTES || rest.get() != FORMAT) {
      throw new DamagedFrameException("does not begin as a frame does", beginning);
    }
    rest.getInt();
    List<Entry> before = new ArrayList<>();
    while (rest.remaining() >= ENTRY_BYTES) {
      EntryKind kind = EntryKind.ofCode(rest.get());
      long id = rest.getLong();
      int length = rest.getInt();
      long after = rest.remaining() + (long) missing - length;
      if (kind == null || length < 0 || after < 0) {
        throw new DamagedFrameException("has an entry that cannot be", beginning);
      }
      if (length <= rest.remaining()) {
        before.add(new Entry(kind, id, rest.slice(rest.position(), length)));
        rest.position(rest.position() + length);
      } else if (after <= ENTRY_BYTES && allowed.test(kind)) {
        return new Cut(before, kind, id, length);
      } else {
        break;
      }
    }
    throw new DamagedFrameException(
        "is longer than there is memory for, and is not one of those that may be", beginning);
  }

  /**
   * Reads a message.
   *
   * @param message as {@link #encode} made it
   * @return its entries, whose payloads are parts of the message
   * @throws DamagedFrameException if the message is anything else
   */
  public static List<Entry> decode(ByteBuffer message) throws DamagedFrameException {
    return decode(message, null);
  }

  /**
   * Reads a message.
   *
   * @param message as {@link #encode} made it; maybe with an attachment, then this is of the last
   *     payload
   * @return its entries, whose payloads are parts of the message
   * @throws DamagedFrameException if the message is anything else
   */
  public static List<Entry> decode(Message message) throws DamagedFrameException {
    return decode(message.beginning(), message.attachment());
  }

  private static List<Entry> decode(ByteBuffer message, byte[] attachment)
      throws DamagedFrameException {
    ByteBuffer rest = message.duplicate();
    if (rest.remaining() < HEADER_BYTES || rest.get() != FORMAT) {
      throw new DamagedFrameException("does not begin as a frame does", message);
    }
    int expected = rest.getInt();
    Checked checked = new Checked(rest);
    List<Entry> entries = new ArrayList<>(Math.min(ROOM, 1 + rest.remaining() / SHORT_BYTES));
    byte[] tailLeft = attachment;
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
      Payload payload;
      int start = rest.position();
      if (tailLeft != null && length == rest.remaining() + (long) tailLeft.length) {
        payload = Payload.of(rest, tailLeft);
        rest.position(rest.limit());
        tailLeft = null;
      } else if (length >= 0 && length <= rest.remaining()) {
        payload = Payload.of(rest.slice(rest.position(), length));
        rest.position(rest.position() + length);
      } else {
        throw new DamagedFrameException("has a payload that is longer than the frame", message);
      }
      checked.payload(payload, start, rest.position());
      entries.add(new Entry(kind, id, payload));
    }
    if (tailLeft != null) {
      throw new DamagedFrameException("has an attachment that belongs to no entry", message);
    }
    if (checked.sumUntil(rest.position()) != expected) {
      throw new DamagedFrameException("has another checksum than it says", message);
    }
    return entries;
  }
}
