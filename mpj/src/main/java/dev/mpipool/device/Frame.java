package dev.mpipool.device;

import java.nio.ByteBuffer;

/**
 * The frames that travel on a connection. Each has a header of 32 bytes in network byte order.
 *
 * <pre>
 *    0       1       2               4               8              12
 *   +-------+-------+---------------+---------------+---------------+---------------+
 *   | kind  | type  |         context (48 bits)     |      tag      | static length |
 *   +-------+-------+---------------+---------------+---------------+---------------+
 *   |dynamic length |   elements    |      id       |     value     |
 *   +---------------+---------------+---------------+---------------+
 *   16              20              24              28             32
 * </pre>
 *
 * <p>The static and the dynamic section of an mpjbuf buffer follow the header of EAGER, EAGER_SYNC
 * and DATA. MPI's matching goes by the order in which EAGER, EAGER_SYNC and RTS arrive.
 */
final class Frame {

  static final int HEADER = 32;

  /** An eager message. */
  static final int EAGER = 1;

  /** An eager message whose sender waits for MATCHED with this id. */
  static final int EAGER_SYNC = 2;

  /** Request to send (rendezvous): the envelope of a message that the sender calls {@code id}. */
  static final int RTS = 3;

  /**
   * Clear to send: the answer to the RTS of {@code id}. The sender now sends DATA or SHARED with
   * the id {@code value}; if that is -1, it completes without sending.
   */
  static final int CTS = 4;

  /**
   * A piece of the message that the receiver calls {@code id}. Its place in the message is in the
   * low half of context and in tag (high and low half), its length is the static length.
   */
  static final int DATA = 5;

  /** To the sender of {@code id}: a receive has matched it. */
  static final int MATCHED = 6;

  /** Credit: {@code value} bytes of the sender's eager messages have been matched. */
  static final int CREDIT = 7;

  /** The sender has called MPI.Finalize: when its connection ends, it is not lost. */
  static final int BYE = 8;

  /** Rank {@code value} is lost. */
  static final int LOST = 9;

  /**
   * Offers shared memory: file descriptor {@code id} of the process {@code value}. The number at
   * its beginning is in the low half of context and in tag.
   */
  static final int OFFER = 10;

  /** Answers an OFFER: the memory can be used ({@code value} 1) or not (0). */
  static final int ANSWER = 11;

  /** As DATA, but the bytes are in slot {@code value} of the shared memory. */
  static final int SHARED = 12;

  /** {@code value} slots of the shared memory can be filled again. */
  static final int SLOTS_FREE = 13;

  private static final long CONTEXT = (1L << 48) - 1;

  private Frame() {}

  /** Writes a header at the index; position and limit stay. */
  static void put(ByteBuffer b, int at, int kind, Envelope e, int id, int value) {
    b.putInt(at, kind << 24 | (e.type & 0xff) << 16 | ((int) (e.context >>> 32) & 0xffff));
    b.putInt(at + 4, (int) e.context);
    b.putInt(at + 8, e.tag);
    b.putInt(at + 12, e.staticLength);
    b.putInt(at + 16, e.dynamicLength);
    b.putInt(at + 20, e.elements);
    b.putInt(at + 24, id);
    b.putInt(at + 28, value);
  }

  /** Writes the header of a frame that has no message. */
  static void putControl(ByteBuffer b, int at, int kind, int id, int value) {
    put(b, at, kind, Envelope.NONE, id, value);
  }

  /** Writes the header of a piece of a message. */
  static void putData(ByteBuffer b, int at, int id, long place, int length) {
    putControl(b, at, DATA, id, 0);
    b.putLong(at + 4, place);
    b.putInt(at + 12, length);
  }

  /** Writes the header for a piece in shared memory. */
  static void putShared(ByteBuffer b, int at, int id, long place, int length, int slot) {
    putControl(b, at, SHARED, id, slot);
    b.putLong(at + 4, place);
    b.putInt(at + 12, length);
  }

  /** Writes an OFFER. */
  static void putOffer(ByteBuffer b, int at, int process, int descriptor, long token) {
    putControl(b, at, OFFER, descriptor, process);
    b.putLong(at + 4, token);
  }

  static int kind(ByteBuffer b, int at) {
    return b.get(at);
  }

  static Envelope envelope(ByteBuffer b, int at, int source) {
    return new Envelope(
        source,
        b.getInt(at + 8),
        b.getLong(at) & CONTEXT,
        b.get(at + 1),
        b.getInt(at + 12),
        b.getInt(at + 16),
        b.getInt(at + 20));
  }

  static int id(ByteBuffer b, int at) {
    return b.getInt(at + 24);
  }

  static int value(ByteBuffer b, int at) {
    return b.getInt(at + 28);
  }

  static long token(ByteBuffer b, int at) {
    return b.getLong(at + 4);
  }

  static long dataPlace(ByteBuffer b, int at) {
    return b.getLong(at + 4);
  }

  static int dataLength(ByteBuffer b, int at) {
    return b.getInt(at + 12);
  }
}
