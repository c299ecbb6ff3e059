package dev.mpipool.benchmarks.shared;

import dev.mpipool.MPIRuntime;
import dev.mpipool.comm.Communicator;
import dev.mpipool.shared.MPIBatch;
import dev.mpipool.shared.MPILock;
import dev.mpipool.shared.MPIShared;
import dev.mpipool.shared.SharedDoubles;
import java.nio.ByteBuffer;
import java.nio.DoubleBuffer;
import java.util.Arrays;
import java.util.OptionalInt;

/**
 * The cost of MPIShared, MPILock and MPIBatch on the ranks at hand, each against what it can be
 * compared with, in turns; started by bin/bench shared on four ranks. The best of ten rounds after
 * three that do not count.
 */
public final class SharedBenchmark {

  private static final int WARMUP = 3;
  private static final int ROUNDS = 10;
  private static final int ELEMENTS = 256 << 17; // 256 MiB of doubles
  private static final int BYTES = 256 << 20;

  private final Communicator world = Communicator.world();
  private double sink;

  private SharedBenchmark() {}

  public static void main(String[] args) {
    String[] own = MPIRuntime.init(args);
    SharedBenchmark benchmark = new SharedBenchmark();
    if (own[0].equals("nodes")) {
      benchmark.acrossNodes();
    } else {
      benchmark.reading();
      benchmark.replicating();
      benchmark.locking();
      benchmark.batch();
    }
    MPIRuntime.finish();
  }

  /** A sequential read of 128 MiB: one rank, while the others wait. */
  private void reading() {
    int count = ELEMENTS / 2;
    double[] array = new double[world.rank() == 0 ? count : 0];
    try (SharedDoubles shared = MPIShared.doubles(world, count)) {
      if (world.rank() == 0) {
        DoubleBuffer view = shared.view();
        double[] best =
            best(() -> sink += sum(array), () -> sink += sum(view), () -> sink += sum(shared));
        row("read 128 MiB in order: double[]", best[0], best[0]);
        row("- through a view (DoubleBuffer)", best[1], best[0]);
        row("- get(i) of the array itself", best[2], best[0]);
      }
      world.barrier();
    }
  }

  private void replicating() {
    double[] values = world.rank() == 0 ? new double[ELEMENTS] : null;
    double[] target = new double[world.rank() == 0 ? ELEMENTS : 0];
    try (SharedDoubles shared = MPIShared.doubles(world, ELEMENTS)) {
      double[] best =
          best(
              () -> copy(values, target),
              world::barrier, // whoever waits for rank 0 does so here
              () -> shared.set(values, MPIShared.at(ELEMENTS), null, 0));
      if (world.rank() == 0) {
        row("copy 256 MiB in memory, once", best[0], best[0]);
        row("- set(256 MiB) for a node of " + world.size() + " ranks", best[2], best[0]);
      }
    }
  }

  /** Ranks 0 and 1 are on different pretended nodes. */
  private void acrossNodes() {
    byte[] bytes = world.rank() == 0 ? new byte[BYTES] : null;
    double[] values = world.rank() == 0 ? new double[ELEMENTS] : null;
    try (SharedDoubles shared = MPIShared.doubles(world, ELEMENTS)) {
      double[] best =
          best(
              () -> sendAndAnswer(bytes),
              () -> shared.set(values, MPIShared.at(ELEMENTS), null, 0));
      if (world.rank() == 0) {
        row("send 256 MiB to a rank, raw", best[0], best[0]);
        row("- set(256 MiB) for " + shared.nodeCount() + " nodes", best[1], best[0]);
      }
    }
  }

  private void sendAndAnswer(byte[] bytes) {
    if (world.rank() == 0) {
      world.send(1, 1, ByteBuffer.wrap(bytes));
      world.receive(1, 2);
    } else if (world.rank() == 1) {
      world.receive(0, 1);
      world.send(0, 2, ByteBuffer.allocate(0));
    }
  }

  private static void copy(double[] from, double[] to) {
    System.arraycopy(from == null ? to : from, 0, to, 0, to.length);
  }

  private void locking() {
    int turns = 2_000;
    try (MPILock lock = new MPILock(world)) {
      Runnable contended =
          () -> {
            for (int i = 0; i < turns; i++) {
              lock.hold().close();
            }
          };
      boolean last = world.rank() == world.size() - 1;
      double[] best = best(() -> together(contended), () -> together(last ? contended : () -> {}));
      double all = best[0] / turns / world.size();
      double alone = best[1] / turns;
      if (world.rank() == 0) {
        System.out.printf("| MPILock, a turn with all ranks at it | %.0f us | |%n", 1e6 * all);
        System.out.printf("| - a turn of the last rank alone | %.0f us | |%n", 1e6 * alone);
      }
    }
  }

  private void batch() {
    int tasks = 100_000;
    try (MPIBatch batch = new MPIBatch(world, 1, tasks)) {
      world.barrier();
      long begin = System.nanoTime();
      int mine = 0;
      for (OptionalInt next = batch.nextTask(); next.isPresent(); next = batch.nextTask()) {
        mine++;
      }
      world.barrier();
      double seconds = 1e-9 * (System.nanoTime() - begin);
      if (world.rank() == 0) {
        System.out.printf(
            "| MPIBatch, %,d tasks on %d ranks | %.2f s | %,.0f nextTask a second |%n",
            tasks, world.size(), seconds, tasks / seconds);
      }
      sink += mine;
    }
  }

  /** The time until the last is through. */
  private void together(Runnable action) {
    action.run();
    world.barrier();
  }

  private static double sum(double[] array) {
    double sum = 0;
    for (int i = 0; i < array.length; i++) {
      sum += array[i];
    }
    return sum;
  }

  private static double sum(DoubleBuffer view) {
    double sum = 0;
    for (int i = 0, n = view.limit(); i < n; i++) {
      sum += view.get(i);
    }
    return sum;
  }

  private static double sum(SharedDoubles shared) {
    double sum = 0;
    for (long i = 0, n = shared.count(); i < n; i++) {
      sum += shared.get(i);
    }
    return sum;
  }

  /** The best time of each of several things, which take turns. */
  private static double[] best(Runnable... actions) {
    double[] best = new double[actions.length];
    Arrays.fill(best, Double.MAX_VALUE);
    for (int round = -WARMUP; round < ROUNDS; round++) {
      for (int i = 0; i < actions.length; i++) {
        double took = time(actions[i]);
        best[i] = round < 0 ? best[i] : Math.min(best[i], took);
      }
    }
    return best;
  }

  private static double time(Runnable action) {
    long begin = System.nanoTime();
    action.run();
    return 1e-9 * (System.nanoTime() - begin);
  }

  private static void row(String what, double seconds, double of) {
    System.out.printf("| %s | %.1f ms | %.2f x |%n", what, 1e3 * seconds, seconds / of);
  }
}
