package dev.mpipool.ranks.programs;

import dev.mpipool.MPIExecutor;
import dev.mpipool.MPIRuntime;
import dev.mpipool.WorkersExitException;
import dev.mpipool.comm.Communicator;
import dev.mpipool.mpj.MpjCommunicator;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.stream.IntStream;
import mpi.MPI;

/** Programs with a pool, each named by the first argument. */
public final class PoolScript {

  private PoolScript() {}

  public static void main(String[] args) throws Exception {
    String name = args[args.length - 1];
    switch (name) {
      case "openAndClose" -> MPIExecutor.run(args, (executor, own) -> {});
      case "bodyThrows" -> bodyThrows(args);
      case "bodyExits" -> MPIExecutor.run(args, (executor, own) -> System.exit(7));
      case "stepsThrow" -> stepsThrow(args);
      case "notClosed" -> notClosed(args);
      case "notCaught" -> notCaught(args);
      case "notCaughtUntilMainEnds" -> notCaughtUntilMainEnds();
      case "notRejoined" -> notRejoined(args);
      case "uninitialized" -> uninitialized();
      case "idle" -> idle(args);
      case "workerDies" -> workerDies(args);
      case "oneWorkerDies" -> oneWorkerDies(args);
      case "workerIsKilled" -> workerIsKilled(args);
      case "ownMpi" -> ownMpi(args);
      case "otherMain" -> otherMain(args);
      case "manyPools" -> manyPools(args);
      case "sideBySide" -> sideBySide(args);
      case "threads" -> threads(args);
      case "sizes" -> sizes(args);
      case "collectives" -> collectives(args);
      case "workerSubmits" -> workerSubmits(args);
      default -> throw new IllegalArgumentException(name);
    }
  }

  private static void bodyThrows(String[] args) {
    MPIExecutor.run(
        args,
        (executor, own) -> {
          executor.submit(() -> Thread.sleep(60_000)); // is interrupted
          throw new java.io.IOException("no data");
        });
  }

  private static void stepsThrow(String[] args) throws Exception {
    MPIRuntime.init(args);
    try (MPIExecutor executor = new MPIExecutor()) {
      executor.workersExit();
      executor.submit(() -> 1).get();
      throw new java.io.IOException("no data");
    } catch (WorkersExitException e) {
      // a worker goes on
    }
    MPIRuntime.finish();
  }

  @SuppressWarnings("resource") // what is to be tested
  private static void notClosed(String[] args) throws Exception {
    MPIRuntime.init(args);
    System.out.println(new MPIExecutor().submit(() -> "not closed").get());
  }

  /** A worker's process begins to end, by an exception, when main's is ending already. */
  private static void notCaughtUntilMainEnds() throws InterruptedException {
    try (MPIExecutor executor = new MPIExecutor()) {
      executor.workersExit();
      System.out.println(executor.submit(() -> 42).join());
    } catch (WorkersExitException e) {
      Thread.sleep(40);
      throw e;
    }
  }

  private static void notCaught(String[] args) throws Exception {
    MPIRuntime.init(args);
    try (MPIExecutor executor = new MPIExecutor()) {
      executor.workersExit();
      System.out.println(executor.submit(() -> "not caught").get());
    }
  }

  private static void notRejoined(String[] args) throws Exception {
    MPIRuntime.init(args);
    try (MPIExecutor executor = MPIExecutor.builder().rejoin(false).open()) {
      System.out.println(executor.submit(() -> "not rejoined").get());
    }
    System.out.println("only main is here");
    MPIRuntime.finish();
  }

  private static void idle(String[] args) {
    MPIExecutor.run(
        args,
        (executor, own) -> {
          executor.submit(() -> 1).get();
          System.out.println("idle");
          Thread.sleep(13_000);
        });
  }

  private static void workerDies(String[] args) {
    MPIExecutor.run(
        args,
        (executor, own) -> {
          List<CompletableFuture<?>> futures = new ArrayList<>();
          futures.add(executor.submit(() -> Thread.sleep(60_000)));
          futures.add(executor.submit(() -> Runtime.getRuntime().halt(9)));
          futures.add(executor.submit(() -> 1));
          for (CompletableFuture<?> future : futures) {
            try {
              future.get();
            } catch (ExecutionException e) {
              System.out.println("failed: " + e.getCause().getClass().getSimpleName());
            }
          }
        });
  }

