package dev.mpipool.protocol;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.comm.MessageChannel;
import dev.mpipool.comm.MessageChannels;
import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Ring;
import dev.mpipool.memory.Uninterruptibles;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntFunction;

/**
 * The sending side of a pool: a queue of entries for each rank, and a thread that sends them.
 *
 * <p>Entries that pile up for a rank while it is busy share the next frame; a lone entry is sent at
 * once. Where MPI may be called from any thread, a thread that posts may also send, unless another
 * thread is sending: that saves waking the sender's thread. There the sender's thread rests for a
 * moment after each round, since more entries are likely to follow and every frame costs both
 * sides; it rests longer while many entries come. Entries that are flushed meanwhile do not wait
 * for it.
 *
 * <p>Posting never waits, so threads that receive may post. A send may wait for its receiver, and
 * receivers never wait for a send of their own, so every send to a living rank ends. A send to a
 * rank that is stopped may last for ever: once a send has lasted 200 ms and an entry is posted for
 * another rank, a new thread serves all other ranks, and the first thread ends when its send does.
 * Entries for the same rank stay in order.
 *
 * <p>The thread does not end by an exception. How entries are sent when memory is short: {@link
 * FrameWriter}.
 */
public final class FrameSender implements Outbox {

  /** The tag of all frames. A pool has a communicator to itself. */
  public static final int TAG = 0;

  /** A send that takes longer does not keep others waiting. */
  private static final long PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

  /** Rests are longer by what the system's timers take, some 60 us on Linux. */
  private static final long REST_NANOS = TimeUnit.MICROSECONDS.toNanos(50);

  /**
   * While more than so much has piled up for each rank that got something, the next rest is twice
   * as long as the last: to wake costs more than a few entries do. But it stays a small part of the
   * time for which a worker has tasks.
   */
  private static final int MANY_ENTRIES = 32;

  private static final int MOST_SPARES = 64;
  private static final int MOST_SPARE_ROOM = 256;
  private static final long LONGEST_REST_NANOS = TimeUnit.MICROSECONDS.toNanos(400);

  private final FrameWriter writer;
  private final String threadName;
  private volatile Thread thread;

  private final boolean fromAnyThread;

  /** That of the rank's own threads: MPJ Express finds a thread's rank by it. */
  private final ThreadGroup group = Thread.currentThread().getThreadGroup();

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private DestinationQueue[] queues = new DestinationQueue[4];

  /** The queues that have entries, the one that has waited longest first. */
  private final Ring<DestinationQueue> waiting = new Ring<>();

  /**
   * Empty rings, which queues use in turn: of many ranks few have entries at a time. The same few
   * stay in the processor's cache.
   */
  private final Ring<Ring<Entry>> spares = new Ring<>();

  /** The size of {@code waiting}; written with the lock held. */
  private volatile int waitingCount;

  /** How many queues are stuck. */
  private int stuck;

  private boolean closed;

  /** Run by the thread when all entries have been sent. */
  private Runnable atEnd = () -> {};

  /** The present one; changed with the lock held. */
  private volatile SendPermit permit = new SendPermit();

  /** The right to take entries and send them, so that they go out in order. */
  private static final class SendPermit {
    final ReentrantLock sending = new ReentrantLock();

    /** The queue that is being sent, or null; guarded by the sender's lock. */
    DestinationQueue queue;

    long since;

    /** Counted since the last rest, by the holder of the permit, as the next is. */
    int queuesServed;

    int entriesSent;

    /** The length of the next rest; used by the sender's thread only. */
    long restNanos = REST_NANOS;

    void planRest() {
      boolean many = entriesSent > queuesServed * MANY_ENTRIES;
      restNanos = many ? Math.min(2 * restNanos, LONGEST_REST_NANOS) : REST_NANOS;
      queuesServed = 0;
      entriesSent = 0;
    }
  }

  /** The entries for one rank; guarded by the sender's lock. */
  private static final class DestinationQueue {
    final int destination;

    /** Null if there are none. */
    Ring<Entry> posted;

    /** The entries that are being sent, which the sending thread uses without the lock; or null. */
    Ring<Entry> taken;

    /** Whether a thread that has lost the permit is still sending from this queue. */
    boolean stuck;

    DestinationQueue(int destination) {
      this.destination = destination;
    }
  }

  /** Informed of what could not be sent. */
  @FunctionalInterface
  public interface SendFailureListener {
    /**
     * A frame could not be sent; it is dropped. Called on the sender's thread.
     *
     * @param destination the rank it was for
     * @param failure what went wrong
     */
    void sendFailed(int destination, RuntimeException failure);

