package dev.mpipool.ranks.programs;

import dev.mpipool.Batch;
import dev.mpipool.MPIExecutor;
import dev.mpipool.MPIRuntime;
import dev.mpipool.comm.Communicator;
import dev.mpipool.tasker.Tasker;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;

/**
 * Programs that are told that they have to end. The last arguments are a folder and which program.
 */
public final class Terminated {

  private static final CountDownLatch TOLD = new CountDownLatch(1);

  private Terminated() {}

  public static void main(String[] args) throws Exception {
    Path folder = Path.of(args[args.length - 2]);
    switch (args[args.length - 1]) {
      case "announced" -> onMain(args, folder, Terminated::announced);
      case "ended" -> onMain(args, folder, Terminated::ended);
      case "slow" -> onMain(args, folder, Terminated::slow);
      case "slowWorker" -> slowWorker(args, folder);
      case "stuck" -> onMain(args, folder, Terminated::stuck);
      case "closing" -> onMain(args, folder, Terminated::closing);
      case "batch" -> onMain(args, folder, Terminated::batch);
      case "everyRank" -> everyRank(args);
      case "early" -> early(args, folder);
      case "after" -> after(args);
      case "none" -> none(args);
      case "tasker" -> tasker(args, folder);
      default -> throw new IllegalArgumentException(args[args.length - 1]);
    }
  }

  private interface Body {
    void run(MPIExecutor executor, Path folder) throws Exception;
  }

  private static void onMain(String[] args, Path folder, Body body) throws Exception {
    MPIExecutor.run(args, (executor, own) -> body.run(executor, folder));
  }

  /** Main submits until it is told to end, and its workers still answer then. */
  private static void announced(MPIExecutor executor, Path folder) throws Exception {
    MPIRuntime.onTermination(TOLD::countDown);
    System.out.println("ready");
    while (TOLD.getCount() > 0) {
      executor.submit(() -> 1).get();
    }
    System.out.println("answered " + executor.submit(() -> 42).get());
  }

  private static void ended(MPIExecutor executor, Path folder) throws Exception {
    MPIRuntime.onTermination(() -> System.out.println("saved"));
    System.out.println("ready");
    executor.submit(Terminated::waitForEver).get();
  }

  /** Main fails, since a signal ends its workers as well, before its action is through. */
  private static void slow(MPIExecutor executor, Path folder) {
    String failed = folder.resolve("failed").toString();
    MPIRuntime.onTermination(() -> saveAfter(failed));
    System.out.println("ready");
    try {
      executor.submit(Terminated::waitForEver).join();
    } finally {
      write(failed);
    }
  }

  /** A worker is released before its action is through. */
  private static void slowWorker(String[] args, Path folder) throws Exception {
    String released = folder.resolve("released").toString();
    MPIRuntime.init(args);
    boolean isMain = Communicator.world().rank() == 0;
    if (!isMain) {
      MPIRuntime.onTermination(() -> saveAfter(released));
    }
    System.out.println("ready");
    MPIExecutor executor = MPIExecutor.builder().rejoin(false).open();
    MPIRuntime.onTermination(TOLD::countDown);
    TOLD.await();
    executor.close();
    write(released);
    MPIRuntime.finish();
  }

  private static void saveAfter(String file) {
    try {
      awaitFile(file);
      Thread.sleep(500); // longer than an exit takes
      System.out.println("saved");
    } catch (InterruptedException e) {
      System.out.println("interrupted");
    }
  }

  private static void stuck(MPIExecutor executor, Path folder) throws Exception {
    MPIRuntime.onTermination(
        () -> {
          System.out.println("told");
          awaitNothing();
        });
    System.out.println("ready");
    executor.submit(Terminated::waitForEver).get();
  }

  /** The task for which the pool waits at its end comes to its own when main is told. */
  private static void closing(MPIExecutor executor, Path folder) {
    String told = folder.resolve("told").toString();
    MPIRuntime.onTermination(() -> write(told));
    executor.execute(() -> awaitFile(told));
    executor.shutdown();
    System.out.println("ready");
    executor.close();
    System.out.println("closed");
  }

  private static void batch(MPIExecutor executor, Path folder) throws Exception {
    Iterable<Integer> elements = () -> IntStream.range(0, 10).iterator();
    Batch<Integer> batch =
        executor
            .batch()
            .chunkSize(1)
            .cachedIn(folder.resolve("cache"))
            .submit(
                x -> {
                  if (x >= 3) {
                    waitForEver();
                  }
                  return x;
                },
                elements);
    int results = 0;
    for (CompletableFuture<Integer> each : batch) {
      each.get();
      results++;
      if (results == 3) {
        System.out.println("ready");
      }
    }
  }

  private static void everyRank(String[] args) throws Exception {
    MPIRuntime.init(args);
    int rank = Communicator.world().rank();
    MPIRuntime.onTermination(
        () -> {
          System.out.println("told " + rank);
          TOLD.countDown();
        });
    System.out.println("ready");
    TOLD.await();
    MPIRuntime.finish();
  }

  /** Told before it has joined the other ranks and before it has added an action. */
  private static void early(String[] args, Path folder) throws Exception {
    System.out.println("ready");
    awaitFile(folder.resolve("go").toString());
    MPIRuntime.init(args);
    MPIRuntime.onTermination(() -> System.out.println("told"));
    MPIRuntime.finish();
  }

  private static void after(String[] args) throws Exception {
    MPIRuntime.onTermination(TOLD::countDown);
    MPIRuntime.init(args);
    MPIRuntime.finish();
    System.out.println("ready");
    TOLD.await();
    System.out.println("told");
  }

  /** Ranks that have nothing to do when they are told. */
  private static void none(String[] args) throws Exception {
    MPIExecutor.run(
        args,
        (executor, own) -> {
          System.out.println("ready");
          System.out.println("read " + System.in.read());
          System.out.println("answered " + executor.submit(() -> 42).get());
        });
  }

  private static void tasker(String[] args, Path folder) {
    try (Tasker tasker = new Tasker(args)) {
      tasker.map(
          folder.resolve("map"),
          x -> {
            if (x >= 5) {
              System.out.println("ready");
              waitForEver();
            }
            return x;
          },
          Tasker.range(100));
    }
  }

  private static void waitForEver() throws InterruptedException {
    new CountDownLatch(1).await();
  }

  private static void awaitNothing() {
    while (true) {
      LockSupport.park();
    }
  }

  private static void write(String file) {
    try {
      Files.createFile(Path.of(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void awaitFile(String file) throws InterruptedException {
    while (!Files.exists(Path.of(file))) {
      Thread.sleep(10);
    }
  }
}
