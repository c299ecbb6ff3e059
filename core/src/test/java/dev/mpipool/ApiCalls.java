package dev.mpipool;

import java.io.Serializable;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.Future;
import java.util.stream.Stream;

/** Calls that people will write. They compile, without casts but where one stands. */
final class ApiCalls {

  private ApiCalls() {}

  static int twice(int x) {
    return 2 * x;
  }

  record Point(double x, double y) implements Serializable {}

  static int tasks(MPIExecutor executor) throws Exception {
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
    CompletableFuture<?> endless =
        executor.submit(
            () -> {
              while (true) {
                Thread.sleep(1);
              }
            });
    executor.execute(() -> System.getProperty("on.a.worker"));
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
    executor.submit((SerializableRunnable) System.out::flush);
    CompletableFuture.allOf(value, applied, parsed, moved, sum, named, done).join();
    ExecutorCompletionService<Integer> completion = new ExecutorCompletionService<>(executor);
    completion.submit((SerializableCallable<Integer>) () -> 1);
    Callable<Integer> one = (Callable<Integer> & Serializable) () -> 1;
    List<Future<Integer>> all = executor.invokeAll(List.of(one, one));
    int any = executor.invokeAny(List.of(one)) + all.get(0).get();
    endless.cancel(true);
    CompletableFuture<List<Integer>> ranks = executor.submitToAll(() -> MPIExecutor.currentRank());
    CompletableFuture<List<Integer>> group =
        executor.submitGroup(
            2,
            communicator -> {
              communicator.barrier();
              return communicator.rank() + any;
            });
    double first;
    try (Broadcast<double[]> table = executor.broadcast(new double[1000])) {
      first =
          executor.submit(() -> table.value()[0]).get() + ranks.get().size() + group.get().size();
    }
    return any + sum.get() + named.get() + (int) first;
  }

  static long batches(MPIExecutor executor) throws Exception {
    List<Integer> items = List.of(1, 2, 3);
    try (Stream<Integer> squares = executor.map(x -> x * x, items)) {
      squares.limit(2).forEach(x -> System.getProperty("square." + x));
    }
    int total = executor.map((a, b) -> a + b, items, items).mapToInt(x -> x).sum();
    int sum = 0;
    for (CompletableFuture<Integer> f : executor.submitBatch(x -> x + total, items)) {
      sum += f.get();
    }
    for (CompletableFuture<Integer> f : executor.submitBatch(x -> x, items).ordered()) {
      sum += f.get();
    }
    List<Integer> results =
        executor.batch().chunkSize(10).lookAhead(100).submit(x -> x, items).results();
    long n = executor.batch().unordered().map(x -> x, results).count();
    return sum + n;
  }

  public static void main(String[] args) {
    MPIExecutor.run(
        args,
        (executor, arguments) -> System.out.println(executor.submit(() -> arguments.length).get()));
  }
}
