package dev.mpipool.nativempi;

import dev.mpipool.transport.Receiver;

/**
 * Receives the messages of all ranks, by one thread at a time. MPI is asked for whatever is there;
 * long pieces are received while others are looked for, so that a sender that is stopped keeps no
 * other's messages away. Of one source, they are used in the order in which they were found.
 */
final class Inbox {

  /** What a sender has sent and has not been used yet. */
  private static final class Source {
    Slot first;
    Slot last;

    /** The message whose pieces come next, or null. */
    Incoming current;
  }

  private final Slots slots;
  private final Doors doors;
  private final Gate gate;
  private final Losses losses;
  private final Progress progress;
  private final Source[] sources;
  private Receiver receiver;

  /** How many slots are in use. */
  private int used;

  /** For the next message. */
  private Slot spare;

  /** Whether the spare slot has found a message that is not being received yet. */
  private boolean found;

  /** When something was last received or sent, or the door rang. */
  private volatile long activity = System.nanoTime();

  private volatile boolean woken;

  Inbox(int size, Slots slots, Doors doors, Gate gate, Losses losses, Progress progress) {
    this.slots = slots;
    this.doors = doors;
    this.gate = gate;
    this.losses = losses;
    this.progress = progress;
    this.sources = new Source[size];
    for (int i = 0; i < size; i++) {
      sources[i] = new Source();
    }
  }

  void start(Receiver gets) {
    receiver = gets;
  }

  /** An answer may come soon. */
  void sent() {
    activity = System.nanoTime();
  }

  void wake() {
    woken = true;
    doors.wake();
  }

  /**
   * Waits for messages; returns early when one was delivered or {@link #wake} was called. Returns
   * whether one was delivered.
   */
  boolean poll(long nanos) {
    long begin = System.nanoTime();
    boolean delivered = step();
    while (!delivered && !awoken()) {
      gate.check();
      MpiCalls.giveWay();
      long now = System.nanoTime();
      long rest = nanos - (now - begin);
      if (rest <= 0) {
        return false;
      }
      if (used > 0) {
        pauseForPieces(now);
      } else if (!Waiting.briefly(now - activity)) {
        sleep(rest);
      }
      delivered = step();
    }
    return delivered;
  }

  /** Whether nothing is being received. */
  boolean isEmpty() {
    return used == 0;
  }

  private boolean awoken() {
    if (woken) {
      woken = false;
      return true;
    }
    return false;
  }

  /** While a piece is on its way, MPI has to be called, but the sender may be stopped. */
  private void pauseForPieces(long now) {
    if (!Waiting.briefly(now - activity)) {
      Libc.sleepMicros((int) Math.min(1_000, Math.max(50, (now - activity) / 10_000)));
    }
  }

  /** MPI finds at the first look what the second then tells. */
  private void sleep(long nanos) {
    doors.announceSleep();
    if (woken || isThereAny() || isThereAny() || gate.isClosed()) {
      doors.stayAwake();
    } else {
      if (doors.sleep(nanos)) {
        activity = System.nanoTime();
      }
      isThereAny();
    }
  }

  /** Finds a message, which the next step then takes. */
  private boolean isThereAny() {
    if (!found) {
      if (spare == null) {
        spare = slots.acquire();
      }
      found = MpiCalls.probeAny(spare, Wire.MESSAGES);
    }
    return found;
  }

  /** Uses what is there; returns whether a message was delivered. */
  private boolean step() {
    boolean delivered = used > 0 && useReceived();
    if (delivered || !isThereAny()) {
      return delivered;
    }
    Slot slot = spare;
    found = false;
    spare = null;
    if (slot.bytes <= Wire.EAGER_BYTES) {
      MpiCalls.receive(slot);
      slot.complete = true;
    } else {
      MpiCalls.beginReceive(slot);
      slot.complete = false;
    }
    activity = System.nanoTime();
    Source source = sources[slot.source];
    add(source, slot);
    return use(source);
  }

  private void add(Source source, Slot slot) {
    if (source.first == null) {
      source.first = slot;
    } else {
      source.last.next = slot;
    }
    source.last = slot;
    used++;
  }

  private boolean useReceived() {
    boolean delivered = false;
    for (Source source : sources) {
      delivered |= source.first != null && use(source);
    }
    return delivered;
  }

  /** Uses what is complete of one source, in order; returns whether a message was delivered. */
  private boolean use(Source source) {
    boolean delivered = false;
    for (Slot slot = source.first; slot != null && isComplete(slot); slot = source.first) {
      delivered |= use(source, slot);
      source.first = slot.next;
      slot.next = null;
      used--;
      if (spare == null) {
        spare = slot;
      } else {
        slots.give(slot);
      }
    }
    return delivered;
  }

  private boolean isComplete(Slot slot) {
    if (!slot.complete) {
      slot.complete = isReceived(slot);
      if (slot.complete) {
        activity = System.nanoTime();
      }
    }
    return slot.complete;
  }

  /** What a lost rank was sending does not come any more. */
  private boolean isReceived(Slot slot) {
    try {
      return MpiCalls.test(slot);
    } catch (MpiException e) {
      if (!e.isLoss()) {
        throw e;
      }
      drop(sources[slot.source]);
      losses.lost(slot.source, Losses.REASON);
      return false;
    }
  }

  private void drop(Source source) {
    for (Slot slot = source.first; slot != null; slot = slot.next) {
      used--;
    }
    source.first = null;
    source.current = null;
  }

  /** If memory runs out, the slot is used once more later. */
  private boolean use(Source source, Slot slot) {
    progress.made(slot.source);
    if (source.current == null && slot.isLast()) {
      losses.lost(slot.source, Losses.REASON);
      return true;
    }
    if (source.current == null) {
      source.current = new Incoming(slot);
    } else {
      source.current.add(slot);
    }
    if (!source.current.isComplete()) {
      return false;
    }
    source.current.deliver(receiver);
    source.current = null;
    return true;
  }
}
