package dev.mpipool.ranks.programs;

import dev.mpipool.MPIExecutor;
import dev.mpipool.RemoteTaskException;
import java.io.Serializable;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;

/** Submits tasks of every kind, good and bad, and prints what comes of each. */
public final class TaskKinds {

  private TaskKinds() {}

  record Point(double x, double y) implements Serializable {}

  /** The program's own exception, known to every rank's class loader. */
  static final class StarException extends Exception {
    private static final long serialVersionUID = 1;

    StarException(String message) {
      super(message);
    }
  }

  static final class HeavyException extends RuntimeException {
    private static final long serialVersionUID = 1;
    final transient Object unused = null;
    final Thread thread = Thread.currentThread();

    HeavyException(String message) {
      super(message);
    }
  }

  static final class Holder implements Serializable {
    private static final long serialVersionUID = 1;
    final Map<String, Object[]> parts = Map.of("engine", new Object[] {"bolt", new Object()});
  }

  static final class Named implements dev.mpipool.SerializableCallable<String> {
    private static final long serialVersionUID = 1;

    @Override
    public String call() {
      return "named";
    }
  }

  static void explode(int mass) throws StarException {
    if (mass > 8) {
      throw new StarException("supernova");
    }
  }

  private static void print(String name, CompletableFuture<?> future) throws InterruptedException {
    try {
      Object value = future.get();
      String text = value instanceof int[] array ? Arrays.toString(array) : String.valueOf(value);
      System.out.printf("%s: %s%n", name, text);
    } catch (ExecutionException e) {
      Throwable cause = e.getCause();
      System.out.printf("%s: %s%n", name, cause);
      if (cause instanceof StarException) {
        System.out.printf("%s thrown in: %s%n", name, cause.getStackTrace()[0].getMethodName());
      }
      if (cause instanceof RemoteTaskException remote) {
        System.out.printf("%s type: %s%n", name, remote.remoteType());
        System.out.printf(
            "%s has stack: %s%n", name, remote.remoteStackTrace().contains("at dev.mpipool."));
      }
    }
  }

  public static void main(String[] args) {
    MPIExecutor.run(
        args,
        (executor, arguments) -> {
          int captured = 41;
          print("lambda", executor.submit(() -> captured + 1));
          print("reference", executor.submit(Integer::parseInt, "17"));
          print("record", executor.submit(p -> new Point(p.y(), p.x()), new Point(1, 2)));
          print("array", executor.submit(n -> new int[] {n, n + 1}, 3));
          print("null", executor.submit(x -> x == null ? null : "not null", null));
          print("three", executor.submit((a, b, c) -> a + b + c, 1, 2, 3));
          print("named", executor.submit(new Named()));
          print("own exception", executor.submit(() -> explode(10)));
          print(
              "heavy exception",
              executor.submit(
                  () -> {
                    throw new HeavyException("too heavy");
                  }));
          Holder holder = new Holder();
          print("unserializable task", executor.submit(() -> holder.parts.size()));
          print("unserializable result", executor.submit(() -> new Holder()));
          ExecutorService plain = executor;
          print("plain lambda", (CompletableFuture<?>) plain.submit(() -> 1));
          print(
              "error",
              executor.submit(
                  () -> {
                    throw new StackOverflowError("deep");
                  }));
          print("next", executor.submit(() -> "still running"));
          print("rank", executor.submit(() -> MPIExecutor.currentRank() > 0));
        });
  }
}
