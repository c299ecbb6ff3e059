package dev.mpipool.nativempi;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Lets one thread at a time call MPI. The library's own lock, where threads may call it as they
 * like, is no match: a thread that polls takes it again before a thread that sends has seen that it
 * was free, for hundreds of microseconds. Here a thread that polls looks whether its turn is wanted
 * first. No call lasts long, so the others do not sleep.
 */
final class Turn {

  private static final int SPINS = 50;

  private final AtomicBoolean taken = new AtomicBoolean();
  private final AtomicInteger waiting = new AtomicInteger();

  /** Waits for the turn; {@link #end} must follow. */
  void take() {
    if (!taken.compareAndSet(false, true)) {
      await();
    }
  }

  private void await() {
    waiting.getAndIncrement();
    for (int i = 0; !taken.compareAndSet(false, true); i++) {
      if (i < SPINS) {
        Thread.onSpinWait();
      } else {
        Thread.yield();
      }
    }
    waiting.getAndDecrement();
  }

  void end() {
    taken.set(false);
  }

  /** Whether another thread waits, whose call comes before a look for messages. */
  boolean isWanted() {
    return waiting.get() > 0;
  }
}
