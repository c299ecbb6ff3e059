package dev.mpipool.benchmarks.executor;

import dev.mpipool.MPIExecutor;
import dev.mpipool.MPIRuntime;
import dev.mpipool.WorkersExitException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** A job that is over before the JVM has warmed up: 20,000 submits and a map of 200,000. */
public final class ShortJob {

  private ShortJob() {}

  /**
   * A rank's program; main prints the sum of the results.
   *
   * @param args what the launcher gives
   * @throws Exception if a task fails
   */
  public static void main(String[] args) throws Exception {
    MPIRuntime.init(args);
    try (MPIExecutor executor = new MPIExecutor()) {
      executor.workersExit();
      List<Future<Integer>> futures = new ArrayList<>();
      for (int i = 0; i < 20_000; i++) {
        int number = i;
        futures.add(executor.submit(() -> number + 1));
      }
      long sum = 0;
      for (Future<Integer> future : futures) {
        sum += future.get();
      }
      List<Integer> numbers = IntStream.range(0, 200_000).boxed().toList();
      try (Stream<Integer> results = executor.map(x -> x + 1, numbers)) {
        sum += results.mapToLong(Integer::longValue).sum();
      }
      System.out.println(sum);
    } catch (WorkersExitException e) {
      // a worker's program is over
    }
  }
}
