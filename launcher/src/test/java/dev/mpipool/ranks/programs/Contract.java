package dev.mpipool.ranks.programs;

import dev.mpipool.MPIExecutor;
import dev.mpipool.MPIRuntime;
import dev.mpipool.WorkersExitException;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * What ExecutorService promises, on two workers of another rank each: a line for each point, which
 * ends with true if it holds. Tasks and main meet in files of a folder, the last argument.
 */
public final class Contract {

  private static final long SECONDS = 20;

  private static final byte[] REUSED = new byte[1 << 20];

  private Contract() {}

  private interface Body {
    void run(MPIExecutor executor) throws Exception;
  }

  private static String folder;

  public static void main(String[] args) throws Exception {
    String[] own = MPIRuntime.init(args);
    folder = own[own.length - 1];
    onPool(Contract::cancellation);
    onPool(Contract::timeouts);
    onPool(Contract::answersOfCancelledTasks);
    onPool(Contract::bulk);
    onPool(Contract::shutdownNow);
    onPool(Contract::resultsInOneArray);
    onPool(Contract::closeFromACallback);
    onPool(Contract::closeFromTwoThreads);
    onPool(Contract::closeWhenInterrupted);
    onPool(Contract::closeOfAWrapper);
    onPool(executor -> check("the next pool works", executor.submit(() -> 6 * 7).get() == 42));
    MPIRuntime.finish();
  }

  private static void onPool(Body body) throws Exception {
    try (MPIExecutor executor = new MPIExecutor()) {
      executor.workersExit();
      body.run(executor);
    } catch (WorkersExitException e) {
      // the next pool is waiting
    }
  }

  private static void check(String point, boolean holds) {
    System.out.println(point + ": " + holds);
  }

  // Tasks run these on workers.

  private static void mark(String file) throws IOException {
    try {
      Files.createFile(Path.of(file));
    } catch (FileAlreadyExistsException e) {
      // several tasks may leave the same mark
    }
  }

