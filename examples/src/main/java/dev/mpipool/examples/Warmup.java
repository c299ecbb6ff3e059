package dev.mpipool.examples;

import dev.mpipool.MPIExecutor;
import dev.mpipool.MPIRuntime;
import dev.mpipool.WorkersExitException;
import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.LocalCommunicator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * What main and workers do first, all of it in the process of rank 0 too: bin/mpjrun.sh has the
 * archive of classes made there, with which all ranks start.
 */
public final class Warmup {

  private Warmup() {}

  public static void main(String[] args) throws Exception {
    MPIRuntime.init(args);
    try (MPIExecutor executor = new MPIExecutor()) {
      executor.workersExit();
      work(executor);
    } catch (WorkersExitException e) {
      // a worker rank, which goes on below
    }
    if (Communicator.world().rank() == 0) {
      List<Communicator> alone = LocalCommunicator.create(1);
      try (MPIExecutor executor = MPIExecutor.builder().communicator(alone.get(0)).open()) {
        work(executor);
      }
    }
    MPIRuntime.finish();
  }

  private static void work(MPIExecutor executor) throws Exception {
    int base = executor.submit(() -> 42).get();
    executor.submit(x -> x + base, 1).get();
    executor.map(x -> x * x, IntStream.range(0, 100).boxed().toList()).forEach(square -> {});
  }
}
