package dev.mpipool.pool;

import dev.mpipool.*;
import java.io.Serializable;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import org.apache.commons.lang3.tuple.Pair;

/** Calls that people will write. They compile, without casts but where one stands. */
@SuppressWarnings("UnusedVariable")
class ApiCalls {
  static int twice(int x) {
    return 2 * x;
  }

  record Point(double x, double y) implements Serializable {}

  static void tasks(MPIExecutor executor) throws Exception {
    CompletableFuture<Integer> value = executor.submit(() -> 6 * 7);
    var inferred = executor.submit(() -> "text".length());
    int got = executor.submit(() -> 1).get() + inferred.get();
    int captured = got;
    executor
        .submit(
            () -> {
              Thread.sleep(1);
              return captured;
            })
        .thenApply(x -> x + 1)
        .join();
    executor.submit(
        () -> {
          Thread.sleep(1);
        });
    executor.submit(
        () -> {
          if (captured > 0) {
            throw new Exception("checked");
          }
          return 1;
        });
    executor.submit(
        () -> {
          throw new IllegalStateException();
        });
    executor.submit(
        () -> {
          while (true) {
            Thread.sleep(1);
          }
        });
    executor.execute(() -> System.out.println("on a worker"));
    CompletableFuture<Integer> applied = executor.submit(x -> x * x, 5);
    CompletableFuture<Integer> parsed = executor.submit(Integer::parseInt, "42");
    CompletableFuture<Point> moved =
        executor.submit((p, d) -> new Point(p.x() + d, p.y()), new Point(1, 2), 3.0);
    CompletableFuture<Integer> sum = executor.submit((a, b, c) -> a + b + c, 1, 2, 3);
    CompletableFuture<Integer> named = executor.submit(ApiCalls::twice, 4);
    CompletableFuture<String> done =
        executor.submit(
            () -> {
              Thread.sleep(1);
            },
            "done");
    executor.submit(
        (SerializableRunnable)
            System.out::println); // an overloaded method reference needs the cast
    CompletableFuture.allOf(value, applied, parsed, moved, sum, named, done).join();
    ExecutorCompletionService<Integer> completion = new ExecutorCompletionService<>(executor);
    completion.submit((SerializableCallable<Integer>) () -> 1);
    Callable<Integer> one = (Callable<Integer> & Serializable) () -> 1;
    List<Future<Integer>> all = executor.invokeAll(List.of(one, one));
    int any = executor.invokeAny(List.of(one)) + all.get(0).get();
    CompletableFuture<List<Integer>> ranks = executor.submitToAll(() -> MPIExecutor.currentRank());
    CompletableFuture<List<Integer>> group =
        executor.submitGroup(
            2,
            communicator -> {
              communicator.barrier();
              return communicator.rank() + any;
            });
    try (Broadcast<double[]> table = executor.broadcast(new double[1000])) {
      double first =
          executor.submit(() -> table.value()[0]).get() + ranks.get().size() + group.get().size();
    }
  }

  static void batches(MPIExecutor executor) throws Exception {
    List<Integer> items = List.of(1, 2, 3);
    try (Stream<Integer> squares = executor.map(x -> x * x, items)) {
      squares.limit(2).forEach(System.out::println);
    }
    int total = executor.map((a, b) -> a + b, items, items).mapToInt(x -> x).sum();
    for (CompletableFuture<Integer> f : executor.submitBatch(x -> x + total, items)) {
      f.get();
    }
    for (CompletableFuture<Integer> f : executor.submitBatch(x -> x, items).ordered()) {
      f.get();
    }
    List<Integer> results =
        executor.batch().chunkSize(10).lookAhead(100).submit(x -> x, items).results();
    long n = executor.batch().unordered().map(x -> x, results).count();
  }

  static void pool(MPIPool pool) throws Exception {
    pool.workersExit();
    List<Integer> squares = pool.map(x -> x * x, List.of(1, 2, 3));
    AsyncResult<List<Integer>> later = pool.mapAsync(x -> x * x, squares);
    System.out.println("Done already? " + later.ready());
    squares = later.get();
    int sum = pool.apply((a, b) -> a + b, 1, 2) + pool.apply(x -> x, 3);
    List<Integer> sums = pool.starmap((a, b) -> a + b, List.of(Pair.of(1, 2), Pair.of(3, 4)));
    Iterator<Integer> lazy = pool.imapUnordered(x -> x + 1, sums).iterator();
  }

  public static void main(String[] args) {
    MPIExecutor.run(
        args,
        (executor, arguments) -> System.out.println(executor.submit(() -> arguments.length).get()));
  }
}