  private static boolean awaitMark(String file) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
    while (!Files.exists(Path.of(file)) && System.nanoTime() < deadline) {
      Thread.sleep(1);
    }
    return Files.exists(Path.of(file));
  }

  private static boolean awaitIdle(MPIExecutor executor) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
    while (executor.idling() < 2 && System.nanoTime() < deadline) {
      Thread.sleep(1);
    }
    return executor.idling() == 2;
  }

  /** A task that has begun, and ends when it is interrupted or the mark name.go is left. */
  private static CompletableFuture<Boolean> begun(MPIExecutor executor, String name)
      throws InterruptedException {
    String file = folder + "/" + name;
    CompletableFuture<Boolean> future =
        executor.submit(
            () -> {
              mark(file + ".begun");
              try {
                boolean went = awaitMark(file + ".go");
                mark(file + ".finished");
                return went;
              } catch (InterruptedException e) {
                mark(file + ".interrupted");
                throw e;
              }
            });
    awaitMark(file + ".begun");
    return future;
  }

  private static void go(String name) throws IOException {
    mark(folder + "/" + name + ".go");
  }

  private static boolean left(String mark) throws InterruptedException {
    return awaitMark(folder + "/" + mark);
  }

  private static void cancellation(MPIExecutor executor) throws Exception {
    CompletableFuture<Boolean> interrupted = begun(executor, "cancelTrue");
    CompletableFuture<Boolean> let = begun(executor, "cancelFalse");
    String never = folder + "/never";
    CompletableFuture<?> queued = executor.submit(() -> mark(never));
    CompletableFuture<?> alsoQueued = executor.submit(() -> mark(never));
    CompletableFuture<Boolean> next = executor.submit(() -> Thread.currentThread().isInterrupted());
    check("cancel of queued tasks", queued.cancel(true) && alsoQueued.cancel(false));
    check("cancel of running tasks", interrupted.cancel(true) && let.cancel(false));
    check("cancel(true) interrupts", left("cancelTrue.interrupted"));
    check("the next task is not interrupted", !next.get(SECONDS, TimeUnit.SECONDS));
    check("the place of the other is taken", executor.idling() == 1);
    go("cancelFalse");
    check("cancel(false) lets it run", left("cancelFalse.finished"));
    check("both workers are free", awaitIdle(executor));
    check("and its answer is dropped", let.isCancelled());
    check("cancelled tasks do not begin", !Files.exists(Path.of(never)));
  }

  private static void timeouts(MPIExecutor executor) throws Exception {
    CompletableFuture<Boolean> late =
        begun(executor, "orTimeout").orTimeout(1, TimeUnit.MILLISECONDS);
    CompletableFuture<Boolean> replaced =
        begun(executor, "completeOnTimeout").completeOnTimeout(null, 1, TimeUnit.MILLISECONDS);
    check("completeOnTimeout", replaced.get(SECONDS, TimeUnit.SECONDS) == null);
    try {
      check("orTimeout, but " + late.get(SECONDS, TimeUnit.SECONDS), false);
    } catch (ExecutionException e) {
      check("orTimeout", e.getCause() instanceof TimeoutException);
    }
    check("orTimeout interrupts", left("orTimeout.interrupted"));
    check("completeOnTimeout interrupts", left("completeOnTimeout.interrupted"));
    check("timeouts free the workers", awaitIdle(executor));
  }

  private static void answersOfCancelledTasks(MPIExecutor executor) throws Exception {
    List<CompletableFuture<Integer>> futures = new ArrayList<>();
    for (int i = 0; i < 2_000; i++) {
      futures.add(executor.submit(x -> x, i));
      if (i % 3 > 0) {
        futures.get(i - i % 3).cancel(i % 2 == 0);
      }
    }
    boolean right = true;
    int results = 0;
    for (int i = 0; i < futures.size(); i++) {
      try {
        right &= futures.get(i).get(SECONDS, TimeUnit.SECONDS) == i;
        results++;
      } catch (CancellationException e) {
        right &= i % 3 == 0;
      }
    }
    check("an answer of a cancelled task completes no other", right && results > 1_300);
  }

  private static void bulk(MPIExecutor executor) throws Exception {
    Callable<Integer> five = (Callable<Integer> & Serializable) () -> 5;
    Callable<Integer> sleeping =
        (Callable<Integer> & Serializable)
            () -> {
              Thread.sleep(60_000);
              return 6;
            };
    List<Future<Integer>> all =
        executor.invokeAll(List.of(five, sleeping, five), 2, TimeUnit.SECONDS);
    check("invokeAll with a timeout", all.get(0).get() == 5 && all.get(2).get() == 5);
    check("invokeAll cancels what is not done in time", all.get(1).isCancelled());
    check("and frees its worker", awaitIdle(executor));
    check("invokeAny", executor.invokeAny(List.of(sleeping, five)) == 5);
    check("invokeAny frees the others", awaitIdle(executor));
    ExecutorCompletionService<Integer> completion = new ExecutorCompletionService<>(executor);
    Future<Integer> slow = completion.submit(sleeping);
    Future<Integer> quick = completion.submit(five);
    check("the quick one comes first", completion.poll(SECONDS, TimeUnit.SECONDS) == quick);
    slow.cancel(true);
    check("and the cancelled one", completion.poll(SECONDS, TimeUnit.SECONDS) == slow);
    try {
      CompletableFuture.supplyAsync(() -> 1, executor);
      check("supplyAsync is refused", false);
    } catch (RejectedExecutionException e) {
      check("supplyAsync is refused", e.getMessage().contains("executor.submit(...)"));
    }
  }

  private static void shutdownNow(MPIExecutor executor) throws Exception {
    CompletableFuture<Boolean> one = begun(executor, "one");
    CompletableFuture<Boolean> two = begun(executor, "two");
    List<CompletableFuture<Integer>> queued = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      queued.add(executor.submit(() -> 1));
    }
    check("shutdownNow gives what never began", executor.shutdownNow().size() == 3);
    check("and cancels it", queued.stream().allMatch(CompletableFuture::isCancelled));
    check("shutdownNow interrupts", left("one.interrupted") && left("two.interrupted"));
    check("awaitTermination", executor.awaitTermination(SECONDS, TimeUnit.SECONDS));
    check("no future is left", one.isCompletedExceptionally() && two.isCompletedExceptionally());
    check("every worker is released", executor.isTerminated() && executor.size() == 0);
  }

  private static void closeFromACallback(MPIExecutor executor) throws Exception {
    CompletableFuture<Boolean> closed =
        executor
            .submit(() -> 1)
            .thenApply(
                value -> {
                  executor.close();
                  return executor.isTerminated();
                });
    check("close from a callback", closed.get(SECONDS, TimeUnit.SECONDS));
  }

  /** Tasks that fill the same array of their worker again and again. */
  private static void resultsInOneArray(MPIExecutor executor) throws Exception {
    List<Future<byte[]>> results = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      results.add(executor.submit(Contract::filled, (byte) i));
    }
    boolean asReturned = true;
    for (int i = 0; i < results.size(); i++) {
      byte[] result = results.get(i).get(SECONDS, TimeUnit.SECONDS);
      for (byte each : result) {
        asReturned &= each == i;
      }
      asReturned &= result.length == REUSED.length;
    }
    check("results are as they were returned", asReturned);
  }

  private static byte[] filled(byte value) {
    Arrays.fill(REUSED, value);
    return REUSED;
  }

  private static void closeFromTwoThreads(MPIExecutor executor) throws Exception {
    CompletableFuture<Boolean> running = begun(executor, "closing");
    List<FutureTask<Boolean>> closing = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      FutureTask<Boolean> task =
          new FutureTask<>(
              () -> {
                executor.close();
                return executor.isTerminated() && running.isDone();
              });
      new Thread(task).start();
      closing.add(task);
    }
    go("closing");
    for (FutureTask<Boolean> task : closing) {
      check("close from two threads", task.get(SECONDS, TimeUnit.SECONDS));
    }
  }

  private static void closeWhenInterrupted(MPIExecutor executor) throws Exception {
    begun(executor, "interrupting");
    Thread.currentThread().interrupt();
    executor.close();
    check("close keeps the interrupt", Thread.interrupted());
    check("and has interrupted the task", left("interrupting.interrupted"));
    check("and has finished", executor.isTerminated());
  }

  /** Java 21 and later give the wrapper a close of its own. */
  private static void closeOfAWrapper(MPIExecutor executor) throws Exception {
    Future<Integer> future = executor.submit(() -> 1);
    ExecutorService wrapped = Executors.unconfigurableExecutorService(executor);
    if (wrapped instanceof AutoCloseable closeable) {
      closeable.close();
    } else {
      wrapped.shutdown();
      wrapped.awaitTermination(SECONDS, TimeUnit.SECONDS);
    }
    check("the JDK's own close", future.get() == 1 && executor.isTerminated());
  }
}
