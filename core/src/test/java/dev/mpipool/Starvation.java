package dev.mpipool;

import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Whether threads of this process have had to wait for a processor. To a heartbeat, a worker whose
 * threads are not run is a worker that is stopped.
 */
final class Starvation {

  private static final long PERIOD_NANOS = TimeUnit.MILLISECONDS.toNanos(10);
  private static final long SHORTEST_NANOS = TimeUnit.MILLISECONDS.toNanos(15);

  private record Gap(long end, long nanos) {}

  private static final Queue<Gap> GAPS = new ConcurrentLinkedQueue<>();

  /** Several, since a single processor of a virtual machine can stop, and with it one of them. */
  private static final int WATCHES = 2 * Runtime.getRuntime().availableProcessors();

  static {
    for (int i = 0; i < WATCHES; i++) {
      Thread thread = new Thread(Starvation::watch, "starvation-" + i);
      thread.setDaemon(true);
      thread.start();
    }
  }

  private Starvation() {}

  private static void watch() {
    long last = System.nanoTime();
    while (true) {
      LockSupport.parkNanos(PERIOD_NANOS);
      long now = System.nanoTime();
      if (now - last > SHORTEST_NANOS) {
        GAPS.add(new Gap(now, now - last));
      }
      last = now;
    }
  }

  /** The time from which {@link #since} can be asked: from the first call on, gaps are noticed. */
  static long begin() {
    return System.nanoTime();
  }

  /** Whether a thread that had to run every 10 ms did not, at a time, for so long. */
  static boolean since(long begin, Duration atLeast) {
    return GAPS.stream().anyMatch(gap -> gap.end > begin && gap.nanos > atLeast.toNanos());
  }
}
