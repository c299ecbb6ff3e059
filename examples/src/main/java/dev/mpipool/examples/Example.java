package dev.mpipool.examples;

import dev.mpipool.MPIExecutor;
import dev.mpipool.MPIRuntime;
import dev.mpipool.WorkersExitException;
import dev.mpipool.comm.Communicator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;

/** Squares of a range, computed on all ranks; then all ranks go on together. */
public final class Example {

  private Example() {}

  public static void main(String[] args) {
    MPIRuntime.init(args);
    try (MPIExecutor executor = new MPIExecutor()) {
      executor.workersExit();

      List<CompletableFuture<Integer>> squares =
          IntStream.range(0, 10).mapToObj(i -> executor.submit(x -> x * x, i)).toList();

      for (CompletableFuture<Integer> square : squares) {
        System.out.println(square.join());
      }
    } catch (WorkersExitException e) {
      // a worker rank, which goes on below
    }

    Communicator world = Communicator.world();
    world.barrier();
    if (world.rank() == 0) {
      System.out.printf("All ranks are here: %d%n", world.size());
    }
    MPIRuntime.finish();
  }
}
