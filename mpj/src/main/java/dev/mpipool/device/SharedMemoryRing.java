package dev.mpipool.device;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A ring of slots in memory that this rank shares with a peer on the same host. It carries the
 * pieces of long messages in one direction; the connection carries a frame for each: SHARED says
 * that a slot is full, SLOTS_FREE that slots can be filled again. The system calls of the
 * connection order the accesses to the memory as well.
 *
 * <p>The ring is created when the first long message is sent, and used once the peer has accepted
 * the offer. Where there is no shared memory, the pieces go through the connection. The monitor of
 * the {@link Outbox} guards it.
 */
final class SharedMemoryRing {

  static final int SLOT = 64 * 1024;
  static final int SLOTS = 8;
  static final int BYTES = SLOT * SLOTS;

  /** The most rings of a process; its other peers get long messages through the connection. */
  private static final int MOST = 32;

  private static final AtomicInteger MADE = new AtomicInteger();

  private SharedMemory offered;
  private boolean tried;
  private boolean ready;
  private int free = SLOTS;
  private int next;

  /** Creates the memory, once. Returns what to offer to the peer, or null. */
  SharedMemory offer() {
    if (tried) {
      return null;
    }
    tried = true;
    if (MADE.incrementAndGet() <= MOST) {
      offered = SharedMemory.create(BYTES);
    }
    if (offered == null) {
      MADE.decrementAndGet();
    }
    return offered;
  }

  void answered(boolean yes) {
    if (offered != null) {
      offered.endOffer();
      ready = yes;
    }
  }

  boolean isReady() {
    return ready;
  }

  boolean hasRoom() {
    return free > 0;
  }

  /** The number of the slot that is filled next. */
  int next() {
    return next;
  }

  ByteBuffer slot() {
    return offered.memory.slice(next * SLOT, SLOT);
  }

  /** The next slot has been filled. */
  void filled() {
    next = (next + 1) % SLOTS;
    free--;
  }

  void freed(int slots) {
    free += slots;
  }

  void close() {
    if (offered != null) {
      MADE.decrementAndGet();
      if (!ready) {
        offered.endOffer();
      }
    }
    tried = true;
    ready = false;
    offered = null;
  }
}
