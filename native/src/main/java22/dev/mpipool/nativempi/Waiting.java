package dev.mpipool.nativempi;

/**
 * A wait for something that MPI has to be asked for: at first briefly, then more and more lazily.
 */
final class Waiting {

  static final long SPIN_NANOS = 10_000;
  static final long YIELD_NANOS = 300_000;

  private static final int FIRST_MICROS = 50;
  private static final int LONGEST_MICROS = 1_000;

  private final long begin = System.nanoTime();
  private int micros;

  /**
   * Waits a little.
   *
   * @return whether this thread has slept
   */
  boolean pause() {
    long waited = System.nanoTime() - begin;
    if (briefly(waited)) {
      return false;
    }
    micros = Math.max(FIRST_MICROS, Math.min(LONGEST_MICROS, micros * 2));
    Libc.sleepMicros(micros);
    return true;
  }

  boolean hasLasted(long nanos) {
    return System.nanoTime() - begin > nanos;
  }

  /** Spins or yields if the wait has not been long yet. */
  static boolean briefly(long waited) {
    if (waited < SPIN_NANOS) {
      Thread.onSpinWait();
      return true;
    }
    if (waited < YIELD_NANOS) {
      Thread.yield();
      return true;
    }
    return false;
  }
}
