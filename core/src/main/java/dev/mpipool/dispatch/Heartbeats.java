package dev.mpipool.dispatch;

import dev.mpipool.memory.Memory;
import dev.mpipool.protocol.FailureReport;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * Detects silent workers: stopped processes and unnoticed broken connections.
 *
 * <p>Looks ten times per timeout. A worker from which nothing has arrived since the last look is
 * pinged; its listener answers whatever its tasks are doing, and any other message counts as an
 * answer. Workers that send are not pinged. Pings are repeated, also because a sender on either
 * side notices a stuck connection only when an entry is posted.
 *
 * <p>Of more than a thousand workers, a quarter has its turn at each look: pings of a hundred
 * thousand idle workers ten times per timeout would take more of main's time than their tasks.
 *
 * <p><b>Only time in which main was awake counts.</b> After main was stopped, or its machine slept,
 * every worker seems silent. So the time between two looks counts as two periods at most, and a
 * worker is excluded only after it has left pings unanswered for most of the timeout, where pings
 * take turns, for half of it.
 *
 * <p>Has its own thread, since the JDK's timer loses its thread when memory runs out, and starts
 * another only with the next timer task. All state except that of the thread is guarded by the
 * dispatcher's lock.
 */
final class Heartbeats {

  private static final int LOOKS = 10;

  /** Of more workers not all are pinged at each look. */
  private static final int FEW_WORKERS = 1_000;

  /** The number of looks in which each of many workers is pinged once. */
  private static final int TURNS = 4;

  /** Access to the workers. Called with the dispatcher's lock held. */
  interface Care {
    /** The living workers. */
    List<WorkerState> living();

    /** When a sign of life last came from a worker, by {@link System#nanoTime}. */
    long lastHeard(WorkerState worker);

    /** Asks a worker for a sign of life. */
    void ping(WorkerState worker);
  }

  private final Care care;
  private final long timeout;
  private final long period;
  private final LongSupplier clock;
  private Thread thread;
  private volatile boolean stopped;
  private long lastLook;
  private int looks;

  /** How many nanoseconds main has been awake, each look counting as two periods at most. */
  private long awake;

  Heartbeats(Care care, long timeoutNanos, LongSupplier clock) {
    this.care = care;
    this.timeout = timeoutNanos;
    this.period = Math.max(TimeUnit.MILLISECONDS.toNanos(1), timeoutNanos / LOOKS);
    this.clock = clock;
    this.lastLook = clock.getAsLong();
    care.living().forEach(worker -> worker.watch.heard = lastLook);
  }

  /**
   * Starts the thread. It ends at {@link #stop}, or when {@code look} returns false.
   *
   * @param look called once per period, without the lock; returns whether to look again
   */
  void start(BooleanSupplier look) {
    thread = new Thread(() -> lookAgain(look), "mpipool-heartbeat");
    thread.setDaemon(true);
    thread.start();
  }

  private void lookAgain(BooleanSupplier look) {
    long pause = 0;
    boolean again = true;
    prepareForFailures();
    while (again) {
      try {
        awaitNextLook();
        again = !stopped && look.getAsBoolean();
        pause = 0;
      } catch (Throwable e) { // for lack of memory, for example
        pause = Memory.pause(pause);
      }
    }
  }

  /**
   * Loads classes early, while the heap is not full: a JDK class whose initialization runs out of
   * memory stays unusable. Done here because no task waits for this thread.
   */
  private static void prepareForFailures() {
    try {
      FailureReport.prepare();
    } catch (Throwable e) {
      // the first failure tries again
    }
  }

  /** Allocates nothing, unlike the waits of the JDK's timers. */
  private void awaitNextLook() {
    long begin = System.nanoTime();
    for (long rest = period; rest > 0 && !stopped; rest = begin + period - System.nanoTime()) {
      LockSupport.parkNanos(this, rest);
      Thread.interrupted(); // else the next park would return at once
    }
  }

  /** Lets the thread end, so that the pool can be collected. */
  void stop() {
    stopped = true;
    LockSupport.unpark(thread);
  }

  /** Looks once: pings silent workers, and returns those to be excluded. */
  List<WorkerState> look() {
    long now = clock.getAsLong();
    long counted = Math.min(now - lastLook, 2 * period);
    awake += counted;
    lastLook = now;
    List<WorkerState> living = care.living();
    looks++;
    int turns = living.size() > FEW_WORKERS ? TURNS : 1;
    living.forEach(worker -> look(worker, now, counted, turns));
    return living.stream()
        .filter(worker -> worker.watch.pinged)
        .filter(worker -> awake - worker.watch.silentSince >= timeout - period)
        .filter(worker -> awake - worker.watch.pingedSince >= (timeout - period) / 2)
        .toList();
  }

  private void look(WorkerState worker, long now, long counted, int turns) {
    HeartbeatWatch watch = worker.watch;
    long heard = care.lastHeard(worker);
    if (heard - watch.heard > 0) {
      watch.heard = heard;
      watch.silentSince = awake - Math.min(counted, Math.max(0, now - heard));
      watch.pinged = false;
    } else if ((worker.rank + looks) % turns == 0) {
      watch.pingedSince = watch.pinged ? watch.pingedSince : awake;
      watch.pinged = true;
      care.ping(worker);
    }
  }
}
