package dev.mpipool.signal;

import java.util.concurrent.TimeUnit;

/**
 * When a process was first asked to end. Tells a second Ctrl-C, by which the user asks for an end
 * at once, from a first one that arrives twice: for the process and for its group. Thread-safe.
 */
public final class FirstSignal {

  private static final long TWICE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  private boolean arrived;
  private long at;

  /**
   * Notes the arrival of a signal.
   *
   * @return whether it is the first
   */
  public synchronized boolean note() {
    if (arrived) {
      return false;
    }
    arrived = true;
    at = System.nanoTime();
    return true;
  }

  /** Returns whether the first signal arrived long enough ago for one of now to be another. */
  public synchronized boolean isPast() {
    return arrived && System.nanoTime() - at > TWICE_NANOS;
  }
}
