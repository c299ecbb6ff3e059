package dev.mpipool.protocol;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.comm.MessageChannel;
import dev.mpipool.comm.MessageChannels;
import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Ring;
import dev.mpipool.memory.Uninterruptibles;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The thread of a pool that sends. Entries that pile up for a rank while it is busy share the next
 * frame; a lone entry goes out at once. Where MPI may be called from any thread, whoever posts may
 * also send itself, if nobody else does: that saves waking the thread. There the thread rests for a
 * moment after what it has sent, since more will come and every frame is dear on both sides, and
 * for longer while much comes; what is flushed meanwhile does not wait for it.
 *
 * <p>Posting never waits, so threads that receive may post. A send may wait for its receiver, and
 * receivers never wait for a send of their own, so all sends to the living come to an end. A send
 * to one that is stopped may take for ever: when one has taken 200 ms and something is posted for
 * another rank, a thread of its own serves the others from then on, and the first ends when its
 * send does. Entries for the same rank stay in order.
 *
 * <p>What there is no memory to send is tried again for some seconds, entry by entry; then its
 * entry is {@linkplain SendFailureListener#unsent dropped}, and the rest goes on. The thread does
 * not end by an exception.
 */
public final class FrameSender implements Outbox {

  /** The tag of all frames. A pool has a communicator to itself. */
  public static final int TAG = 0;

  /**
   * Entries that together are longer go into several frames; one that is longer alone, or has a
   * tail, goes alone.
   */
  private static final long FRAME_BYTES = 1 << 20;

  /** A frame's list of entries has room for at most so many from the start. */
  private static final int ROOM = 1024;

  /** How often an entry is tried on its own, even if it seems to be too long for the heap. */
  private static final int ATTEMPTS = 3;

  private static final int MOST_ENTRIES = Integer.MAX_VALUE;

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

  private static final long LONGEST_REST_NANOS = TimeUnit.MICROSECONDS.toNanos(400);

  private static final Logger LOG = LoggerFactory.getLogger(FrameSender.class);

  private final MessageChannel channel;
  private final SendFailureListener failures;
  private final IntFunction<Entry> last;
  private final String threadName;
  private volatile Thread thread;

  private final boolean fromAnyThread;

  /** That of the rank's own threads: MPJ Express finds a thread's rank by it. */
  private final ThreadGroup group = Thread.currentThread().getThreadGroup();

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private Lane[] lanes = new Lane[4];

  /** Those with something to send; who waits longest is the first. */
  private final Ring<Lane> waiting = new Ring<>();

  /** How many those are. Written with the lock held. */
  private volatile int waitingCount;

  /** How many are stuck. */
  private int stuck;

  private boolean closed;

  /** What the thread does when everything has been sent. */
  private Runnable atEnd = () -> {};

  /** The present one; changed with the lock held. */
  private volatile Turn turn = new Turn();

  /** The right to take entries and send them, so that they go out in order. */
  private static final class Turn {
    final ReentrantLock sending = new ReentrantLock();

    /** Where something is under way, or null; guarded by the sender's lock. */
    Lane lane;

    long since;

    /** How often something was sent since the last rest; this and the next are for who sends. */
    int lanesServed;

    int entriesSent;

    /** How long the next rest is; of the sender's thread alone. */
    long restNanos = REST_NANOS;

    void planRest() {
      boolean many = entriesSent > lanesServed * MANY_ENTRIES;
      restNanos = many ? Math.min(2 * restNanos, LONGEST_REST_NANOS) : REST_NANOS;
      lanesServed = 0;
      entriesSent = 0;
    }
  }

  /** What is for one rank; guarded by the sender's lock. */
  private static final class Lane {
    final int destination;
    Ring<Entry> posted = new Ring<>();

    /** Empty, but for whom is sending: what it has taken, and touches without the lock. */
    Ring<Entry> taken = new Ring<>();

    /** Whether somebody is still sending who has lost the turn. */
    boolean stuck;

    Lane(int destination) {
      this.destination = destination;
    }
  }

  /** Hears of ranks that cannot be reached. */
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
   * @param failures hears when a frame could not be sent
   */
  public FrameSender(Communicator communicator, String threadName, SendFailureListener failures) {
    this(communicator, threadName, failures, rank -> null);
  }

  /**
   * Starts the thread, as a daemon.
   *
   * @param communicator to send on
   * @param threadName its name
   * @param failures hears when a frame could not be sent
   * @param last asked for a last entry of every frame to a rank, which may be null
   */
  public FrameSender(
      Communicator communicator,
      String threadName,
      SendFailureListener failures,
      IntFunction<Entry> last) {
    this.last = last;
    this.channel = MessageChannels.of(communicator);
    this.fromAnyThread = channel.callableFromAnyThread();
    this.failures = failures;
    this.threadName = threadName;
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
   * Has an entry sent. After {@link #close} it is dropped. If memory runs out, it is not sent.
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
        entry.content().giveBack();
      } else {
        Lane lane = lane(destination);
        waiting.ensureRoom(1);
        lane.posted.add(entry);
        if (lane.posted.size() == 1) {
          waiting.add(lane);
          waitingCount = waiting.size();
        }
        if (isStuck(turn) && turn.lane != lane) {
          handTurnOn();
        } else if (wake) {
          changed.signal();
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /** To a thread of its own; if there can be none, the next entry that is posted tries again. */
  private void handTurnOn() {
    try {
      Turn next = new Turn();
      Thread successor = start(); // which waits for the lock
      turn.lane.stuck = true;
      stuck++;
      turn = next;
      thread = successor;
    } catch (OutOfMemoryError e) {
      changed.signal();
    }
  }

  private Lane lane(int destination) {
    if (destination >= lanes.length) {
      lanes = Arrays.copyOf(lanes, Math.max(destination + 1, 2 * lanes.length));
    }
    if (lanes[destination] == null) {
      lanes[destination] = new Lane(destination);
    }
    return lanes[destination];
  }

  private static boolean isStuck(Turn turn) {
    return turn.lane != null && System.nanoTime() - turn.since > PATIENCE_NANOS;
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
   * Sends what is posted from the calling thread, if that is allowed and nobody else is sending;
   * who is will send it otherwise. Must not be called with a lock held.
   */
  @Override
  public void flush() {
    if (!fromAnyThread) {
      return;
    }
    Turn mine = turn;
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
        if (hasSendable()) { // came while this thread or another was sending
          changed.signal();
        }
      } finally {
        lock.unlock();
      }
    }
  }

  /**
   * Sends an entry, whose borrowed tail may be used again when this returns, whether it could be
   * sent or not. Must not be called with a lock held.
   *
   * @param destination the rank it is for
   * @param entry what to send
   */
  public void send(int destination, Entry entry) {
    postForFlush(destination, entry);
    flush();
    entry.content().awaitGivenBack();
  }

  /**
   * For how many ranks something was waiting a moment ago.
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

  /** Returns whether more is to come. */
  private boolean sendOnce(boolean posted) {
    boolean more = posted;
    Turn mine = turn;
    mine.sending.lock(); // when another thread sends, the end comes after it
    try {
      if (mine == turn) {
        sendPosted(mine);
        mine.planRest();
        more &= mine == turn; // else this thread was stuck, and has a successor
      }
    } finally {
      mine.sending.unlock();
    }
    if (fromAnyThread && more) {
      LockSupport.parkNanos(mine.restNanos);
    }
    return more;
  }

  /** Waits for something to send; false if nothing more comes. */
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

  private Lane firstNotStuck() {
    for (int i = 0; i < waiting.size(); i++) {
      if (!waiting.get(i).stuck) {
        return waiting.get(i);
      }
    }
    return null;
  }

  private void sendPosted(Turn mine) {
    for (Lane next = next(mine); next != null; next = next(mine)) {
      mine.lanesServed++;
      mine.entriesSent += next.taken.size();
      sendTo(next.destination, next.taken);
    }
  }

  /** What to send next: to whoever waits longest. Null if there is nothing, or the turn is lost. */
  private Lane next(Turn mine) {
    Memory.lock(lock);
    try {
      Lane before = mine.lane;
      mine.lane = null;
      if (mine == turn) {
        Lane lane = stuck == 0 ? waiting.poll() : pollNotStuck();
        mine.since = System.nanoTime();
        return take(mine, lane);
      }
      if (closed && waiting.remove(before)) {
        return take(mine, before); // the others may have ended
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

  private Lane pollNotStuck() {
    Lane found = firstNotStuck();
    waiting.remove(found);
    return found;
  }

  private Lane take(Turn mine, Lane lane) {
    mine.lane = lane;
    waitingCount = waiting.size();
    if (lane != null) {
      Ring<Entry> empty = lane.taken;
      lane.taken = lane.posted;
      lane.posted = empty;
    }
    return lane;
  }

  private void sendTo(int destination, Ring<Entry> entries) {
    int most = MOST_ENTRIES;
    int failed = 0;
    long pause = 0;
    try {
      while (!entries.isEmpty()) {
        try {
          int sent = sendFrame(destination, entries, most);
          drop(entries, sent);
          most = MOST_ENTRIES;
          failed = 0;
          pause = 0;
        } catch (OutOfMemoryError e) { // then nothing of the frame was sent
          Entry first = entries.peek();
          if (most > 1) {
            most = 1;
          } else if (++failed < ATTEMPTS || Memory.mayReturn(first.content().length())) {
            pause = Memory.pause(pause);
          } else {
            drop(entries, 1);
            most = MOST_ENTRIES;
            failed = 0;
            tellUnsent(destination, first, e);
          }
        }
      }
    } catch (Throwable e) {
      tellFailed(destination, e);
    } finally {
      drop(entries, entries.size()); // of frames that could not be sent
    }
  }

  private static void drop(Ring<Entry> entries, int count) {
    for (int i = 0; i < count; i++) {
      entries.poll().content().giveBack();
    }
  }

  private void tellUnsent(int destination, Entry entry, OutOfMemoryError failure) {
    long pause = 0;
    while (true) {
      try {
        failures.unsent(destination, entry, failure);
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  private void tellFailed(int destination, Throwable why) {
    long pause = 0;
    while (true) {
      try {
        LOG.debug("A frame for rank {} could not be sent", destination, why);
        failures.sendFailed(
            destination,
            why instanceof RuntimeException known
                ? known
                : new CommunicatorException(why.toString(), why));
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  /** Returns how many entries have gone: they stay in the queue. */
  private int sendFrame(int destination, Ring<Entry> entries, int most) {
    List<Entry> frame = new ArrayList<>(Math.min(ROOM, Math.min(most, entries.size()) + 1));
    int count = fill(frame, entries, most);
    Entry end = last.apply(destination);
    if (end != null) {
      frame.add(count == 1 ? 0 : count, end); // a lone body, if it is long, stays last
    }
    List<ByteBuffer> parts = Frame.encodeInParts(frame);
    if (parts.size() == 1) {
      channel.send(destination, TAG, parts.get(0));
    } else {
      channel.sendParts(destination, TAG, parts);
    }
    return count;
  }

  private static int fill(List<Entry> frame, Ring<Entry> entries, int most) {
    int available = Math.min(most, entries.size());
    Entry first = entries.peek();
    frame.add(first);
    if (first.content().hasTail()) {
      return 1;
    }
    long length = Frame.length(first);
    int count = 1;
    while (count < available) {
      Entry next = entries.get(count);
      length += Frame.length(next);
      if (next.content().hasTail() || length > FRAME_BYTES) {
        break;
      }
      frame.add(next);
      count++;
    }
    return count;
  }
}
