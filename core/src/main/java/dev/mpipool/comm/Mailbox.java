package dev.mpipool.comm;

import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Ring;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * Messages that have arrived at a rank, and the threads that wait for some.
 *
 * <p>Matching by source and tag is done here and not by the MPI below: so any number of threads can
 * wait for different messages while MPI itself only ever sees one receive for whatever comes next.
 * Where messages have to be fetched ({@code pull}), one of the waiting threads does it for all: it
 * pulls until its own message is there, and then another takes over. A thread that waits alone,
 * which is the usual case, pays nothing for this.
 */
final class Mailbox {

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();

  /** In order of arrival; short, unless nobody asks for what has come. */
  private final Ring<Message> arrived = new Ring<>();

  /** Waits for the next message; null where others deliver. */
  private final Supplier<Message> pull;

  private final int size;

  /** Ranks that will send nothing more, and why. */
  private final Map<Integer, String> lost = new HashMap<>();

  private boolean pulling;

  /** Why nothing can be received any more, or null. */
  private String closed;

  /**
   * A mailbox of one of so many ranks. What is pulled may be null: then something else has changed.
   */
  Mailbox(int size, Supplier<Message> pull) {
    this.size = size;
    this.pull = pull;
  }

  /** Nothing more comes from a rank: those who wait for just that get an exception. */
  void lose(int rank, String reason) {
    lock.lock();
    try {
      lost.put(rank, reason);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  void deliver(Message message) {
    lock.lock();
    try {
      arrived.add(message);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Takes the earliest message that fits, or, if memory runs out, none; negative tags other than
   * ANY_TAG are the collectives'.
   */
  Message take(int source, int tag) {
    lock.lock();
    try {
      while (true) {
        Message message = removeMatch(source, tag);
        if (message != null) {
          return message;
        }
        checkThatMessagesCanCome(source, tag);
        if (pull == null || pulling) {
          changed.awaitUninterruptibly();
        } else {
          arrived.ensureRoom(1);
          Message pulled = pullUnlocked();
          if (pulled != null) {
            keep(pulled);
          }
        }
      }
    } finally {
      lock.unlock();
    }
  }

  void close() {
    close("The communicator has been closed");
  }

  /** Lets those who wait, now or later, have an exception that says why. */
  void close(String reason) {
    lock.lock();
    try {
      closed = reason;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Fetches the next message with the lock given up meanwhile; whatever comes of it, others look
   * again.
   */
  private Message pullUnlocked() {
    pulling = true;
    lock.unlock();
    try {
      return pull.get();
    } finally {
      Memory.lock(lock);
      pulling = false;
      changed.signalAll();
    }
  }

  /** What has been pulled is nowhere else; others may have taken the room for it meanwhile. */
  private void keep(Message pulled) {
    long pause = 0;
    while (true) {
      try {
        arrived.add(pulled);
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  /** A collective call never ends without the lost, even where the next message is a living's. */
  private void checkThatMessagesCanCome(int source, int tag) {
    if (closed != null) {
      throw new CommunicatorException(closed, null);
    }
    if (lost.containsKey(source)) {
      throw new RankLostException(
          source, "Nothing more comes from rank %d: %s".formatted(source, lost.get(source)), null);
    }
    if (tag < Communicator.ANY_TAG && !lost.isEmpty()) {
      Map.Entry<Integer, String> first = lost.entrySet().iterator().next();
      throw new RankLostException(
          first.getKey(),
          "A collective call cannot end without rank %d: %s"
              .formatted(first.getKey(), first.getValue()),
          null);
    }
    if (source == Communicator.ANY_SOURCE && !lost.isEmpty() && lost.size() == size - 1) {
      int last = lost.keySet().iterator().next();
      throw new RankLostException(last, "All other ranks are lost", null);
    }
  }

  private Message removeMatch(int source, int tag) {
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