  /** Ranks 1 and 2 are workers; 1 dies with a task in hand, which then runs on 2. */
  private static void oneWorkerDies(String[] args) {
    MPIExecutor.run(
        args,
        (executor, own) -> {
          List<CompletableFuture<Integer>> futures = new ArrayList<>();
          for (int i = 0; i < 200; i++) {
            futures.add(
                executor.submit(
                    x -> {
                      if (MPIExecutor.currentRank() == 1) {
                        Runtime.getRuntime().halt(9);
                      }
                      return x;
                    },
                    i));
          }
          int sum = 0;
          for (CompletableFuture<Integer> future : futures) {
            sum += future.get();
          }
          System.out.printf("sum %d, %d worker left%n", sum, executor.size());
        });
  }

  /** Waits, idle, for somebody to kill a worker. */
  private static void workerIsKilled(String[] args) {
    MPIExecutor.run(
        args,
        (executor, own) -> {
          executor.submit(() -> 1).get();
          System.out.println("waiting");
          long deadline = System.nanoTime() + 20_000_000_000L;
          while (executor.size() == 2 && System.nanoTime() < deadline) {
            Thread.sleep(1);
          }
          System.out.println("noticed " + System.currentTimeMillis());
          System.out.println("left " + executor.size() + ", " + executor.submit(() -> 6 * 7).get());
        });
  }

  private static void uninitialized() throws Exception {
    try (MPIExecutor executor = new MPIExecutor()) {
      executor.workersExit();
      System.out.printf("workers: %d, %d%n", executor.size(), executor.submit(() -> 6 * 7).get());
    } catch (WorkersExitException e) {
      // a worker ends
    }
  }

  /** A program of MPJ Express, with a pool on a part of the ranks. */
  private static void ownMpi(String[] args) throws Exception {
    MPI.Init(args);
    int rank = MPI.COMM_WORLD.Rank();
    Communicator part = MpjCommunicator.of(MPI.COMM_WORLD.Split(rank % 2, rank));
    try (MPIExecutor executor = MPIExecutor.builder().communicator(part).open()) {
      executor.workersExit();
      System.out.printf(
          "part %d: %d workers, %d%n", rank, executor.size(), executor.submit(() -> 6 * 7).get());
    } catch (WorkersExitException e) {
      // a worker goes on
    }
    MPI.COMM_WORLD.Barrier();
    MPI.Finalize();
  }

  private static void otherMain(String[] args) {
    MPIExecutor.run(
        args,
        MPIExecutor.builder().main(2),
        (executor, own) ->
            System.out.printf(
                "main is rank %d, task on worker: %s%n",
                Communicator.world().rank(),
                executor.submit(() -> MPIExecutor.currentRank() != 2).get()));
  }

  private static void manyPools(String[] args) throws Exception {
    MPIRuntime.init(args);
    int sum = 0;
    for (int i = 0; i < 100; i++) {
      try (MPIExecutor executor = new MPIExecutor()) {
        executor.workersExit();
        sum += executor.submit(x -> x, i).get();
      } catch (WorkersExitException e) {
        // the next pool is waiting
      }
    }
    if (Communicator.world().rank() == 0) {
      System.out.println("sum " + sum);
    }
    MPIRuntime.finish();
  }

  /** Two pools at the same time on disjoint ranks, while the world's own messages go on. */
  private static void sideBySide(String[] args) throws Exception {
    MPIRuntime.init(args);
    Communicator world = Communicator.world();
    Communicator half = world.split(world.rank() / 2, world.rank());
    try (MPIExecutor executor = MPIExecutor.builder().communicator(half).open()) {
      executor.workersExit();
      int half1 = world.rank() / 2;
      int total = 0;
      for (int i = 0; i < 200; i++) {
        total += executor.submit(x -> x + half1, i).get();
      }
      world.send(0, 5, ByteBuffer.allocate(4).putInt(0, total));
    } catch (WorkersExitException e) {
      // a worker goes on
    }
    if (world.rank() == 0) {
      int first = world.receive(0, 5).data().getInt();
      int second = world.receive(2, 5).data().getInt();
      System.out.printf("totals %d and %d%n", first, second);
    }
    world.barrier();
    MPIRuntime.finish();
  }

