package dev.mpipool.wire;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.CommunicatorException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one thread of a pool that sends. Entries that pile up for a rank while it is busy share the
 * next frame; a lone entry goes out at once. Where MPI may be called from any thread, whoever posts
 * may also send itself, if nobody else does: that saves waking the thread.
 *
 * <p>Posting never waits, so threads that receive may post. A send may wait for its receiver, and
 * receivers never wait for a send of their own, so all sends come to an end.
 */
public final class FrameSender {

  /** The tag of all frames. A pool has a communicator to itself. */
  public static final int TAG = 0;

  /**
   * Entries that together are longer go into several frames; one that is longer alone goes alone.
   */
  private static final long FRAME_BYTES = 1 << 20;

  private static final Logger LOG = LoggerFactory.getLogger(FrameSender.class);

  private final Communicator communicator;
  private final SendFailureListener failures;
  private final IntFunction<Entry> last;
  private final Thread thread;

  private final boolean fromAnyThread;

  /** Held by whoever takes entries and sends them, so that they go out in order. */
  private final ReentrantLock sending = new ReentrantLock();

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private Map<Integer, Queue<Entry>> waiting = new LinkedHashMap<>();
  private boolean closed;

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
    this.communicator = communicator;
    this.fromAnyThread = communicator.callableFromAnyThread();
    this.failures = failures;
    this.thread = new Thread(this::sendAll, threadName);
    thread.setDaemon(true);
    thread.start();
  }

  /**
   * Has an entry sent. After {@link #close} it is dropped.
   *
   * @param destination the rank it is for
   * @param entry what to send
   */
  public void post(int destination, Entry entry) {
    post(destination, entry, true);
  }

  private void post(int destination, Entry entry, boolean wake) {
    lock.lock();
    try {
      if (!closed) {
        waiting.computeIfAbsent(destination, key -> new ArrayDeque<>()).add(entry);
        if (wake) {
          changed.signal();
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Has an entry sent soon by the calling thread, which has to call {@link #flush} next.
   *
   * @param destination the rank it is for
   * @param entry what to send
   */
  public void postForFlush(int destination, Entry entry) {
    post(destination, entry, !fromAnyThread);
  }

  /**
   * Sends what is posted from the calling thread, if that is allowed and nobody else is sending;
   * who is will send it otherwise. Must not be called with a lock held.
   */
  public void flush() {
    if (!fromAnyThread) {
      return;
    }
    if (sending.tryLock()) {
      try {
        takePosted().forEach(this::sendTo);
      } finally {
        sending.unlock();
      }
    }
    lock.lock();
    try {
      if (!waiting.isEmpty()) { // came while this thread or another was sending
        changed.signal();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Lets the thread end when everything posted has been sent. Returns at once. */
  public void close() {
    lock.lock();
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
    return Threads.join(thread, millis);
  }

  private void sendAll() {
    while (awaitPosted()) {
      sendPosted();
    }
    sendPosted(); // when another thread sends, the end comes after it
  }

  private void sendPosted() {
    sending.lock();
    try {
      takePosted().forEach(this::sendTo);
    } finally {
      sending.unlock();
    }
  }

  /** Waits for something to send; false if nothing more comes. */
  private boolean awaitPosted() {
    lock.lock();
    try {
      while (waiting.isEmpty() && !closed) {
        changed.awaitUninterruptibly();
      }
      return !waiting.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  private Map<Integer, Queue<Entry>> takePosted() {
    lock.lock();
    try {
      Map<Integer, Queue<Entry>> taken = waiting;
      waiting = taken.isEmpty() ? taken : new LinkedHashMap<>();
      return taken;
    } finally {
      lock.unlock();
    }
  }

  private void sendTo(int destination, Queue<Entry> entries) {
    try {
      while (!entries.isEmpty()) {
        communicator.send(destination, TAG, Frame.encode(nextFrame(destination, entries)));
      }
    } catch (RuntimeException e) {
      LOG.debug("A frame for rank {} could not be sent", destination, e);
      failures.sendFailed(destination, e);
    } catch (Error e) { // for example no memory for a large frame
      LOG.debug("A frame for rank {} could not be sent", destination, e);
      failures.sendFailed(destination, new CommunicatorException(e.toString(), e));
    }
  }

  private List<Entry> nextFrame(int destination, Queue<Entry> entries) {
    List<Entry> frame = new ArrayList<>();
    long length = 0;
    do {
      length += Frame.length(entries.peek());
      frame.add(entries.poll());
    } while (!entries.isEmpty() && length + Frame.length(entries.peek()) <= FRAME_BYTES);
    Entry end = last.apply(destination);
    if (end != null) {
      frame.add(end);
    }
    return frame;
  }
}
