package dev.mpipool.ranks.programs;

import dev.mpipool.MPIExecutor;
import dev.mpipool.MPIRuntime;
import dev.mpipool.comm.Communicator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A pool whose ranks tell their processes, and whose job then ends in some way: {@code
 * OnMachinesMpi FOLDER WAY [EXIT CODE]}. Each rank has a shutdown hook that takes some time and
 * writes a file.
 */
public final class OnMachinesMpi {

  private OnMachinesMpi() {}

  public static void main(String[] args) {
    MPIRuntime.init(args);
    int rank = Communicator.world().rank();
    Path file = Path.of(args[0], "hook" + rank);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> write(file)));
    MPIExecutor.run(
        args,
        MPIExecutor.builder().heartbeatTimeout(Duration.ofSeconds(2)),
        (pool, own) -> {
          List<String> pids = new ArrayList<>(pool.submitToAll(OnMachinesMpi::pid).get());
          pids.add(0, pid());
          System.out.println("processes " + String.join(" ", pids));
          end(pool, args);
        });
  }

  /** The processes of the ranks, from what the program prints. */
  public static List<ProcessHandle> processes(List<String> out) {
    String line =
        out.stream().filter(each -> each.startsWith("processes ")).findAny().orElseThrow();
    return Stream.of(line.split(" ", -1))
        .skip(1)
        .flatMap(pid -> ProcessHandle.of(Long.parseLong(pid)).stream())
        .toList();
  }

  private static String pid() {
    return Long.toString(ProcessHandle.current().pid());
  }

  private static void end(MPIExecutor pool, String[] args) throws Exception {
    switch (args[1]) {
      case "return" -> {}
      case "throw" -> throw new IllegalStateException("thrown on purpose");
      case "exit" -> System.exit(Integer.parseInt(args[2]));
      case "wait" -> waitFor(pool);
      default -> throw new IllegalArgumentException(args[1]);
    }
  }

  private static void waitFor(MPIExecutor pool) throws InterruptedException {
    CompletableFuture<List<Integer>> all = pool.submitToAll(OnMachinesMpi::sleep);
    System.out.println("ready");
    try {
      all.get();
    } catch (ExecutionException e) {
      System.out.println("failed: " + e.getCause().getMessage());
      System.exit(3);
    }
  }

  private static int sleep() throws InterruptedException {
    Thread.sleep(TimeUnit.HOURS.toMillis(1));
    return 0;
  }

  private static void write(Path file) {
    try {
      Thread.sleep(500);
      Files.writeString(file, "run");
    } catch (InterruptedException | IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
