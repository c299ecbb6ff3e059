package dev.mpipool.benchmarks.executor;

import dev.mpipool.MPIExecutor;
import dev.mpipool.MPIRuntime;
import dev.mpipool.WorkersExitException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;

/**
 * How long a job takes to reach half of its full speed: null tasks in batches of a tenth of a
 * second. The full speed is the one that a tenth of the batches exceed.
 */
public final class HalfSpeed {

  private record Sample(double seconds, double rate) {}

  private HalfSpeed() {}

  /**
   * A rank's program; main tells the seconds from the start of its process.
   *
   * @param args what the launcher gives, then the contestant's name and for how many seconds to run
   * @throws Exception if a task fails
   */
  public static void main(String[] args) throws Exception {
    String[] own = MPIRuntime.init(args);
    long start = ProcessHandle.current().info().startInstant().orElseThrow().toEpochMilli();
    try (MPIExecutor executor = new MPIExecutor()) {
      executor.workersExit();
      List<Sample> samples = samples(executor, start, Double.parseDouble(own[1]));
      double[] rates = samples.stream().mapToDouble(Sample::rate).sorted().toArray();
      double full = rates[rates.length * 9 / 10];
      double half =
          samples.stream()
              .filter(sample -> sample.rate >= full / 2)
              .findFirst()
              .orElseThrow()
              .seconds;
      Lines.print(own[0], "half", half);
      Lines.print(own[0], "half.full", full);
    } catch (WorkersExitException e) {
      // a worker's program is over
    }
  }

  private static List<Sample> samples(MPIExecutor executor, long start, double seconds)
      throws Exception {
    List<Sample> samples = new ArrayList<>();
    int count = 200;
    double at = 0;
    while (at < seconds) {
      long begin = System.nanoTime();
      List<Future<Integer>> futures = new ArrayList<>(count);
      for (int i = 0; i < count; i++) {
        futures.add(executor.submit(() -> 1));
      }
      long sum = 0;
      for (Future<Integer> future : futures) {
        sum += Parts.get(future);
      }
      Parts.check(count, sum);
      double rate = count * 1e9 / (System.nanoTime() - begin);
      at = (System.currentTimeMillis() - start) / 1e3;
      samples.add(new Sample(at, rate));
      count = (int) Math.max(200, Math.min(400_000, rate / 10));
    }
    return samples;
  }
}
