package dev.mpipool.memory;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Waits that an interrupt does not end. The interrupt status of the waiting thread is restored when
 * the wait is over.
 */
public final class Uninterruptibles {

  private Uninterruptibles() {}

  /**
   * A wait that is begun again after an interrupt.
   *
   * @param <T> the type of its result
   * @param <E> what it throws besides
   */
  @FunctionalInterface
  public interface Wait<T, E extends Exception> {
    /**
     * Waits.
     *
     * @return the result
     * @throws InterruptedException if the thread was interrupted, which is no end of the wait
     * @throws E ends the wait
     */
    T await() throws InterruptedException, E;
  }

  /** A wait without a result that is begun again after an interrupt. */
  @FunctionalInterface
  public interface VoidWait {
    /**
     * Waits.
     *
     * @throws InterruptedException if the thread was interrupted, which is no end of the wait
     */
    void await() throws InterruptedException;
  }

  /**
   * A wait for a limited time that is begun again after an interrupt, with the rest of the time.
   */
  @FunctionalInterface
  public interface TimedWait {
    /**
     * Waits.
     *
     * @param nanos how long at most; not more than zero if the time is over
     * @return whether what was waited for has happened
     * @throws InterruptedException if the thread was interrupted, which is no end of the wait
     */
    boolean await(long nanos) throws InterruptedException;
  }

  /**
   * Waits for a result.
   *
   * @param <T> the type of the result
   * @param <E> what the wait throws besides
   * @param wait is called again after each interrupt
   * @return its result
   * @throws E what the wait throws
   */
  public static <T, E extends Exception> T get(Wait<T, E> wait) throws E {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return wait.await();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /**
   * Waits.
   *
   * @param wait is called again after each interrupt
   */
  public static void await(VoidWait wait) {
    await(wait, () -> {});
  }

  /**
   * Waits, and does something at each interrupt.
   *
   * @param wait is called again after each interrupt
   * @param interrupted is called before that, with the thread's interrupt status cleared
   */
  public static void await(VoidWait wait, Runnable interrupted) {
    get(
        () -> {
          try {
            wait.await();
          } catch (InterruptedException e) {
            interrupted.run();
            throw e;
          }
          return null;
        });
  }

  /**
   * Waits for a limited time.
   *
   * @param nanos how long at most
   * @param wait is called again after each interrupt, with the rest of the time
   * @return its result
   */
  public static boolean await(long nanos, TimedWait wait) {
    long deadline = System.nanoTime() + nanos;
    return get(() -> wait.await(deadline - System.nanoTime()));
  }

  /**
   * Waits for a latch, also where the wait needs memory that there is not.
   *
   * @param latch will open
   */
  public static void await(CountDownLatch latch) {
    long pause = 0;
    while (latch.getCount() > 0) {
      try {
        await(() -> latch.await());
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  /**
   * Waits for a thread's end. Allocates nothing.
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
