package dev.mpipool.wire;

import dev.mpipool.memory.Memory;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Waiting that interrupts do not end, for the pool's own threads. */
public final class Threads {

  private Threads() {}

  /**
   * Waits for a latch.
   *
   * @param latch will open
   */
  static void await(CountDownLatch latch) {
    boolean interrupted = false;
    long pause = 0;
    while (latch.getCount() > 0) {
      try {
        latch.await();
      } catch (InterruptedException e) {
        interrupted = true;
      } catch (OutOfMemoryError e) { // the wait needs some
        pause = Memory.pause(pause);
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Waits for a thread's end.
   *
   * @param thread any but the calling one
   * @param millis how long at most
   * @return whether it has ended
   */
  public static boolean join(Thread thread, long millis) {
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
    boolean interrupted = false;
    try {
      while (thread.isAlive()) {
        long rest = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
        if (rest <= 0) {
          return false;
        }
        try {
          thread.join(rest);
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
      return true;
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
