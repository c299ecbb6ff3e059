package dev.mpipool.ranks.programs;

import dev.mpipool.MPIExecutor;
import dev.mpipool.MPIRuntime;
import dev.mpipool.WorkersExitException;
import dev.mpipool.comm.Communicator;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.IntConsumer;

/** Ranks that end in different ways and at different times; each by its number. */
public final class ExitPhases {
  private static final CountDownLatch POOL_IS_OPEN = new CountDownLatch(1);
  private static int failed;

  private ExitPhases() {}

  public static void main(String[] args) throws Exception {
    switch (args[args.length - 1]) {
      case "all" -> all(args);
      case "beforePool" -> beforePool(args);
      case "failed" -> {
        MPIExecutor.run(args, (executor, own) -> failed = executor.submit(() -> 5).get());
        System.exit(failed);
      }
      default -> throw new IllegalArgumentException();
    }
  }

  private static void beforePool(String[] args) {
    MPIRuntime.init(args);
    if (Communicator.world().rank() == 1) {
      System.exit(0);
    }
    new MPIExecutor().close();
  }

  private static void all(String[] args) throws Exception {
    MPIRuntime.init(args);
    int rank = Communicator.world().rank();
    if (rank == 1) {
      new Thread(ExitPhases::exitInPool).start();
    }
    Runtime.getRuntime().addShutdownHook(new Thread(() -> inHook(rank)));
    int sum = 0;
    try (MPIExecutor executor = new MPIExecutor()) {
      executor.workersExit();
      int workers = executor.size();
      executor.submitToAll(ExitPhases::poolIsOpen).get();
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
      while (executor.size() == workers && System.nanoTime() < end) {
        Thread.sleep(10);
      }
      System.out.println("lost " + (workers - executor.size()));
      for (int i = 0; i < 100; i++) {
        sum += executor.submit(x -> x, i).get();
      }
    } catch (WorkersExitException e) {
      afterPool(rank);
      MPIRuntime.finish();
      return;
    }
    MPIRuntime.finish();
    Thread.sleep(1_000); // main works on
    System.out.println("sum " + sum);
    System.exit(7);
  }

  private static int poolIsOpen() {
    POOL_IS_OPEN.countDown();
    return 1;
  }

  private static void exitInPool() {
    try {
      POOL_IS_OPEN.await();
      System.exit(0);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void inHook(int rank) {
    System.out.println("hook " + rank);
    if (rank > 0) {
      System.exit(9);
    }
  }

  private static void afterPool(int rank) throws InterruptedException {
    switch (rank) {
      case 2 -> {
        try {
          System.exit(0);
        } finally {
          System.out.println("finally");
        }
      }
      case 3 -> Runtime.getRuntime().halt(0);
      case 4 -> {
        IntConsumer exit = System::exit;
        exit.accept(0);
      }
      case 5 -> {
        IntConsumer exit = Runtime.getRuntime()::exit;
        exit.accept(3);
      }
      case 6 -> {
        Thread other = new Thread(() -> System.exit(0));
        other.start();
        other.join();
      }
      default -> {
        return;
      }
    }
    System.out.println("rank " + rank + " goes on");
  }
}
