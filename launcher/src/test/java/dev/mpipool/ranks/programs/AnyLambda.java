package dev.mpipool.ranks.programs;

import dev.mpipool.MPIExecutor;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.IntSupplier;

/**
 * Tasks that know of no MPI: plain lambdas for any {@link ExecutorService}, one of which calls a
 * method of the object that it is in. No class here is Serializable.
 */
public final class AnyLambda {
  private AnyLambda() {}

  public static void main(String[] arguments) {
    MPIExecutor.run(
        arguments,
        (executor, rest) -> {
          if (rest.length > 0) {
            count(executor);
            return;
          }
          System.out.println("squares " + squares(executor));
          try {
            System.out.println("prices " + new Shop(3).prices(executor, List.of(1, 2, 4)));
          } catch (ExecutionException e) {
            System.out.println("prices: " + e.getCause().getMessage());
          }
          System.out.println("others " + others(executor));
          System.out.println("stages " + stages(executor));
        });
  }

  private static void count(ExecutorService pool) throws Exception {
    int[] count = {0};
    try {
      for (int i = 0; i < 4; i++) {
        pool.submit(() -> count[0]++).get();
      }
      System.out.println("count " + count[0]);
    } catch (ExecutionException e) {
      System.out.println("count: " + e.getCause().getMessage());
    }
  }

  private static List<Integer> squares(ExecutorService pool) throws Exception {
    List<Future<Integer>> futures = new ArrayList<>();
    for (int i = 1; i <= 3; i++) {
      int number = i;
      futures.add(pool.submit(() -> onWorker(number * number)));
    }
    return results(futures);
  }

  private static List<Object> others(ExecutorService pool) throws Exception {
    Point point = new Point(3, 4);
    Function<Integer, Integer> twice = x -> 2 * x;
    IntSupplier nested = () -> twice.apply(point.x());
    List<Callable<Integer>> calls = List.of(() -> onWorker(7), AnyLambda::eight, point::sum);
    ExecutorCompletionService<Point> service = new ExecutorCompletionService<>(pool);
    service.submit(() -> new Point(point.y(), point.x()));
    return List.of(
        pool.submit(() -> nested.getAsInt()).get(),
        results(pool.invokeAll(calls)),
        service.take().get());
  }

  private static String stages(Executor pool) {
    try {
      CompletableFuture<Integer> two = CompletableFuture.supplyAsync(() -> onWorker(2), pool);
      Executor later = CompletableFuture.delayedExecutor(5, TimeUnit.MILLISECONDS, pool);
      return two.thenCombineAsync(
              CompletableFuture.supplyAsync(() -> onWorker(3), later),
              (x, y) -> onWorker(x * y),
              pool)
          .thenApplyAsync(x -> onWorker(x) / (x - 6), pool)
          .handleAsync((x, failure) -> onWorker(4) + " " + failure.getCause().getMessage(), pool)
          .join();
    } catch (RejectedExecutionException e) {
      return "refused: " + e.getMessage();
    }
  }

  private static int eight() {
    return onWorker(8);
  }

  private static <T> List<T> results(List<Future<T>> futures) throws Exception {
    List<T> results = new ArrayList<>();
    for (Future<T> future : futures) {
      results.add(future.get());
    }
    return results;
  }

  /** The value, if this is a worker. */
  private static int onWorker(int value) {
    return MPIExecutor.currentRank() > 0 ? value : -value;
  }

  record Point(int x, int y) {
    int sum() {
      return onWorker(x + y);
    }
  }

  /** A service with a field. */
  static final class Shop {
    private final int price;

    Shop(int price) {
      this.price = price;
    }

    List<Integer> prices(ExecutorService pool, List<Integer> numbers) throws Exception {
      List<Future<Integer>> futures = new ArrayList<>();
      for (int number : numbers) {
        futures.add(pool.submit(() -> price(number)));
      }
      return results(futures);
    }

    private int price(int number) {
      return onWorker(price * number);
    }
  }
}
