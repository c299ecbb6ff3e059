package dev.mpipool.nativempi;

import dev.mpipool.comm.CommunicatorException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Sends messages. The bytes are copied into slots and sent from there, without MPI's own waiting: a
 * receiver that is asleep is woken first, since even a short message may have to wait for it.
 *
 * <p>When to ring: a receiver sleeps no earlier than {@link Waiting#YIELD_NANOS} after a message.
 * So a message that is under way, at the latest, {@link #RING_NANOS} after the one before was begun
 * finds it awake.
 */
final class Sender {

  private static final long RING_NANOS = Waiting.YIELD_NANOS / 3;

  private final int tag;

  /** A message of at most so many bytes travels alone; else this is how many go with the head. */
  private final int shortBytes;

  private final int headBytes;
  private final Slots slots;
  private final Doors doors;
  private final Gate gate;
  private final Losses losses;
  private final Progress progress;

  /** For each destination: the message that is on its way there. */
  private final ReentrantLock[] turns;

  /** For each destination: when the last message was begun. Guarded by its lock. */
  private final long[] begun;

  /** Sends what {@link Inbox} receives. */
  static Sender ofMessages(
      int size, Slots slots, Doors doors, Gate gate, Losses losses, Progress progress) {
    return new Sender(
        Wire.MESSAGES,
        Wire.SHORT_BYTES,
        Wire.FIRST_BYTES,
        size,
        slots,
        doors,
        gate,
        losses,
        progress);
  }

  /** Sends what {@link DirectReceiver} receives. */
  static Sender ofDirect(
      int size, Slots slots, Doors doors, Gate gate, Losses losses, Progress progress) {
    return new Sender(
        Wire.DIRECT, Wire.SHORT_DIRECT_BYTES, 0, size, slots, doors, gate, losses, progress);
  }

  private Sender(
      int tag,
      int shortBytes,
      int headBytes,
      int size,
      Slots slots,
      Doors doors,
      Gate gate,
      Losses losses,
      Progress progress) {
    this.tag = tag;
    this.shortBytes = shortBytes;
    this.headBytes = headBytes;
    this.slots = slots;
    this.doors = doors;
    this.gate = gate;
    this.losses = losses;
    this.progress = progress;
    this.turns = new ReentrantLock[size];
    this.begun = new long[size];
    long longAgo = System.nanoTime() - RING_NANOS;
    for (int i = 0; i < size; i++) {
      turns[i] = new ReentrantLock();
      begun[i] = longAgo;
    }
  }

  /** Returns when the buffers may be used again. */
  void send(int destination, long context, int label, ByteBuffer data, ByteBuffer attachment) {
    long length = (long) data.remaining() + attachment.remaining();
    if (length > Wire.MAX_BYTES) {
      throw new CommunicatorException(
          "A message has at most %d bytes, not %d".formatted(Wire.MAX_BYTES, length), null);
    }
    losses.check(destination);
    MemorySegment first = MemorySegment.ofBuffer(data);
    MemorySegment second = MemorySegment.ofBuffer(attachment);
    if (length <= shortBytes) {
      sendShort(destination, context, label, first, second);
    } else {
      sendLong(destination, context, label, first, second);
    }
  }

  private void sendShort(
      int destination, long context, int label, MemorySegment first, MemorySegment second) {
    int length = (int) (first.byteSize() + second.byteSize());
    turns[destination].lock();
    try {
      Slot slot = slots.acquire();
      putHeader(slot, context, label, length, 0);
      copy(first, second, 0, slot, Wire.HEADER_BYTES, length);
      sendAlone(slot, Wire.HEADER_BYTES + length, destination);
    } finally {
      turns[destination].unlock();
    }
  }

  /** Says that nothing more comes from here. */
  void sendLast(int destination) {
    turns[destination].lock();
    try {
      Slot slot = slots.acquire();
      putHeader(slot, 0, 0, 0, 0);
      slot.memory.set(ValueLayout.JAVA_INT, Wire.KIND, Wire.LEFT);
      sendAlone(slot, Wire.HEADER_BYTES, destination);
    } finally {
      turns[destination].unlock();
    }
  }

  /** A slot whose sending has failed may still be in use, and is not given back. */
  private void sendAlone(Slot slot, int bytes, int destination) {
    begin(slot, slot.address, bytes, destination);
    await(slot, destination);
    slots.give(slot);
  }

  /** What lies outside the heap, in one part, is sent from where it is. */
  private void sendLong(
      int destination, long context, int label, MemorySegment first, MemorySegment second) {
    turns[destination].lock();
    try {
      Slot window = slots.acquire(Wire.WINDOW);
      Slot[] ring = window.ring(Wire.WINDOW);
      putHeader(ring[0], context, label, (int) first.byteSize(), (int) second.byteSize());
      copy(first, second, 0, ring[0], Wire.HEADER_BYTES, headBytes);
      begin(ring[0], ring[0].address, Wire.HEADER_BYTES + headBytes, destination);
      sendPieces(destination, first, second, ring);
      slots.giveAll(window);
    } finally {
      turns[destination].unlock();
    }
  }

  private void sendPieces(int destination, MemorySegment first, MemorySegment second, Slot[] ring) {
    long total = first.byteSize() + second.byteSize();
    boolean straight = first.isNative() && second.byteSize() == 0;
    int sent = 1; // the head
    for (long offset = headBytes; offset < total; offset += Slot.BYTES) {
      Slot slot = ring[sent % ring.length];
      if (sent >= ring.length) {
        awaitPiece(slot, destination);
      }
      int bytes = (int) Math.min(Slot.BYTES, total - offset);
      if (!straight) {
        copy(first, second, offset, slot, 0, bytes);
      }
      begin(slot, straight ? first.address() + offset : slot.address, bytes, destination);
      sent++;
    }
    for (int i = Math.max(0, sent - ring.length); i < sent; i++) {
      awaitPiece(ring[i % ring.length], destination);
    }
  }

  static void putHeader(Slot slot, long context, int label, int length, int attachment) {
    slot.memory.set(ValueLayout.JAVA_LONG, Wire.CONTEXT, context);
    slot.memory.set(ValueLayout.JAVA_INT, Wire.TAG, label);
    slot.memory.set(ValueLayout.JAVA_INT, Wire.LENGTH, length);
    slot.memory.set(ValueLayout.JAVA_INT, Wire.ATTACHMENT, attachment);
    slot.memory.set(ValueLayout.JAVA_INT, Wire.KIND, Wire.MESSAGE);
  }

  /** Copies bytes of two parts, as if they were one, into a slot. */
  private static void copy(
      MemorySegment first, MemorySegment second, long offset, Slot slot, long at, long bytes) {
    long ofFirst = Math.max(0, Math.min(bytes, first.byteSize() - offset));
    if (ofFirst > 0) {
      MemorySegment.copy(first, offset, slot.memory, at, ofFirst);
    }
    if (bytes > ofFirst) {
      long from = offset + ofFirst - first.byteSize();
      MemorySegment.copy(second, from, slot.memory, at + ofFirst, bytes - ofFirst);
    }
  }

  /** Begins to send from somewhere, as the slot's operation. */
  private void begin(Slot slot, long address, int bytes, int destination) {
    long before = System.nanoTime();
    try {
      MpiCalls.isend(address, bytes, destination, tag, slot.requestAddress);
    } catch (MpiException e) {
      throw failure(e, destination);
    }
    if (System.nanoTime() - begun[destination] > RING_NANOS) {
      doors.ring(destination);
    }
    begun[destination] = before;
  }

  private void await(Slot slot, int destination) {
    try {
      if (!MpiCalls.test(slot)) {
        awaitLong(slot, destination);
      }
    } catch (MpiException e) {
      throw failure(e, destination);
    }
  }

  /**
   * A piece is taken by a receiver that lives; of a short message MPI itself takes a copy, though
   * the receiver may have ended.
   */
  private void awaitPiece(Slot slot, int destination) {
    await(slot, destination);
    progress.made(destination);
  }

  private void awaitLong(Slot slot, int destination) {
    Waiting waiting = new Waiting();
    while (!MpiCalls.test(slot)) {
      gate.check();
      losses.check(destination, waiting);
      if (waiting.pause()) {
        doors.ring(destination);
      }
    }
  }

  private RuntimeException failure(MpiException e, int destination) {
    if (e.isLoss()) {
      losses.lost(destination, Losses.REASON);
      losses.check(destination);
    }
    return e;
  }
}
