package dev.mpipool.nativempi;

import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.memory.Memory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;

/**
 * Receives what one rank sends by {@code sendDirect}, into the memory of the threads that wait for
 * it. One of the waiting threads receives for all of them. A message that comes before its
 * receiver, while another is waited for, is kept in an array.
 */
final class DirectReceiver {

  private static final int TOO_LONG = -2;
  private static final int AWAITED = -1;

  /** A thread that waits, or a message that no thread waits for yet. */
  private static final class Place {
    final long context;
    final int tag;
    final ByteBuffer buffer;

    /** The length of what has come; negative while nothing has. */
    int length = AWAITED;

    Place(long context, int tag, ByteBuffer buffer) {
      this.context = context;
      this.tag = tag;
      this.buffer = buffer;
    }

    /** Takes a message that has come before. */
    void copyFrom(Place early) {
      if (early.length > buffer.remaining()) {
        length = TOO_LONG;
      } else {
        buffer.put(buffer.position(), early.buffer, 0, early.length);
        length = early.length;
      }
    }

    boolean is(long otherContext, int otherTag) {
      return context == otherContext && tag == otherTag;
    }
  }

  private final int source;
  private final Slots slots;
  private final Gate gate;
  private final Losses losses;
  private final Progress progress;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();

  /** In the order in which they began to wait. */
  private final List<Place> waiting = new ArrayList<>();

  private final ArrayDeque<Place> early = new ArrayDeque<>();
  private boolean receiving;

  DirectReceiver(int source, Slots slots, Gate gate, Losses losses, Progress progress) {
    this.source = source;
    this.slots = slots;
    this.gate = gate;
    this.losses = losses;
    this.progress = progress;
  }

  /** Waits for a message; returns its length. */
  int receive(long context, int tag, ByteBuffer buffer) {
    Place mine = new Place(context, tag, buffer);
    lock.lock();
    try {
      waiting.add(mine);
      while (mine.length == AWAITED) {
        Place known = removeEarly(context, tag);
        if (known != null) {
          mine.copyFrom(known);
        } else if (receiving) {
          changed.awaitUninterruptibly();
        } else {
          receiveUnlocked();
        }
      }
    } finally {
      waiting.remove(mine);
      lock.unlock();
    }
    if (mine.length == TOO_LONG) {
      throw new CommunicatorException(
          "A message does not fit into its place of %d bytes".formatted(buffer.remaining()), null);
    }
    return mine.length;
  }

  private Place removeEarly(long context, int tag) {
    for (Iterator<Place> i = early.iterator(); i.hasNext(); ) {
      Place place = i.next();
      if (place.is(context, tag)) {
        i.remove();
        return place;
      }
    }
    return null;
  }

  private void receiveUnlocked() {
    receiving = true;
    lock.unlock();
    try {
      receiveNext();
    } finally {
      lock.lock();
      receiving = false;
      changed.signalAll();
    }
  }

  private void receiveNext() {
    Slot window = slots.acquire(Wire.WINDOW);
    Slot head = window;
    awaitHead(head);
    long context = head.memory.get(ValueLayout.JAVA_LONG, Wire.CONTEXT);
    int tag = head.memory.get(ValueLayout.JAVA_INT, Wire.TAG);
    int total =
        head.memory.get(ValueLayout.JAVA_INT, Wire.LENGTH)
            + head.memory.get(ValueLayout.JAVA_INT, Wire.ATTACHMENT);
    Place place = placeFor(context, tag, total);
    boolean fits = place.buffer.remaining() >= total;
    MemorySegment memory = fits ? MemorySegment.ofBuffer(place.buffer) : null;
    if (total > Wire.SHORT_DIRECT_BYTES) {
      receivePieces(memory, total, window);
    } else if (fits) {
      MemorySegment.copy(head.memory, Wire.HEADER_BYTES, memory, 0, total);
    }
    slots.giveAll(window);
    arrived(place, fits ? total : TOO_LONG);
  }

  private void awaitHead(Slot head) {
    await(() -> MpiCalls.probe(head, source, Wire.DIRECT));
    MpiCalls.receive(head);
    progress.made(source);
  }

  /** The first that waits for such a message, or a new one. */
  private Place placeFor(long context, int tag, int total) {
    lock.lock();
    try {
      for (Place place : waiting) {
        if (place.length == AWAITED && place.is(context, tag)) {
          return place;
        }
      }
    } finally {
      lock.unlock();
    }
    Place[] made = {null};
    Memory.persist(() -> made[0] = new Place(context, tag, ByteBuffer.allocate(total)));
    return made[0];
  }

  private void arrived(Place place, int length) {
    lock.lock();
    try {
      place.length = length;
      if (!waiting.contains(place)) {
        Memory.persist(() -> early.add(place));
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Into memory outside the heap they are received at once; into null not at all. */
  private void receivePieces(MemorySegment memory, int total, Slot window) {
    boolean straight = memory != null && memory.isNative();
    Slot[] ring = window.ring(Wire.WINDOW);
    int pieces = (total - 1) / Slot.BYTES + 1;
    for (int i = 0; i < pieces; i++) {
      Slot slot = ring[i % ring.length];
      if (i >= ring.length) {
        finish(slot, memory, straight, i - ring.length);
      }
      long offset = (long) i * Slot.BYTES;
      slot.bytes = (int) Math.min(Slot.BYTES, total - offset);
      long address = straight ? memory.address() + offset : slot.address;
      MpiCalls.irecv(address, slot.bytes, source, Wire.DIRECT, slot.requestAddress);
    }
    for (int i = Math.max(0, pieces - ring.length); i < pieces; i++) {
      finish(ring[i % ring.length], memory, straight, i);
    }
  }

  private void finish(Slot slot, MemorySegment memory, boolean straight, int piece) {
    await(() -> MpiCalls.test(slot));
    progress.made(source);
    if (memory != null && !straight) {
      MemorySegment.copy(slot.memory, 0, memory, (long) piece * Slot.BYTES, slot.bytes);
    }
  }

  private void await(BooleanSupplier what) {
    Waiting wait = new Waiting();
    try {
      while (!what.getAsBoolean()) {
        gate.check();
        losses.check(source, wait);
        wait.pause();
      }
    } catch (MpiException e) {
      if (e.isLoss()) {
        losses.lost(source, Losses.REASON);
        losses.check(source);
      }
      throw e;
    }
  }
}