    /**
     * There was no memory to send an entry; it is dropped. Called on the sender's thread.
     *
     * @param destination the rank it was for
     * @param entry what has not been sent
     * @param failure what went wrong
     */
    default void unsent(int destination, Entry entry, OutOfMemoryError failure) {
      sendFailed(destination, new CommunicatorException(failure.toString(), failure));
    }
  }

  /**
   * Starts the thread, as a daemon.
   *
   * @param communicator to send on
   * @param threadName its name
   * @param failures informed of what could not be sent
   */
  public FrameSender(Communicator communicator, String threadName, SendFailureListener failures) {
    this(communicator, threadName, failures, rank -> null);
  }

  /**
   * Starts the thread, as a daemon.
   *
   * @param communicator to send on
   * @param threadName its name
   * @param failures informed of what could not be sent
   * @param last asked for a last entry of every frame to a rank, which may be null
   */
  public FrameSender(
      Communicator communicator,
      String threadName,
      SendFailureListener failures,
      IntFunction<Entry> last) {
    MessageChannel channel = MessageChannels.of(communicator);
    this.writer = new FrameWriter(channel, failures, last);
    this.fromAnyThread = channel.callableFromAnyThread();
    this.threadName = threadName;
    spares.ensureRoom(MOST_SPARES);
    Memory.restore();
    this.thread = start();
  }

  private Thread start() {
    Thread made = new Thread(group, this::sendAll, threadName);
    made.setDaemon(true);
    made.start();
    return made;
  }

  /**
   * Has an entry sent. After {@link #close} it is dropped. If this throws an OutOfMemoryError, the
   * entry is not sent.
   *
   * @param destination the rank it is for
   * @param entry what to send
   */
  @Override
  public void post(int destination, Entry entry) {
    post(destination, entry, true);
  }

