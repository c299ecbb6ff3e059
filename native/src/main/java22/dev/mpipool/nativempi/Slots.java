package dev.mpipool.nativempi;

/** Slots that are not in use. */
final class Slots {

  private Slot first;

  /** A slot to be given back; made if there is none. */
  synchronized Slot acquire() {
    Slot slot = first;
    if (slot == null) {
      return new Slot();
    }
    first = slot.next;
    slot.next = null;
    return slot;
  }

  /** So many slots, linked; none if memory runs out. */
  Slot acquire(int number) {
    Slot taken = null;
    try {
      for (int i = 0; i < number; i++) {
        Slot slot = acquire();
        slot.next = taken;
        taken = slot;
      }
      return taken;
    } catch (OutOfMemoryError e) {
      giveAll(taken);
      throw e;
    }
  }

  synchronized void give(Slot slot) {
    slot.next = first;
    first = slot;
  }

  /** Gives back a slot and all that are linked to it. */
  void giveAll(Slot slots) {
    Slot slot = slots;
    while (slot != null) {
      Slot next = slot.next;
      give(slot);
      slot = next;
    }
  }
}
