package dev.mpipool.dispatch;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
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
 * most, and who is given up has been pinged and then left the ping unanswered for most of the
 * timeout.
 *
 * <p>No thread of its own: the JDK's timer wakes it. All state is guarded by the dispatcher's lock.
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
  private CompletableFuture<Boolean> timer = CompletableFuture.completedFuture(false);
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

  /** Has something done when it is time for the next look. */
  void later(Runnable look) {
    timer = new CompletableFuture<>();
    timer.thenAccept(
        due -> {
          if (due) {
            look.run();
          }
        });
    timer.completeOnTimeout(true, period, TimeUnit.NANOSECONDS);
  }

  /** Lets the JDK's timer forget what is to be done, and with it the pool. */
  void stop() {
    timer.complete(false);
  }

  /** Looks; returns those to be given up. */
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
