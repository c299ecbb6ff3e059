package dev.mpipool.ranks.programs;

import dev.mpipool.Broadcast;
import dev.mpipool.BrokenExecutorException;
import dev.mpipool.MPIExecutor;
import dev.mpipool.MPIRuntime;
import dev.mpipool.MainBody;
import dev.mpipool.WorkersExitException;
import dev.mpipool.comm.Communicator;
import dev.mpipool.serial.ForySerializer;
import dev.mpipool.serial.Serializer;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;

/** What workers do once, together, and with several threads, on real ranks; a line for each. */
public final class Together {

  private static final AtomicInteger READY = new AtomicInteger();
  private static final AtomicInteger RAN = new AtomicInteger();

  private Together() {}

  public static void main(String[] args) throws Exception {
    MPIRuntime.init(args);
    Serializer fory = new ForySerializer();
    pool(MPIExecutor.builder().serializer(fory), Together::plainObjects);
    boolean another = Communicator.world().rank() == 2;
    pool(
        another ? MPIExecutor.builder() : MPIExecutor.builder().serializer(fory), Together::broken);
    MPIExecutor.Builder options =
        MPIExecutor.builder().threadsPerWorker(2).initializer(() -> READY.incrementAndGet());
    MPIExecutor.run(args, options, (executor, arguments) -> body(executor, Path.of(arguments[0])));
  }

  /** Is not serializable. */
  private static final class Star {
    final String name;

    Star(String name) {
      this.name = name;
    }
  }

  private static void pool(MPIExecutor.Builder options, MainBody body) throws Exception {
    try (MPIExecutor executor = options.open()) {
      executor.workersExit();
      body.run(executor, new String[0]);
    } catch (WorkersExitException e) {
      // a worker goes on to the next
    }
  }

  private static void plainObjects(MPIExecutor executor, String[] none) throws Exception {
    Star star = new Star("Vega");
    List<Star> back =
        executor.submitToAll(() -> new Star(star.name + MPIExecutor.currentRank())).get();
    System.out.println("fory " + back.stream().map(one -> one.name).toList());
  }

  private static void broken(MPIExecutor executor, String[] none) throws Exception {
    try {
      System.out.println("agreed " + executor.submitToAll(() -> 1).get());
    } catch (BrokenExecutorException | ExecutionException e) {
      String message = e instanceof ExecutionException ? e.getCause().getMessage() : e.getMessage();
      System.out.println(message.replaceAll(" \\d[.\\d]*,", " 1,"));
    }
  }

  private static void body(MPIExecutor executor, Path folder) throws Exception {
    System.out.println("initialized " + executor.submitToAll(() -> READY.get()).get());
    System.out.println("ranks " + executor.submitToAll(() -> MPIExecutor.currentRank()).get());
    try (Broadcast<double[]> table = executor.broadcast(new double[] {1, 2, 3})) {
      System.out.println("broadcast " + executor.submit(() -> table.value()[2]).get());
    }
    for (int i = 0; i < 50; i++) {
      int size = 1 + i % executor.size();
      List<Long> sums =
          executor
              .submitGroup(
                  size,
                  own -> {
                    own.barrier();
                    return own.allReduce(new long[] {own.rank() + 1}, Long::sum)[0];
                  })
              .get();
      if (!sums.equals(Collections.nCopies(size, (long) size * (size + 1) / 2))) {
        System.out.println("wrong " + sums);
      }
    }
    System.out.println("groups done");
    List<Integer> items = IntStream.range(0, 20_000).boxed().toList();
    System.out.println("map " + executor.map(x -> 2 * x, items).mapToLong(x -> x).sum());
    System.out.println(
        "batch " + executor.submitBatch((a, b) -> a + b, items, items).results().size());
    System.out.println("cached " + cached(executor, folder, 5) + cached(executor, folder, 7));
    executor.submitGroup(2, own -> own.receive(1 - own.rank(), 0)).cancel(true);
    System.out.println("freed " + executor.submitToAll(() -> 1).get().size());
  }

  /** The squares of the first numbers, and how many of them were computed. */
  private static String cached(MPIExecutor executor, Path folder, int count) throws Exception {
    int before = ran(executor);
    List<Integer> squares =
        executor
            .batch()
            .cachedIn(folder)
            .submit(
                x -> {
                  RAN.incrementAndGet();
                  return x * x;
                },
                IntStream.range(0, count).boxed().toList())
            .results();
    return "%s by %d, ".formatted(squares, ran(executor) - before);
  }

  private static int ran(MPIExecutor executor) throws Exception {
    return executor.submitToAll(() -> RAN.get()).get().stream().mapToInt(x -> x).sum();
  }
}
