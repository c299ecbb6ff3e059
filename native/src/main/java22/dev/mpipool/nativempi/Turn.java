package dev.mpipool.nativempi;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Lets one thread at a time call MPI. The library has a lock of its own, but a thread that polls
 * releases that lock and takes it again before a waiting sender notices, for hundreds of
 * microseconds. Here a thread that polls {@linkplain #giveWay gives way} before each look for
 * messages.
 */
final class Turn {

  private static final int SPINS = 50;

  /** After these a call takes long, and the threads that wait for its end leave the processor. */
  private static final int YIELDS = 1_000;

  private static final long PAUSE_NANOS = TimeUnit.MICROSECONDS.toNanos(50);

  private final AtomicBoolean taken = new AtomicBoolean();
  private final AtomicInteger waiting = new AtomicInteger();

  /** Waits for the turn; {@link #end} must follow. */
  void acquire() {
    if (!taken.compareAndSet(false, true)) {
      await();
    }
  }

  private void await() {
    waiting.getAndIncrement();
    for (int i = 0; !taken.compareAndSet(false, true); i++) {
      if (i < SPINS) {
        Thread.onSpinWait();
      } else if (i < SPINS + YIELDS) {
        Thread.yield();
      } else {
        LockSupport.parkNanos(PAUSE_NANOS);
      }
    }
    waiting.getAndDecrement();
  }

  void end() {
    taken.set(false);
  }

  /** Lets a thread that waits for the turn have it first. */
  void giveWay() {
    if (waiting.get() > 0) {
      Thread.yield();
    }
  }
}
