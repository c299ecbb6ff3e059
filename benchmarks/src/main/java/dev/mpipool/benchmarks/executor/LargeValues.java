package dev.mpipool.benchmarks.executor;

import dev.mpipool.Broadcast;
import dev.mpipool.MPIExecutor;
import java.util.Arrays;

/**
 * Large values of this executor alone: a broadcast to all workers, beside as many copies in main's
 * memory, and a {@code double[]} there and back.
 */
final class LargeValues {

  private static final int BROADCAST_BYTES = 200_000_000;
  private static final int DOUBLES = 8_000_000;

  private final String name;
  private final MPIExecutor executor;
  private final Effort effort;

  LargeValues(String name, MPIExecutor executor, Effort effort) {
    this.name = name;
    this.executor = executor;
    this.effort = effort;
  }

  void measure() throws Exception {
    byte[] value = new byte[BROADCAST_BYTES];
    Arrays.fill(value, (byte) 1);
    Lines.print(name, "broadcast.first.copies", copies(value));
    Lines.print(name, "broadcast.first", broadcast(value));
    for (int i = 0; i <= 2 * effort.repetitions; i++) {
      double copies = copies(value);
      double millis = broadcast(value);
      if (i > effort.repetitions) {
        Lines.print(name, "broadcast.copies", copies);
        Lines.print(name, "broadcast", millis);
      }
    }
    double[] doubles = new double[DOUBLES];
    Arrays.fill(doubles, 1.5);
    for (int i = 0; i <= 2 * effort.repetitions; i++) {
      double rate = thereAndBack(doubles);
      if (i > effort.repetitions) {
        Lines.print(name, "payload.doubles", rate);
      }
    }
  }

  /** Milliseconds for a copy for each worker, one after the other. */
  private double copies(byte[] value) throws Exception {
    int workers = Parts.get(executor.submitToAll(() -> 1)).size();
    long begin = System.nanoTime();
    int equal = 0;
    for (int i = 0; i < workers; i++) {
      equal += Arrays.copyOf(value, value.length)[value.length - 1];
    }
    double millis = (System.nanoTime() - begin) / 1e6;
    Parts.check(workers, equal);
    return millis;
  }

  /** Milliseconds until each worker has the value. */
  private double broadcast(byte[] value) throws Exception {
    long begin = System.nanoTime();
    try (Broadcast<byte[]> sent = executor.broadcast(value)) {
      for (int last :
          Parts.get(executor.submitToAll(() -> (int) sent.value()[sent.value().length - 1]))) {
        Parts.check(1, last);
      }
      return (System.nanoTime() - begin) / 1e6;
    }
  }

  private double thereAndBack(double[] data) throws Exception {
    long begin = System.nanoTime();
    double[] back = Parts.get(executor.submit(x -> x, data));
    double seconds = (System.nanoTime() - begin) / 1e9;
    Parts.check(-1, Arrays.mismatch(data, back));
    return 2.0 * Double.BYTES * data.length / seconds / 1e6;
  }
}
