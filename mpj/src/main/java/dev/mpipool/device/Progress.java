package dev.mpipool.device;

import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Ring;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * The progress engine of a rank, after the pattern of leader and followers: a thread that waits for
 * its own operation does the I/O of all.
 *
 * <p>All connections are registered with one selector. At any time at most one thread, the leader,
 * selects, reads and completes requests. A thread that has to wait becomes the leader if there is
 * none. Otherwise it sleeps until its request is done, or until the leader leaves and wakes it as
 * the next one. So a message for a waiting thread needs no hand-over between threads.
 *
 * <p>While no user thread waits, the device's own thread leads: sends must go on, and lost ranks be
 * noticed. It does not take over at once. While user threads lead by turns, it checks once in a
 * tick of a millisecond, and leads only if no thread has led since the last check. While one user
 * thread leads for longer than a tick, and while it leads itself, it sleeps without a tick. A user
 * thread that starts to wait makes it give way.
 *
 * <p>Interrupts: channels are in non-blocking mode, in which the JDK (11 and later) does not close
 * them when a thread is interrupted, and an interrupted select only returns early. The status is
 * cleared while waiting and set again at the end.
 *
 * <p>Failures: a {@link Ready} handles its own ({@link Connection#ready}). Any other failure of the
 * leader, such as an {@link OutOfMemoryError}, breaks the device: {@code onFailure} fails all that
 * waits.
 */
final class Progress {

  /** Gathers frames that are to be written. */
  interface Flushable {

    /** Called back once after {@link #flushSoon}. */
    void flushGathered();
  }

  /** The attachment of a selection key. Called by the leader. */
  interface Ready {
    void ready(SelectionKey key);

    /** Reads without having been selected; returns whether there was something to read. */
    default boolean look() {
      return false;
    }
  }

  private record Timed(long at, Runnable task) {}

  private static final long TICK = TimeUnit.MILLISECONDS.toNanos(1);

  private static final long SPIN =
      Runtime.getRuntime().availableProcessors() == 1
          ? 0
          : TimeUnit.MICROSECONDS.toNanos(Integer.getInteger("mpipool.device.spin.us", 20));

  private final Selector selector;
  private final Thread own;
  private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();
  private final Queue<Flushable> unflushed = new ConcurrentLinkedQueue<>();
  private final Consumer<Throwable> onFailure;
  private final AtomicBoolean kicked = new AtomicBoolean();
  private final PriorityQueue<Timed> timed =
      new PriorityQueue<>(Comparator.comparingLong(Timed::at));
  private final CompletedList completed = new CompletedList(this);

  /** Guards the fields below. */
  private final Object turn = new Object();

  private final Ring<DeviceRequest> sleepers = new Ring<>();
  private volatile Thread leader;
  private long turns;

  /** The request that the leader waits for, if it is a user thread. */
  private volatile DeviceRequest leadersRequest;

  /**
   * Used by the leader only: the channel that was ready last, and how long to poll it before
   * sleeping.
   */
  private Ready recent;

  private long spin = SPIN;

  private volatile boolean ownMustGiveWay;
  private volatile boolean ownSleepsDeep;
  private volatile boolean closed;
  private volatile Runnable lastTask;

  /** The consumer is called by the leader, with a failure that no {@link Ready} has handled. */
  Progress(String name, Consumer<Throwable> onFailure) throws IOException {
    this.onFailure = onFailure;
    selector = Selector.open();
    own = new Thread(this::runOwn, name);
    own.setDaemon(true);
  }

  void start() {
    own.start();
  }

  Selector selector() {
    return selector;
  }

  CompletedList completed() {
    return completed;
  }

  boolean isLeader() {
    return leader == Thread.currentThread();
  }

  /** Runs a task on the leader, soon. */
  void execute(Runnable task) {
    tasks.add(task);
    wakeLeader();
  }

  /** Runs a task on the leader, later. */
  void schedule(long delayMillis, Runnable task) {
    long at = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(delayMillis);
    execute(() -> timed.add(new Timed(at, task)));
  }

  /** Wakes the leader from its select. */
  void wakeLeader() {
    if (!isLeader()) {
      selector.wakeup();
    }
  }

  /**
   * Has an outbox flushed soon, by the first of: a thread that starts to wait, the leader, the
   * device's own thread.
   */
  void flushSoon(Flushable outbox) {
    unflushed.add(outbox);
    if (isLeader()) {
      return; // it flushes at its next turn, and when it leaves
    }
    if (kicked.compareAndSet(false, true)) {
      if (leader == own) {
        selector.wakeup();
      } else {
        LockSupport.unpark(own);
      }
    }
  }

  private void flushAll() {
    kicked.set(false);
    for (Flushable outbox = unflushed.poll(); outbox != null; outbox = unflushed.poll()) {
      outbox.flushGathered();
    }
  }

  /** Waits until the request is done, or is awaited no longer. */
  void await(DeviceRequest request) {
    if (!request.isAwaited()) {
      return;
    }
    boolean interrupted = false;
    long pause = 0;
    while (request.isAwaited()) {
      boolean entered;
      try {
        flushAll();
        entered = enter(request);
      } catch (OutOfMemoryError e) { // the request is under way: it has to be waited for
        pause = Memory.pause(pause);
        continue;
      }
      if (entered) {
        try {
          while (request.isAwaited()) {
            interrupted |= Thread.interrupted();
            turnOnce(true);
          }
        } finally {
          leave();
        }
      } else {
        if (request.isAwaited()) {
          LockSupport.park(this);
        }
        interrupted |= Thread.interrupted();
        wakeUp(request);
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Becomes the leader, or registers as a sleeper. */
  private boolean enter(DeviceRequest request) {
    synchronized (turn) {
      if (leader == null) {
        leader = Thread.currentThread();
        leadersRequest = request;
        return true;
      }
      if (closed) {
        throw new IllegalStateException("MPI is finalized");
      }
      request.sleeper = Thread.currentThread();
      sleepers.add(request);
      if (leader == own && !ownMustGiveWay) {
        ownMustGiveWay = true;
        selector.wakeup();
      }
      return false;
    }
  }

  private void wakeUp(DeviceRequest request) {
    synchronized (turn) {
      sleepers.remove(request);
      if (!request.isAwaited()) {
        callNext();
      }
    }
  }

  private void leave() {
    try {
      flushAll();
    } catch (Throwable e) {
      failed(e);
    }
    boolean deep;
    synchronized (turn) {
      leader = null;
      leadersRequest = null;
      turns++;
      callNext();
      deep = ownSleepsDeep;
      ownSleepsDeep = false;
    }
    if (deep) {
      LockSupport.unpark(own);
    }
  }

  /** Under the lock: if there is no leader, wakes a sleeper to become it. */
  private void callNext() {
    if (leader == null) {
      for (int i = 0; i < sleepers.size(); i++) { // no iterator, which needs memory
        if (sleepers.get(i).isAwaited()) {
          LockSupport.unpark(sleepers.get(i).sleeper);
          return;
        }
      }
    }
  }

  /** Wakes the thread that waits for the request, unless it is this one. */
  void wake(DeviceRequest request) {
    Thread sleeper = request.sleeper;
    if (sleeper != null) {
      LockSupport.unpark(sleeper);
    }
    if (leadersRequest == request && !isLeader()) {
      selector.wakeup(); // a send of this rank to itself has completed what the leader waits for
    }
  }

  /** Does the I/O that is possible without waiting, unless another thread leads. */
  void poll() {
    flushAll();
    synchronized (turn) {
      if (leader != null || closed) {
        return;
      }
      leader = Thread.currentThread();
    }
    try {
      turnOnce(false);
    } finally {
      leave();
    }
  }

  /** Reports a failure. The leader must go on, since other threads depend on it. */
  private void failed(Throwable why) {
    long pause = 0;
    boolean reported = false;
    while (!reported) {
      try {
        onFailure.accept(why);
        reported = true;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
    Memory.pause(TICK);
  }

  /** One round of the leader; does not throw. */
  private void turnOnce(boolean wait) {
    try {
      turn(wait);
    } catch (Throwable e) {
      failed(e);
    }
  }

  private void turn(boolean wait) {
    flushAll();
    for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
      task.run();
    }
    DeviceRequest mine = leadersRequest;
    if (mine != null && !mine.isAwaited()) {
      return; // a task or a flush has just completed the request of this leader
    }
    if (wait && spin()) {
      return;
    }
    try {
      if (!wait) {
        selector.selectNow(this::ready);
      } else if (timed.isEmpty()) {
        selector.select(this::ready);
      } else {
        long millis = TimeUnit.NANOSECONDS.toMillis(timed.peek().at() - System.nanoTime());
        selector.select(this::ready, Math.max(1, millis));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    while (!timed.isEmpty() && timed.peek().at() - System.nanoTime() <= 0) {
      timed.poll().task().run();
    }
  }

  private void ready(SelectionKey key) {
    recent = (Ready) key.attachment();
    recent.ready(key);
  }

  /**
   * Polls the channel that was ready last for a moment, before the thread sleeps: an answer is
   * often quicker than sleeping and waking. The moment is halved each time that nothing comes, and
   * doubled when something does, so that an idle rank does not spin. Yielding lets other ranks on
   * the same core run first.
   */
  @SuppressWarnings("ThreadPriorityCheck") // only a hint is needed
  private boolean spin() {
    Ready look = recent;
    if (look == null || spin == 0 || leadersRequest == null) {
      return false;
    }
    long end = System.nanoTime() + spin;
    do {
      if (look.look()) {
        spin = Math.min(SPIN, spin * 2);
        return true;
      }
      Thread.yield();
    } while (System.nanoTime() < end && tasks.isEmpty() && unflushed.isEmpty());
    spin = Math.max(SPIN / 16, spin / 2);
    return false;
  }

  private void runOwn() {
    long seen = -1;
    while (!closed) {
      try {
        flushAll();
      } catch (Throwable e) {
        failed(e);
      }
      boolean lead = false;
      boolean deep = false;
      synchronized (turn) {
        if (leader == null && turns == seen && sleepers.isEmpty()) {
          leader = own;
          lead = true;
        } else if (leader != null && turns == seen) {
          ownSleepsDeep = true;
          deep = true;
        }
        seen = turns;
      }
      if (lead) {
        leadOwn();
      } else if (deep) {
        LockSupport.park(this);
      } else {
        LockSupport.parkNanos(this, TICK);
      }
    }
    closeSelector();
  }

  private void leadOwn() {
    try {
      while (!ownMustGiveWay && !closed) {
        turnOnce(true);
      }
    } finally {
      synchronized (turn) {
        ownMustGiveWay = false;
        leader = null;
        turns++;
        callNext();
      }
    }
  }

  /** Ends the device's own thread, after it has run a last task. */
  void close(Runnable last) {
    lastTask = last;
    closed = true;
    boolean interrupted = false;
    while (own.isAlive()) {
      selector.wakeup();
      LockSupport.unpark(own);
      try {
        own.join(10);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void closeSelector() {
    flushAll();
    lastTask.run();
    try {
      selector.close();
    } catch (IOException e) {
      // No channel is registered with it any more.
    }
  }
}