  private static void threads(String[] args) throws Exception {
    MPIRuntime.init(args);
    ThreadGroup group = Thread.currentThread().getThreadGroup();
    try (MPIExecutor executor = new MPIExecutor()) {
      executor.workersExit();
      executor.submit(() -> 1).thenApply(x -> x + 1).get();
    } catch (WorkersExitException e) {
      // a worker goes on
    }
    long deadline = System.nanoTime() + 5_000_000_000L;
    List<String> left = ours(group);
    while (!left.isEmpty() && System.nanoTime() < deadline) {
      Thread.sleep(10);
      left = ours(group);
    }
    System.out.println("threads left: " + left);
    MPIRuntime.finish();
  }

  private static List<String> ours(ThreadGroup group) {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getThreadGroup() == group)
        .map(Thread::getName)
        .filter(
            thread -> thread.matches("mpipool-(listener|sender|task|callbacks|worker|unclosed).*"))
        .toList();
  }

  /** Values around the borders of the pieces in which messages travel. */
  private static void sizes(String[] args) {
    MPIExecutor.run(
        args,
        (executor, own) -> {
          int[] sizes = {
            0, 1, 65_000, 65_524, 65_536, 262_143, 262_144, 16 << 20, (16 << 20) + 65_536, 50 << 20
          };
          for (int size : sizes) {
            byte[] bytes = random(size);
            CompletableFuture<byte[]> back = executor.submit(x -> x, bytes);
            Arrays.fill(bytes, (byte) 0); // is not to be seen
            System.out.println(size + " " + Arrays.equals(random(size), back.get()));
          }
          byte[] one = random(1 << 20);
          byte[] other = random(17 << 20);
          int hash =
              executor
                  .submit(
                      (text, x, y) -> text.hashCode() + Arrays.hashCode(x) - 5 * Arrays.hashCode(y),
                      "long".repeat(25_000),
                      one,
                      other)
                  .get();
          int right =
              "long".repeat(25_000).hashCode() + Arrays.hashCode(one) - 5 * Arrays.hashCode(other);
          System.out.println("several " + (hash == right));
          int[] numbers = IntStream.range(0, 1 << 20).toArray();
          System.out.println(
              "ints " + Arrays.equals(numbers, executor.submit(() -> numbers).get()));
        });
  }

  private static byte[] random(int size) {
    byte[] bytes = new byte[size];
    new Random(size).nextBytes(bytes);
    return bytes;
  }

  private static void collectives(String[] args) {
    MPIRuntime.init(args);
    Communicator world = Communicator.world();
    for (int root = 0; root < world.size(); root++) {
      byte[] mine = {(byte) (10 * root + world.rank())};
      world.barrier();
      byte[] told = world.broadcast(mine, root);
      List<byte[]> gathered = world.gather(mine, root);
      List<byte[]> all = world.allGather(mine);
      byte[] got = world.scatter(all, root);
      boolean right =
          told[0] == 11 * root
              && gathered.size() == (world.rank() == root ? world.size() : 0)
              && all.size() == world.size()
              && all.get(world.size() - 1)[0] == 10 * root + world.size() - 1
              && got[0] == mine[0];
      System.out.println("root " + root + " " + right);
    }
    MPIRuntime.finish();
  }

  private static void workerSubmits(String[] args) {
    MPIRuntime.init(args);
    try (MPIExecutor executor = new MPIExecutor()) {
      if (executor.isWorker()) {
        try {
          executor.submit(() -> 1);
        } catch (IllegalStateException e) {
          System.out.println(e.getMessage());
        }
      }
    }
    MPIRuntime.finish();
  }
}
