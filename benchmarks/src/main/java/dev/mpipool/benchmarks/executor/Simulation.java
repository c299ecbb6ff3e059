package dev.mpipool.benchmarks.executor;

import dev.mpipool.MPIExecutor;
import dev.mpipool.SerializableCallable;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * What can be measured of main alone: what a queued task weighs, and what {@link ManyWorkers} cost.
 * The workers are simulated by a {@link Desk}.
 */
public final class Simulation {

  private static final int QUEUED = 1_000_000;

  private Simulation() {}

  /**
   * Measures.
   *
   * @param args the effort; "workers" after it leaves the queued tasks out
   * @throws Exception if something fails
   */
  public static void main(String[] args) throws Exception {
    Effort effort = Effort.of(args);
    boolean all = args.length < 2 || !args[1].equals("workers");
    for (int i = 0; all && i < (effort == Effort.QUICK ? 1 : 3); i++) {
      memory(false);
      memory(true);
    }
    new ManyWorkers(effort).measure();
  }

  /** Bytes of heap for each task that waits, its future included, the user's lambda not. */
  private static void memory(boolean captures) throws Exception {
    Desk desk = ManyWorkers.desk(2, 1, 2);
    try (MPIExecutor executor = MPIExecutor.builder().communicator(desk).open()) {
      List<SerializableCallable<Long>> users = new ArrayList<>(QUEUED);
      for (long i = 0; i < QUEUED; i++) {
        long number = i;
        users.add(captures ? () -> number : () -> 1L);
      }
      CompletableFuture<?>[] futures = new CompletableFuture<?>[QUEUED];
      executor.submit(users.get(0));
      long before = ManyWorkers.heap();
      for (int i = 0; i < QUEUED; i++) {
        futures[i] = executor.submit(users.get(i));
      }
      long after = ManyWorkers.heap();
      Parts.check(0, futures[QUEUED / 2].isDone() ? 1 : 0);
      Lines.print(
          ManyWorkers.NAME,
          captures ? "memory.long" : "memory.null",
          (double) (after - before) / QUEUED);
      Parts.check(QUEUED, users.size());
      executor.shutdownNow();
      desk.lose(true); // a busy worker does not end its task
    }
  }
}
