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
 * Who does the reading: the one who waits.
 *
 * <p>All connections of a rank hang on one selector, and at any time at most one thread, the
 * leader, selects, reads and completes requests. A thread that has to wait becomes the leader if
 * there is none, and else sleeps until its request is done or until the leader leaves and makes it
 * the next one. So a message for a thread that waits costs no hand-over from one thread to another.
 *
 * <p>While no thread waits, the device's own thread leads, since sends must go on and lost ranks be
 * noticed. It does not jump in at once: while user threads come and go ("hot" traffic) it looks
 * once in a tick of a millisecond whether somebody has led since, and takes over only when nobody
 * has. While one user thread leads for longer than a tick, and while it leads itself, it sleeps
 * without a tick. A user thread that comes to wait makes it give way.
 *
 * <p>Interrupts: channels are in non-blocking mode, in which the JDK (11 and later) does not close
 * them when a thread is interrupted, and an interrupted select only returns early. The status is
 * cleared while waiting and set again at the end.
 *
 * <p>Failures: what a connection does, it answers for itself ({@link Link#ready}). Whatever else
 * the leader dies of, an exhausted memory above all, breaks the device: {@code onFailure} fails all
 * that waits.
 */
final class Progress {

  /** Gathers what is to be written. */
  interface Flushable {

    /** Called back once after {@link #flushSoon}. */
    void flushGathered();
  }

  /** What a key's attachment does when its channel is ready. Called by the leader. */
  interface Ready {
    void ready(SelectionKey key);

    /** Looks for something to read without being asked to; returns whether there was something. */
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

  /** What the leader waits for, if it is a user thread. */
  private volatile DeviceRequest leadersRequest;

  /**
   * Of the leader: whose channel was ready last, and for how long looking there again is worth it.
   */
  private Ready recent;

  private long spin = SPIN;

  private volatile boolean ownMustGiveWay;
  private volatile boolean ownSleepsDeep;
  private volatile boolean closed;
  private volatile Runnable lastTask;

  /** The consumer is called by the leader, with whatever it cannot go on after. */
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

  /** Makes the leader look again at what it waits for. */
  void wakeLeader() {
    if (!isLeader()) {
      selector.wakeup();
    }
  }

  /**
   * Has an outbox flushed by whoever comes first: a thread that starts to wait, the leader, the
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

  /** Returns when the request is done, or need not be waited for. */
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

  /** Becomes the leader, or joins those who sleep. */
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

  /** Under the lock: if nobody leads, wakes one who could. */
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

  /** Tells the thread that waits for the request, unless it is this one. */
  void wake(DeviceRequest request) {
    Thread sleeper = request.sleeper;
    if (sleeper != null) {
      LockSupport.unpark(sleeper);
    }
    if (leadersRequest == request && !isLeader()) {
      selector.wakeup(); // a send of this rank to itself has completed what the leader waits for
    }
  }

  /** Reads what there is without waiting, unless another thread does anyway. */
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

  /** Of the leader: it must not end, for others wait for what it does. */
  private void failed(Throwable why) {
    long pause = 0;
    boolean told = false;
    while (!told) {
      try {
        onFailure.accept(why);
        told = true;
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
      return; // a task or a flush has just completed what this leader waits for
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
   * Looks for a moment at the channel that was ready last, before the thread goes to sleep: an
   * answer is often quicker than falling asleep and being woken. The moment shrinks with every time
   * it was in vain, and grows when it was not, so that a rank with nothing to do does not spin.
   * Yielding lets other ranks on the same core go first.
   */
  @SuppressWarnings("ThreadPriorityCheck") // a hint is all it is
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

  /**
   * Ends the device's own thread, which runs the task as its last one. Returns when that is done.
   */
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
      // Nothing of ours is on it any more.
    }
  }
}
