package dev.mpipool.dispatch;

import dev.mpipool.memory.Memory;
import dev.mpipool.protocol.FailureReport;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * Finds workers that are silent: stopped, or cut off without anybody having noticed.
 *
 * <p>Ten times in a timeout it looks. A worker that has not been heard of since it looked last is
 * pinged, and its listener answers, whatever its tasks are doing; whatever else comes from it is as
 * good. Nothing is sent to those who talk. Pings are repeated also for the sake of the senders of
 * both sides, which find out that they are stuck with another rank when something is posted.
 *
 * <p><b>Only time in which main was awake counts.</b> When main was stopped itself, or its machine
 * slept, everybody seems silent. So the time between two looks counts as twice what it should be at
 * most, and a worker that is excluded has been pinged and has left the ping unanswered for most of
 * the timeout.
 *
 * <p>It has a thread of its own, since the JDK's timer ends its thread when memory runs out, and
 * starts another only when it is next given something to do. All state but that of the thread is
 * guarded by the dispatcher's lock.
 */
final class Heartbeats {

  private static final int LOOKS = 10;

  /** What happens to workers. Called with the dispatcher's lock held. */
  interface Care {
    /** The living workers. */
    List<WorkerState> living();

    /** When a worker was last heard of, by {@link System#nanoTime}. */
    long lastHeard(WorkerState worker);

    /** Asks a worker for a sign. */
    void ping(WorkerState worker);
  }

  /** What is known of one worker. */
  private static final class Watch {
    long heard;

    /** By the clock of {@link Heartbeats#awake}. */
    long silentSince;

    boolean pinged;
  }

  private final Care care;
  private final long timeout;
  private final long period;
  private final LongSupplier clock;
  private final Map<WorkerState, Watch> watches = new HashMap<>();
  private Thread thread;
  private volatile boolean stopped;
  private long lastLook;

  /** How long main has been awake, as far as it counts. */
  private long awake;

  Heartbeats(Care care, long timeoutNanos, LongSupplier clock) {
    this.care = care;
    this.timeout = timeoutNanos;
    this.period = Math.max(TimeUnit.MILLISECONDS.toNanos(1), timeoutNanos / LOOKS);
    this.clock = clock;
    this.lastLook = clock.getAsLong();
    care.living().forEach(worker -> watches.put(worker, new Watch()));
    watches.forEach((worker, watch) -> watch.heard = lastLook);
  }

  /**
   * Starts the thread. It ends at {@link #stop}, or when there is nothing to look for any more.
   *
   * @param look is run once a period, with no lock held; returns whether to look again
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
      } catch (Throwable e) { // for want of memory perhaps
        pause = Memory.pause(pause);
      }
    }
  }

  /**
   * Here, since no task waits for this thread, and the heap is not full yet: a class of the JDK
   * whose initialization runs out of memory cannot be used any more.
   */
  private static void prepareForFailures() {
    try {
      FailureReport.prepare();
    } catch (Throwable e) {
      // is tried again by the first failure
    }
  }

  /** Needs no memory, unlike the waits of most of the JDK's timers. */
  private void awaitNextLook() {
    long begin = System.nanoTime();
    for (long rest = period; rest > 0 && !stopped; rest = begin + period - System.nanoTime()) {
      LockSupport.parkNanos(this, rest);
      Thread.interrupted(); // else the next wait would be none
    }
  }

  /** Lets the thread end, and the pool be forgotten. */
  void stop() {
    stopped = true;
    LockSupport.unpark(thread);
  }

  /** Looks; returns the workers to be excluded. */
  List<WorkerState> look() {
    long now = clock.getAsLong();
    long counted = Math.min(now - lastLook, 2 * period);
    awake += counted;
    lastLook = now;
    List<WorkerState> living = care.living();
    living.forEach(worker -> look(worker, now, counted));
    return living.stream()
        .filter(worker -> watches.get(worker).pinged)
        .filter(worker -> awake - watches.get(worker).silentSince >= timeout - period)
        .toList();
  }

  private void look(WorkerState worker, long now, long counted) {
    Watch watch = watches.get(worker);
    long heard = care.lastHeard(worker);
    if (heard - watch.heard > 0) {
      watch.heard = heard;
      watch.silentSince = awake - Math.min(counted, Math.max(0, now - heard));
      watch.pinged = false;
    } else {
      watch.pinged = true;
      care.ping(worker);
    }
  }
}
