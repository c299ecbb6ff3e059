package dev.mpipool.benchmarks.executor;

import dev.mpipool.SerializableCallable;
import java.lang.management.ManagementFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** The tasks that all contestants run, as lambdas and as objects of named classes. */
public enum Tasks {
  /** What a user writes. */
  LAMBDAS {
    @Override
    public SerializableCallable<Integer> one() {
      return () -> 1;
    }

    @Override
    public SerializableCallable<byte[]> echo(byte[] data) {
      return () -> data;
    }

    @Override
    public SerializableCallable<Long> work(long turns) {
      return () -> Tasks.turn(turns);
    }

    @Override
    public SerializableCallable<Long> last(long nanos) {
      return () -> Tasks.lastFor(nanos);
    }
  },
  /** What costs less with Java's own serialization, and is fairer to peers that use it. */
  CLASSES {
    @Override
    public SerializableCallable<Integer> one() {
      return new One();
    }

    @Override
    public SerializableCallable<byte[]> echo(byte[] data) {
      return new Echo(data);
    }

    @Override
    public SerializableCallable<Long> work(long turns) {
      return new Work(turns);
    }

    @Override
    public SerializableCallable<Long> last(long nanos) {
      return new Last(nanos);
    }
  };

  /**
   * Tasks from here on sleep: workers and main share two processors, and a spinning one disturbs.
   */
  private static final long LONGEST_SPIN_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  /**
   * A null task.
   *
   * @return a task that returns 1, so that it can be counted
   */
  public abstract SerializableCallable<Integer> one();

  /**
   * A task with a payload both ways.
   *
   * @param data what goes there and comes back
   * @return a task that returns it
   */
  public abstract SerializableCallable<byte[]> echo(byte[] data);

  /**
   * A task that computes for a time that does not depend on who else wants the processor.
   *
   * @param turns how much, as {@link #turn} counts
   * @return a task that returns the turns
   */
  public abstract SerializableCallable<Long> work(long turns);

  /**
   * A task of a given length: it spins up to a millisecond, and sleeps when it is longer.
   *
   * @param nanos its length
   * @return a task that returns how long it has really taken
   */
  public abstract SerializableCallable<Long> last(long nanos);

  /** The processor time of the process so far. */
  static final SerializableCallable<Long> PROCESSOR_NANOS = Tasks::processorNanos;

  // No records: Ignite cannot read them.

  private static final class One implements SerializableCallable<Integer> {
    @Override
    public Integer call() {
      return 1;
    }
  }

  private static final class Echo implements SerializableCallable<byte[]> {
    private final byte[] data;

    Echo(byte[] data) {
      this.data = data;
    }

    @Override
    public byte[] call() {
      return data;
    }
  }

  private static final class Work implements SerializableCallable<Long> {
    private final long turns;

    Work(long turns) {
      this.turns = turns;
    }

    @Override
    public Long call() {
      return turn(turns);
    }
  }

  private static final class Last implements SerializableCallable<Long> {
    private final long nanos;

    Last(long nanos) {
      this.nanos = nanos;
    }

    @Override
    public Long call() throws InterruptedException {
      return lastFor(nanos);
    }
  }

  /**
   * Computes: each turn is a step of a random number generator that needs the one before.
   *
   * @param turns how many
   * @return the turns
   */
  public static long turn(long turns) {
    long x = turns | 1;
    for (long i = 0; i < turns; i++) {
      x = x * 6364136223846793005L + 1442695040888963407L;
    }
    return x == 42 ? -1 : turns; // so that no compiler leaves the computation out
  }

  private static long lastFor(long nanos) throws InterruptedException {
    long begin = System.nanoTime();
    long left = nanos;
    while (left > 0) {
      if (nanos > LONGEST_SPIN_NANOS) {
        LockSupport.parkNanos(left); // Thread.sleep would round up to milliseconds
      } else {
        Thread.onSpinWait();
      }
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
      left = nanos - (System.nanoTime() - begin);
    }
    return nanos - left;
  }

  /**
   * The processor time of this process.
   *
   * @return in nanoseconds
   */
  static long processorNanos() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getProcessCpuTime();
  }
}
