package dev.mpipool.benchmarks.executor;

import dev.mpipool.MPIExecutor;
import dev.mpipool.SerializableFunction;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Does one thing for ten seconds, for a profiler to look at: {@code bin/bench profile}. */
final class Profile {

  private static final long NANOS = 10_000_000_000L;

  private final MPIExecutor executor;
  private final List<double[]> rows = new ArrayList<>();

  Profile(MPIExecutor executor) {
    this.executor = executor;
  }

  void run(String what) throws Exception {
    long begin = System.nanoTime();
    long done = 0;
    while (System.nanoTime() - begin < NANOS) {
      done += once(what);
    }
    Lines.print("profile", what, done / ((System.nanoTime() - begin) / 1e9));
  }

  private long once(String what) throws Exception {
    return switch (what) {
      case "throughput" -> throughput();
      case "roundtrip" -> Parts.get(executor.submit(() -> 1));
      case "map" -> {
        Iterable<Integer> numbers = () -> IntStream.range(0, Parts.ITEMS).iterator();
        yield executor.map(x -> x + 1, numbers).count();
      }
      case "payload" -> payload(64_000_000);
      case "megabyte" -> payload(1_000_000);
      case "rows" -> rows(row -> row[0]);
      case "rows-to-rows" -> rows(row -> row.clone());
      default ->
          throw new IllegalArgumentException(
              "%s: one of throughput, roundtrip, map, payload, megabyte, rows, rows-to-rows is wanted"
                  .formatted(what));
    };
  }

  private long payload(int bytes) throws Exception {
    return Parts.get(executor.submit(x -> x, new byte[bytes])).length;
  }

  /** Rows of 80 kB, 128 MB in all. */
  private <R> long rows(SerializableFunction<double[], R> function) {
    if (rows.isEmpty()) {
      IntStream.range(0, 1600).forEach(i -> rows.add(new double[10_000]));
    }
    try (Stream<R> results = executor.map(function, rows)) {
      return results.count();
    }
  }

  private long throughput() throws Exception {
    List<Future<Integer>> futures = new ArrayList<>();
    for (int i = 0; i < 100_000; i++) {
      futures.add(executor.submit(() -> 1));
    }
    long sum = 0;
    for (Future<Integer> future : futures) {
      sum += Parts.get(future);
    }
    return sum;
  }
}