  private void post(int destination, Entry entry, boolean wake) {
    lock.lock();
    try {
      if (closed) {
        entry.payload().giveBack();
      } else {
        DestinationQueue queue = queue(destination);
        boolean first = queue.posted == null;
        Ring<Entry> posted = first ? emptyRing() : queue.posted;
        waiting.ensureRoom(1);
        posted.add(entry);
        if (first) {
          queue.posted = posted;
          waiting.add(queue);
          waitingCount = waiting.size();
        }
        if (isStuck(permit) && permit.queue != queue) {
          replacePermit();
        } else if (wake) {
          changed.signal();
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /** Gives a new thread the permit; if it cannot be started, the next post tries again. */
  private void replacePermit() {
    try {
      SendPermit next = new SendPermit();
      Thread successor = start(); // which waits for the lock
      permit.queue.stuck = true;
      stuck++;
      permit = next;
      thread = successor;
    } catch (OutOfMemoryError e) {
      changed.signal();
    }
  }

  private Ring<Entry> emptyRing() {
    Ring<Entry> spare = spares.pollLast();
    return spare == null ? new Ring<>() : spare;
  }

  /** Keeps a ring, which is empty now, for another queue, unless much memory would be kept. */
  private void keepSpare(Ring<Entry> ring) {
    if (spares.size() < MOST_SPARES && ring.room() <= MOST_SPARE_ROOM) {
      spares.add(ring);
    }
  }

  private DestinationQueue queue(int destination) {
    if (destination >= queues.length) {
      queues = Arrays.copyOf(queues, Math.max(destination + 1, 2 * queues.length));
    }
    if (queues[destination] == null) {
      queues[destination] = new DestinationQueue(destination);
    }
    return queues[destination];
  }

  private static boolean isStuck(SendPermit permit) {
    return permit.queue != null && System.nanoTime() - permit.since > PATIENCE_NANOS;
  }

  /**
   * Has an entry sent soon by the calling thread, which has to call {@link #flush} next.
   *
   * @param destination the rank it is for
   * @param entry what to send
   */
  @Override
  public void postForFlush(int destination, Entry entry) {
    post(destination, entry, !fromAnyThread);
  }

  /**
   * Sends what is posted from the calling thread, if MPI permits that and no other thread is
   * sending; otherwise the sending thread will. Must not be called with a lock held.
   */
  @Override
  public void flush() {
    if (!fromAnyThread) {
      return;
    }
    SendPermit mine = permit;
    try {
      if (mine.sending.tryLock()) {
        try {
          sendPosted(mine);
        } finally {
          mine.sending.unlock();
        }
      }
    } finally {
      Memory.lock(lock);
      try {
        if (hasSendable()) { // posted while this thread or another was sending
          changed.signal();
        }
      } finally {
        lock.unlock();
      }
    }
  }

  /**
   * Sends an entry. Its borrowed attachment may be used again when this returns, whether or not it
   * could be sent. Must not be called with a lock held.
   *
   * @param destination the rank it is for
   * @param entry what to send
   */
  public void send(int destination, Entry entry) {
    postForFlush(destination, entry);
    flush();
    entry.payload().awaitGivenBack();
  }

  /**
   * How many ranks had entries waiting for them a moment ago.
   *
   * @return 0 or more
   */
  @Override
  public int waiting() {
    return waitingCount;
  }

  /** Lets the thread end when everything posted has been sent. Returns at once. */
  public void close() {
    Memory.lock(lock);
    try {
      closed = true;
      changed.signal();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits for the thread's end after {@link #close}, without noticing interrupts.
   *
   * @param millis how long at most
   * @return whether it has ended
   */
  public boolean awaitEnd(long millis) {
    return Uninterruptibles.join(thread, millis);
  }

  /** As {@link #close()}, and has something done when everything posted has been sent. */
  public void close(Runnable afterwards) {
    lock.lock();
    try {
      atEnd = afterwards;
      close();
    } finally {
      lock.unlock();
    }
  }

  private void sendAll() {
    long pause = 0;
    boolean over = false;
    boolean more = true;
    while (more) {
      try {
        boolean posted = awaitPosted();
        more = sendOnce(posted);
        over = !posted;
        pause = 0;
      } catch (Throwable e) { // of a wait, for example; what was posted is still there
        pause = Memory.pause(pause);
      }
    }
    if (over) {
      Memory.persist(atEnd);
    }
  }

  /** One round of the thread; returns whether there will be another. */
  private boolean sendOnce(boolean posted) {
    boolean more = posted;
    SendPermit mine = permit;
    mine.sending.lock(); // when another thread sends, the end comes after it
    try {
      if (mine == permit) {
        sendPosted(mine);
        mine.planRest();
        more &= mine == permit; // else this thread was stuck, and has a successor
      }
    } finally {
      mine.sending.unlock();
    }
    if (fromAnyThread && more) {
      LockSupport.parkNanos(mine.restNanos);
    }
    return more;
  }

  /** Waits for entries; returns false when the sender is closed and all are sent. */
  private boolean awaitPosted() {
    lock.lock();
    try {
      while (!hasSendable() && !closed) {
        changed.awaitUninterruptibly();
      }
      return hasSendable();
    } finally {
      lock.unlock();
    }
  }

  private boolean hasSendable() {
    return !waiting.isEmpty() && (stuck == 0 || firstNotStuck() != null);
  }

  private DestinationQueue firstNotStuck() {
    for (int i = 0; i < waiting.size(); i++) {
      if (!waiting.get(i).stuck) {
        return waiting.get(i);
      }
    }
    return null;
  }

  private void sendPosted(SendPermit mine) {
    for (DestinationQueue next = next(mine); next != null; next = next(mine)) {
      mine.queuesServed++;
      mine.entriesSent += next.taken.size();
      writer.write(next.destination, next.taken);
    }
  }

  /**
   * Takes the entries of the queue that has waited longest. Null if there are none, or the permit
   * is lost.
   */
  private DestinationQueue next(SendPermit mine) {
    Memory.lock(lock);
    try {
      DestinationQueue before = mine.queue;
      mine.queue = null;
      if (before != null) {
        Ring<Entry> sent = before.taken;
        before.taken = null;
        keepSpare(sent);
      }
      if (mine == permit) {
        DestinationQueue queue = stuck == 0 ? waiting.poll() : pollNotStuck();
        mine.since = System.nanoTime();
        return claim(mine, queue);
      }
      if (closed && waiting.remove(before)) {
        return claim(mine, before); // the others may have ended
      }
      if (before != null) {
        before.stuck = false;
        stuck--;
        changed.signal();
      }
      return null;
    } finally {
      lock.unlock();
    }
  }

  private DestinationQueue pollNotStuck() {
    DestinationQueue found = firstNotStuck();
    waiting.remove(found);
    return found;
  }

  private DestinationQueue claim(SendPermit mine, DestinationQueue queue) {
    mine.queue = queue;
    waitingCount = waiting.size();
    if (queue != null) {
      queue.taken = queue.posted;
      queue.posted = null;
    }
    return queue;
  }
}
