package dev.mpipool.examples;

import dev.mpipool.MPIRuntime;
import dev.mpipool.comm.Communicator;
import dev.mpipool.shared.MPIBatch;
import dev.mpipool.shared.MPIBatch.State;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.IntStream;

/**
 * Random work in groups of two ranks, with states in folders. Interrupt it and start it again: only
 * the rest runs. Arguments: the folder (default: batch), tasks (default: 20), longest task in
 * milliseconds (default: 400).
 */
public final class BatchFolders {

  private BatchFolders() {}

  public static void main(String[] args) throws InterruptedException {
    String[] own = MPIRuntime.init(args);
    Path folder = Path.of(own.length > 0 ? own[0] : "batch");
    int tasks = own.length > 1 ? Integer.parseInt(own[1]) : 20;
    int longest = own.length > 2 ? Integer.parseInt(own[2]) : 400;
    Communicator world = Communicator.world();
    int workerSize = world.size() % 2 == 0 ? 2 : 1;
    List<String> names = IntStream.range(0, tasks).mapToObj("task-%04d"::formatted).toList();
    int done = 0;
    try (MPIBatch batch = MPIBatch.builder(world, workerSize, tasks).folder(folder, names).open()) {
      for (OptionalInt next = batch.nextTask(); next.isPresent(); next = batch.nextTask()) {
        int task = next.getAsInt();
        Thread.sleep(ThreadLocalRandom.current().nextInt(longest + 1));
        batch.workerCommunicator().barrier(); // all ranks of the worker are done
        if (batch.workerRank() == 0) {
          batch.setState(task, State.DONE);
          System.out.printf("worker %d did %s%n", batch.worker(), names.get(task));
        }
        done++;
      }
      world.barrier();
      if (batch.workerRank() == 0) {
        System.out.printf(
            "worker %d did %d of %d tasks in this run%n", batch.worker(), done, tasks);
      }
    }
    MPIRuntime.finish();
  }
}
