package dev.mpipool.device;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The pieces of long messages for a peer on the same host go through memory that both see, and only
 * the news of them through the connection: SHARED says that a slot is full, TAKEN that it is empty
 * again. Both come with the system calls of the connection, which order the memory as well.
 *
 * <p>It is made when the first long message leaves, and used from the peer's answer on. Where it
 * cannot be had, the pieces go through the connection. The outbox's monitor guards it.
 */
final class Lane {

  static final int SLOT = 64 * 1024;
  static final int SLOTS = 8;
  static final int BYTES = SLOT * SLOTS;

  /** A rank makes so many at most; all its other peers get long messages by the connection. */
  private static final int MOST = 32;

  private static final AtomicInteger MADE = new AtomicInteger();

  private SharedMemory offered;
  private boolean tried;
  private boolean ready;
  private int free = SLOTS;
  private int next;

  /** Returns what to tell the peer, once; null if there is nothing to tell. */
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

  /** The slot that is filled next. */
  int next() {
    return next;
  }

  ByteBuffer slot() {
    return offered.memory.slice(next * SLOT, SLOT);
  }

  /** The slot is full. */
  void filled() {
    next = (next + 1) % SLOTS;
    free--;
  }

  void taken(int slots) {
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
