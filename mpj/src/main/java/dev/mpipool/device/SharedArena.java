package dev.mpipool.device;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Memory through which a rank sends long messages to a peer on the same host, each as a whole: the
 * head of a message, on the connection, says where the rest is. A message takes two copies and one
 * short frame; through the connection or a {@link SharedMemoryRing} it takes a frame for every
 * piece, and a handshake before.
 *
 * <p>Messages follow each other in a ring of {@link #BYTES} bytes, and none is divided at its end.
 * A place is a number of bytes since the beginning, gaps included. The receiver copies messages out
 * in the order of their heads, and records in the memory the place that it has reached. Where there
 * is no room, the sender does not wait: the message goes in pieces.
 *
 * <p>One object is one end of the memory, for the sender or for the receiver. Not thread-safe.
 */
final class SharedArena {

  static final int BYTES = 4 << 20;

  /** A longer message would leave no room for others. */
  static final int LONGEST = BYTES / 2;

  /** In front of the messages: the place that the receiver has reached (long), and padding. */
  private static final int COUNTER = 4096;

  private static final int ALL = COUNTER + BYTES;

  /** Messages begin at multiples of a cache line. */
  private static final int LINE = 64;

  /** The most that a process makes. */
  private static final int MOST = 32;

  private static final VarHandle DONE =
      MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.nativeOrder());
  private static final AtomicInteger MADE = new AtomicInteger();

  private final ByteBuffer memory;

  /** What the sender offers; null at the receiver. */
  private final SharedMemory offer;

  /** Where the next message begins. */
  private long next;

  private SharedArena(ByteBuffer memory, SharedMemory offer) {
    this.memory = memory;
    this.offer = offer;
  }

  /** The sender's end of new memory; null if that is not possible. */
  static SharedArena create() {
    SharedMemory made = null;
    if (MADE.incrementAndGet() <= MOST && SharedMemory.hasPlenty(ALL)) {
      made = SharedMemory.create(ALL);
    }
    if (made == null) {
      MADE.decrementAndGet();
    }
    return made == null ? null : new SharedArena(made.memory, made);
  }

  /** The receiver's end; null if the memory cannot be opened. */
  static SharedArena open(long process, int descriptor, long token) {
    ByteBuffer memory = SharedMemory.open(process, descriptor, token, ALL, true);
    return memory == null ? null : new SharedArena(memory, null);
  }

  /** The file descriptor under which the peer finds the memory. */
  int descriptor() {
    return offer.descriptor;
  }

  /** The number with which the peer recognizes it. */
  long token() {
    return offer.token;
  }

  /** The peer has opened the memory, or will not. */
  void endOffer() {
    offer.endOffer();
  }

  /** Forgets the memory, which stays mapped until it is collected. */
  void close() {
    endOffer();
    MADE.decrementAndGet();
  }

  /** Where a message of this length can be; negative if there is no room for it now. */
  long place(int length) {
    int at = (int) (next % BYTES);
    long start = length > BYTES - at ? next + BYTES - at : next;
    long done = (long) DONE.getAcquire(memory, 0);
    return length > LONGEST || start + length - done > BYTES ? -1 : start;
  }

  /** Copies a part of a message, which is one of at most two, and begins at its place. */
  void put(long place, ByteBuffer part) {
    memory.put(COUNTER + (int) (place % BYTES), part, part.position(), part.remaining());
    next = (place + part.remaining() + LINE - 1) / LINE * LINE;
  }

  /** The bytes of a message; null if it cannot be there. */
  ByteBuffer message(long place, int length) {
    int at = (int) (place % BYTES);
    return place < 0 || length < 0 || length > LONGEST || length > BYTES - at
        ? null
        : memory.slice(COUNTER + at, length);
  }

  /** The message has been copied out, and all before it. */
  void done(long place, int length) {
    DONE.setRelease(memory, 0, place + length);
  }
}
