package dev.mpipool.examples;

import dev.mpipool.MPIRuntime;
import dev.mpipool.WorkersExitException;
import dev.mpipool.pool.Pool;
import dev.mpipool.pool.Pools;
import java.util.Iterator;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/**
 * Estimates pi by throwing darts: how many of a batch hit the circle is a task, and results are
 * counted as they come. The error bar comes from the scatter of the batches. Arguments: --mpi,
 * --ncores=N, or neither for one thread; batches (400), darts in each (100000).
 */
public final class MonteCarloPi {

  private static final long SEED = 20_240_229;
  private static final int BAR_WIDTH = 80;

  private MonteCarloPi() {}

  /** Each batch has random numbers of its own, the same on whatever worker it runs. */
  private static double estimate(int batch, int darts) {
    SplittableRandom random = new SplittableRandom(SEED + batch);
    int hits = 0;
    for (int i = 0; i < darts; i++) {
      double x = random.nextDouble();
      double y = random.nextDouble();
      hits += x * x + y * y < 1 ? 1 : 0;
    }
    return 4.0 * hits / darts;
  }

  private static ProgressBar progressBar(int batches) {
    return new ProgressBarBuilder()
        .setTaskName("batches")
        .setInitialMax(batches)
        .setStyle(ProgressBarStyle.ASCII)
        .setUpdateIntervalMillis(200)
        .setConsumer(new ConsoleProgressBarConsumer(System.err, BAR_WIDTH))
        .build();
  }

  public static void main(String[] args) {
    String[] own = Pools.remaining(args);
    int batches = own.length > 0 ? Integer.parseInt(own[0]) : 400;
    int darts = own.length > 1 ? Integer.parseInt(own[1]) : 100_000;
    try (Pool pool = Pools.choose(args)) {
      pool.workersExit();

      int done = 0;
      double mean = 0;
      double squares = 0; // of the differences to the mean
      try (ProgressBar bar = progressBar(batches);
          Stream<Double> estimates =
              pool.imapUnordered(
                  batch -> estimate(batch, darts), () -> IntStream.range(0, batches).iterator())) {
        for (Iterator<Double> each = estimates.iterator(); each.hasNext(); bar.step()) {
          double estimate = each.next();
          double difference = estimate - mean;
          mean += difference / ++done;
          squares += difference * (estimate - mean);
        }
      }
      double error = Math.sqrt(squares / (done - 1) / done);
      System.out.printf("pi = %.6f +- %.6f%n", mean, error);
    } catch (WorkersExitException e) {
      // a worker rank, which goes on below
    }
    MPIRuntime.finish();
  }
}
