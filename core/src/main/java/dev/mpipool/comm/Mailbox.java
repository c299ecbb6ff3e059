package dev.mpipool.comm;

import dev.mpipool.memory.Ring;
import java.util.Iterator;
import java.util.concurrent.locks.Condition;

/**
 * The messages of one context that have arrived at this rank but have not been received. Guarded by
 * the lock of its {@link MessageRouter}.
 */
final class Mailbox {

  final long context;

  /** Signalled when a message arrives, or a waiting thread must check for another reason. */
  final Condition changed;

  /** In order of arrival; the sources are ranks of the transport. */
  private final Ring<Message> arrived = new Ring<>();

  /** The number of threads that wait for {@link #changed}. */
  int waiters;

  /** Whether messages of ranks that have left may still come. */
  boolean served;

  /** Why no message can be received any more, or null. */
  String closed;

  Mailbox(long context, Condition changed) {
    this.context = context;
    this.changed = changed;
  }

  /** Adds a message. An {@link OutOfMemoryError} means that it was not added. */
  void add(Message message) {
    arrived.add(message);
    if (waiters > 0) {
      changed.signalAll();
    }
  }

  /**
   * Removes the earliest message that matches, or returns null. ANY_TAG does not match the negative
   * tags of collective calls.
   */
  Message removeMatch(int source, int tag) {
    if (arrived.isEmpty()) {
      return null;
    }
    for (Iterator<Message> i = arrived.iterator(); i.hasNext(); ) {
      Message message = i.next();
      boolean sourceFits = source == Communicator.ANY_SOURCE || source == message.source();
      boolean tagFits = tag == Communicator.ANY_TAG ? message.tag() >= 0 : tag == message.tag();
      if (sourceFits && tagFits) {
        i.remove();
        return message;
      }
    }
    return null;
  }
}
