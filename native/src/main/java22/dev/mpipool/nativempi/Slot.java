package dev.mpipool.nativempi;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Memory outside the heap for one message of MPI, with what one operation needs beside it. Used by
 * one thread at a time; never freed.
 */
final class Slot {

  /** The longest message of MPI that goes through slots: it fits into a processor's cache. */
  static final int BYTES = 256 * 1024;

  private static final int REQUEST = BYTES;
  private static final int FLAG = REQUEST + 8;
  private static final int MATCH = FLAG + 8;
  private static final int COUNT = MATCH + 8;
  private static final int STATUS = COUNT + 8;
  private static final int END = STATUS + MpiAbi.STATUS_BYTES;

  final MemorySegment memory = Arena.global().allocate(END, 64);
  final long address = memory.address();
  final long requestAddress = address + REQUEST;
  final long flagAddress = address + FLAG;
  final long matchAddress = address + MATCH;
  final long countAddress = address + COUNT;
  final long statusAddress = address + STATUS;

  /** The source and the length of the message that was found. */
  int source;

  int bytes;

  /** Whether the message is here. */
  boolean complete;

  /** The next in a list. */
  Slot next;

  boolean flag() {
    return memory.get(ValueLayout.JAVA_INT, FLAG) != 0;
  }

  int statusInt(long offset) {
    return memory.get(ValueLayout.JAVA_INT, STATUS + offset);
  }

  void found(int sender) {
    source = sender;
    bytes = memory.get(ValueLayout.JAVA_INT, COUNT);
    complete = false;
  }

  /** Whether this head is the last that its sender sends. */
  boolean isLast() {
    return memory.get(ValueLayout.JAVA_INT, Wire.KIND) == Wire.LEFT;
  }

  /** This slot and those that are linked to it. */
  Slot[] ring(int length) {
    Slot[] ring = new Slot[length];
    ring[0] = this;
    for (int i = 1; i < length; i++) {
      ring[i] = ring[i - 1].next;
    }
    return ring;
  }
}
