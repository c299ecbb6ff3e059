package dev.mpipool.benchmarks.soak;

import dev.mpipool.MPIExecutor;
import dev.mpipool.MPIRuntime;
import dev.mpipool.WorkersExitException;
import dev.mpipool.comm.Communicator;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Pools one after the other, each with a task, and what each rank's process holds between them:
 * whatever a pool leaves behind adds up. Arguments: how many pools, and how many between two lines
 * of output.
 */
public final class ManyPools {

  private ManyPools() {}

  /**
   * Opens and closes the pools.
   *
   * @param args as the launcher gives them
   * @throws Exception if a pool does not work
   */
  public static void main(String[] args) throws Exception {
    String[] own = MPIRuntime.init(args);
    int pools = Integer.parseInt(own[0]);
    int step = Integer.parseInt(own[1]);
    Communicator world = Communicator.world();
    if (world.rank() == 0) {
      System.out.println("| pools | rank | heap KB | resident KB | threads | descriptors |");
      System.out.println("| --- | --- | --- | --- | --- | --- |");
    }
    for (int i = 1; i <= pools; i++) {
      try (MPIExecutor executor = new MPIExecutor()) {
        executor.workersExit();
        int number = i;
        if (executor.submit(() -> number).get() != number) {
          throw new IllegalStateException("Wrong result of pool " + i);
        }
      } catch (WorkersExitException e) {
        // a worker, until the next pool
      }
      if (i % step == 0) {
        print(i, world.rank());
        world.barrier();
      }
    }
    MPIRuntime.finish();
  }

  private static void print(int pools, int rank) throws IOException {
    System.gc();
    System.out.printf(
        "| %d | %d | %d | %d | %d | %d |%n",
        pools,
        rank,
        ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() >> 10,
        resident(),
        ManagementFactory.getThreadMXBean().getThreadCount(),
        descriptors());
  }

  private static long resident() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
        .findFirst()
        .orElseThrow();
  }

  private static int descriptors() throws IOException {
    int open = 0;
    try (DirectoryStream<Path> files = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
      for (Path file : files) {
        open += file.getFileName() == null ? 0 : 1;
      }
    }
    return open - 1; // the one that reads this
  }
}
