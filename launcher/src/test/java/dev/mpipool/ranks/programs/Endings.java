package dev.mpipool.ranks.programs;

import dev.mpipool.Batch;
import dev.mpipool.MPIExecutor;
import dev.mpipool.MPIRuntime;
import dev.mpipool.comm.Communicator;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/**
 * Programs whose main ends before their pool does. Arguments: which, and a folder, in which each
 * task leaves a file.
 */
public final class Endings {

  /** A batch with a consumer ends when it is unreachable, as it is after main has returned. */
  @SuppressWarnings("unused") // written only
  private static Batch<Integer> reachable;

  private Endings() {}

  public static void main(String[] args) throws Exception {
    String[] own = MPIRuntime.init(args);
    Path folder = Path.of(own[1]);
    switch (own[0]) {
      case "shutdown" -> shutdown(folder);
      case "shutdownAndFinish" -> {
        shutdown(folder);
        MPIRuntime.finish();
      }
      case "otherMains" -> otherMains(folder);
      case "unclosed" -> unclosed(folder);
      case "exit" -> exit();
      case "finish" -> finish(folder);
      default -> throw new IllegalArgumentException(own[0]);
    }
  }

  private static void write(Path folder, String name) {
    try {
      Files.writeString(folder.resolve(name), "done");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void pause(int millis) {
    try {
      TimeUnit.MILLISECONDS.sleep(millis);
    } catch (InterruptedException e) {
      throw new IllegalStateException("interrupted", e);
    }
  }

  /** Eight tasks, a batch of ten that is still feeding, a callback. */
  @SuppressWarnings("resource") // shut down, and not closed
  private static void shutdown(Path folder) {
    MPIExecutor executor = new MPIExecutor();
    if (executor.isWorker()) {
      return;
    }
    accept(executor, folder, "");
    executor.shutdown();
  }

  private static void accept(MPIExecutor executor, Path folder, String name) {
    String path = folder.toString();
    for (int i = 0; i < 8; i++) {
      int number = i;
      executor.execute(
          () -> {
            pause(600);
            write(Path.of(path), name + "task" + number);
          });
    }
    Iterable<Integer> slow =
        () ->
            IntStream.range(0, 10)
                .peek(number -> pause(200)) // on main
                .iterator();
    executor.submitBatch(number -> write(path, name + "item" + number), slow);
    CompletableFuture<Integer> last = executor.submit(() -> 42);
    last.thenAccept(
        value -> {
          pause(3_000);
          write(folder, name + "callback" + value);
        });
  }

  private static boolean write(String folder, String name) {
    write(Path.of(folder), name);
    return true;
  }

  /** Two pools, each with its second rank as main; the first pool's ranks are through early. */
  @SuppressWarnings("resource") // shut down, and not closed
  private static void otherMains(Path folder) {
    int rank = Communicator.world().rank();
    Communicator half = Communicator.world().split(rank / 2, rank);
    MPIExecutor executor = MPIExecutor.builder().communicator(half).main(1).open();
    if (executor.isMain() && rank == 1) {
      executor.submit(() -> pause(1_500)).join();
      executor.close();
    } else if (executor.isMain()) {
      accept(executor, folder, "");
      executor.shutdown();
    }
  }

  /** Four futures and a batch are given up; one future is done. */
  @SuppressWarnings("resource") // what is to be tested
  private static void unclosed(Path folder) throws Exception {
    MPIExecutor executor = new MPIExecutor();
    if (executor.isWorker()) {
      return;
    }
    executor.submit(() -> 1).get();
    reachable =
        executor.submitBatch((Integer i) -> i, () -> IntStream.iterate(0, i -> i + 1).iterator());
    reachable.iterator().next().get(); // has a consumer, and waits for it from now on
    for (int i = 0; i < 3; i++) {
      executor.submit(() -> pause(60_000));
    }
    executor.submitGroup(2, members -> members.size()); // never starts: one worker always sleeps
    Runtime.getRuntime().addShutdownHook(new Thread(System::gc, "collects"));
    write(folder, "returned");
  }

  /** Exits with a hook that waits for what runs, submits, and closes the pool. */
  @SuppressWarnings("resource") // closed in the hook
  private static void exit() {
    MPIExecutor executor = new MPIExecutor();
    if (executor.isWorker()) {
      return;
    }
    CountDownLatch running = new CountDownLatch(1);
    executor.submit(() -> 0).thenRun(running::countDown).join();
    CompletableFuture<Integer> slow =
        executor.submit(
            () -> {
              pause(6_000);
              return 9;
            });
    Thread hook =
        new Thread(
            () -> {
              System.out.println("got " + slow.thenApply(n -> n + 1).join());
              System.out.println("submitted " + executor.submit(() -> 6).join());
              System.out.println("all " + executor.map(i -> i + 1, List.of(1, 2)).toList());
              executor.close();
              System.out.println("closed " + executor.isTerminated());
            });
    Runtime.getRuntime().addShutdownHook(hook);
    System.exit(5);
  }

  /** Ends MPI with an open pool: its futures are done, it takes no more, its workers go on. */
  @SuppressWarnings("resource") // what is to be tested
  private static void finish(Path folder) throws Exception {
    MPIExecutor executor = new MPIExecutor();
    if (executor.isWorker()) {
      write(folder, "worker" + Communicator.world().rank());
      MPIRuntime.finish();
      return;
    }
    String path = folder.toString();
    CompletableFuture<?> running =
        executor.submit(
            () -> {
              write(path, "running");
              pause(60_000);
            });
    while (!Files.exists(folder.resolve("running"))) {
      pause(10);
    }
    List<CompletableFuture<?>> waiting = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      waiting.add(executor.submit(() -> pause(60_000)));
    }
    MPIRuntime.finish();
    System.out.println("running " + running.isCompletedExceptionally());
    System.out.println(
        "waiting " + waiting.stream().allMatch(CompletableFuture::isCompletedExceptionally));
    try {
      executor.submit(() -> 1);
    } catch (RejectedExecutionException e) {
      System.out.println("rejected");
    }
    System.out.println("terminated " + executor.isTerminated());
    executor.close();
    MPIRuntime.finish();
  }
}
