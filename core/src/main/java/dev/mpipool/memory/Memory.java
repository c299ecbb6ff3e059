package dev.mpipool.memory;

import java.lang.ref.Reference;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * How threads that must not end go on when memory runs out.
 *
 * <p>A step that fails with an {@link OutOfMemoryError} and can be taken again is taken again after
 * a pause: often another thread has filled the heap for a moment. Nothing in here allocates but the
 * {@linkplain #restore reserve}, which is given up with the first failure, so that what has to be
 * done then (to fail futures, to tell others) finds some memory even where no thread frees any.
 */
public final class Memory {

  /** For how long an allocation is tried again. */
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(10);

  private static final int RESERVE_BYTES = 256 << 10;
  private static final long FIRST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);
  private static final long LONGEST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  /** After so long without a failure, the next one begins anew. */
  private static final long CALM_NANOS = TimeUnit.SECONDS.toNanos(5);

  /** So much of the heap is free at most while it counts as full. */
  private static final long FULL_BYTES = 1 << 20;

  /** So much fits again as soon as anything does. */
  private static final int SHORT_BYTES = 64 << 10;

  /** Of less, the heap takes what it can. */
  private static final int LONG_BYTES = 4 << 10;

  /** So much of the heap is left to the rest of the program when a long value is taken in. */
  private static final int HEADROOM_BYTES =
      (int) Math.max(RESERVE_BYTES, Math.min(4 << 20, Runtime.getRuntime().maxMemory() / 16));

  private static volatile byte[] reserve;

  /** When memory ran out, and when that was last noticed. */
  private static volatile long outSince;

  private static volatile long lastOut;

  static {
    forget();
    rehearse();
    forget();
  }

  private Memory() {}

  /**
   * Runs the code below once. What it refers to is resolved by its first run, and that needs
   * memory: more of it where a rank has a class loader to itself.
   */
  private static void rehearse() {
    Iterator<Error> failures =
        List.<Error>of(new OutOfMemoryError(), new InternalError(new OutOfMemoryError()))
            .iterator();
    persist(
        () -> {
          if (failures.hasNext()) {
            throw failures.next();
          }
        },
        1); // pauses of some nanoseconds: every start of a rank runs this
    lock(new ReentrantLock());
    mayReturn(1);
  }

  /** Makes the next failure the first one. */
  static void forget() {
    outSince = System.nanoTime() - 2 * PATIENCE_NANOS;
    lastOut = outSince;
  }

  private static long room() {
    Runtime runtime = Runtime.getRuntime();
    return runtime.maxMemory() - runtime.totalMemory() + runtime.freeMemory();
  }

  /**
   * Fails where a value of this length would take the last of the heap, without which neither the
   * program nor its pool could go on.
   *
   * @param bytes how much is about to be allocated
   * @throws OutOfMemoryError if the heap has not so much and a sixteenth of it, 4 MB at most
   */
  public static void require(int bytes) {
    if (bytes >= LONG_BYTES) {
      probe(bytes);
    }
  }

  /**
   * Fails where a value of this length has taken the last of the heap.
   *
   * @param bytes how much has been allocated
   * @throws OutOfMemoryError if less is left than {@link #require} leaves
   */
  public static void requireRest(int bytes) {
    if (bytes >= LONG_BYTES) {
      probe(0);
    }
  }

  /** Garbage does not count as room: where there seems to be little, allocating collects it. */
  @SuppressWarnings("ReachabilityFenceUsage") // only for the allocations
  private static void probe(int bytes) {
    if (room() <= (long) bytes + HEADROOM_BYTES) {
      byte[] headroom = new byte[HEADROOM_BYTES];
      byte[] value = new byte[bytes];
      Reference.reachabilityFence(headroom);
      Reference.reachabilityFence(value);
    }
  }

  private static boolean isCalm(long now) {
    return now - lastOut > CALM_NANOS;
  }

  /**
   * Whether memory has run out lately.
   *
   * @return true for 5 s after the last failure that this class was told of
   */
  public static boolean wasShort() {
    return !isCalm(System.nanoTime());
  }

  /**
   * Whether an allocation that has failed is worth another try after a {@linkplain #pause pause}:
   * the heap is full, and has not been for more than 10 s.
   *
   * @param bytes how much is needed; 0 if it is little, whatever of
   * @return false also if that is much of all the heap there may be
   */
  public static boolean mayReturn(long bytes) {
    long now = System.nanoTime();
    boolean full =
        bytes <= SHORT_BYTES
            || (room() < Math.max(FULL_BYTES, 4 * bytes)
                && bytes < Runtime.getRuntime().maxMemory() / 16);
    return full && (isCalm(now) || now - outSince < PATIENCE_NANOS);
  }

  /**
   * Waits for a moment before a step that has failed is tried again, if that is worth it.
   *
   * @param last how long the pause before was, in nanoseconds; 0 for the first
   * @param failure of the step
   * @return how long this pause was
   * @throws OutOfMemoryError the failure, if memory does not return
   */
  public static long pauseOrThrow(long last, OutOfMemoryError failure) {
    if (!mayReturn(0)) {
      throw failure;
    }
    return pause(last);
  }

  /**
   * Puts the reserve back if it was given up and there is memory in plenty. To be called before
   * threads start that need this class: without memory it could not be initialized.
   */
  public static void restore() {
    if (reserve == null && room() > 16L * RESERVE_BYTES) {
      try {
        reserve = new byte[RESERVE_BYTES];
      } catch (OutOfMemoryError e) {
        reserve = null; // another time
      }
    }
  }

  /**
   * Gives the reserve up and waits for a moment, with no regard to interrupts.
   *
   * @param last how long the pause before was, in nanoseconds; 0 for the first
   * @return how long this one was: up to 50 ms
   */
  public static long pause(long last) {
    reserve = null;
    long begin = System.nanoTime();
    if (isCalm(begin)) {
      outSince = begin;
    }
    long pause =
        last == 0 ? FIRST_PAUSE_NANOS : Math.min(LONGEST_PAUSE_NANOS, Math.max(last, 1) * 2);
    long end = begin + pause;
    boolean interrupted = false;
    for (long rest = pause; rest > 0; rest = end - System.nanoTime()) {
      LockSupport.parkNanos(rest);
      interrupted |= Thread.interrupted();
    }
    lastOut = System.nanoTime();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return pause;
  }

  /**
   * Runs a step, again and again until it does not run out of memory.
   *
   * @param step may have been run in part before
   */
  public static void persist(Runnable step) {
    persist(step, 0);
  }

  private static void persist(Runnable step, long before) {
    long pause = before;
    while (true) {
      try {
        step.run();
        return;
      } catch (OutOfMemoryError e) {
        pause = pause(pause);
      } catch (InternalError e) {
        if (!(e.getCause() instanceof OutOfMemoryError)) {
          throw e;
        }
        pause = pause(pause); // the JVM had no memory for the code of a lambda
      }
    }
  }

  /**
   * Locks, though the lock may need memory for the wait.
   *
   * @param lock to be held when this returns
   */
  public static void lock(ReentrantLock lock) {
    long pause = 0;
    while (true) {
      try {
        lock.lock();
        return;
      } catch (OutOfMemoryError e) {
        pause = pause(pause);
      }
    }
  }
}
