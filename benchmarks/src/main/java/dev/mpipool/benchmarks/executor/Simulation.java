package dev.mpipool.benchmarks.executor;

import com.sun.management.ThreadMXBean;
import dev.mpipool.MPIExecutor;
import dev.mpipool.SerializableCallable;
import dev.mpipool.serial.JavaSerializer;
import dev.mpipool.serial.LeanSerializer;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * What can be measured of main alone: what a task costs it with few and with many workers, and what
 * a queued task weighs. The workers are simulated by a {@link Desk}.
 */
public final class Simulation {

  private static final String NAME = "simulated";
  static final int[] WORKERS = {2, 16, 128, 1024, 4096};
  private static final int QUEUED = 1_000_000;

  private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private final ByteBuffer one =
      new LeanSerializer(new JavaSerializer(Simulation.class.getClassLoader())).encode(1);
  private final int tasks;

  private Simulation(Effort effort) throws Exception {
    tasks = effort == Effort.QUICK ? 40_000 : 200_000;
  }

  /**
   * Measures.
   *
   * @param args the effort
   * @throws Exception if something fails
   */
  public static void main(String[] args) throws Exception {
    Effort effort = Effort.of(args);
    Simulation simulation = new Simulation(effort);
    for (int i = 0; i < (effort == Effort.QUICK ? 1 : 3); i++) {
      simulation.memory(false);
      simulation.memory(true);
    }
    for (int i = -1; i <= effort.repetitions; i++) {
      for (int workers : WORKERS) {
        simulation.cost(workers, i > 0);
      }
    }
  }

  /** Processor time of main's threads for each task: those that submit, send, receive, complete. */
  private void cost(int workers, boolean warm) throws Exception {
    MPIExecutor.Builder options =
        MPIExecutor.builder().communicator(new Desk(workers, true, one.duplicate()));
    try (MPIExecutor executor = options.open()) {
      run(executor, tasks);
      Map<Long, Long> before = nanosByThread();
      long begin = System.nanoTime();
      int measured = 2 * tasks;
      run(executor, measured);
      long elapsed = System.nanoTime() - begin;
      long spent = 0;
      for (Map.Entry<Long, Long> thread : nanosByThread().entrySet()) {
        spent += thread.getValue() - before.getOrDefault(thread.getKey(), 0L);
      }
      if (warm) {
        Lines.print(NAME, "cost." + workers, spent / 1e3 / measured);
        Lines.print(NAME, "wall." + workers, elapsed / 1e3 / measured);
      }
    }
  }

  private static void run(MPIExecutor executor, int count) throws Exception {
    List<CompletableFuture<Integer>> futures = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      futures.add(executor.submit(() -> 1));
    }
    long sum = 0;
    for (CompletableFuture<Integer> future : futures) {
      sum += Parts.get(future);
    }
    Parts.check(count, sum);
  }

  /** Of the threads of Java alone; the compiler's and the collector's are not the tasks' fault. */
  private Map<Long, Long> nanosByThread() {
    Map<Long, Long> all = new HashMap<>();
    for (java.lang.management.ThreadInfo thread :
        threads.getThreadInfo(threads.getAllThreadIds())) {
      if (thread != null && !thread.getThreadName().equals(Desk.THREAD)) {
        long nanos = threads.getThreadCpuTime(thread.getThreadId());
        all.put(thread.getThreadId(), Math.max(0, nanos));
      }
    }
    return all;
  }

  /** Bytes of heap for each task that waits, its future included, the user's lambda not. */
  private void memory(boolean captures) throws Exception {
    MPIExecutor.Builder options =
        MPIExecutor.builder().communicator(new Desk(2, false, one.duplicate()));
    try (MPIExecutor executor = options.open()) {
      List<SerializableCallable<Long>> users = new ArrayList<>(QUEUED);
      for (long i = 0; i < QUEUED; i++) {
        long number = i;
        users.add(captures ? () -> number : () -> 1L);
      }
      CompletableFuture<?>[] futures = new CompletableFuture<?>[QUEUED];
      executor.submit(users.get(0));
      long before = heap();
      for (int i = 0; i < QUEUED; i++) {
        futures[i] = executor.submit(users.get(i));
      }
      long after = heap();
      Parts.check(0, futures[QUEUED / 2].isDone() ? 1 : 0);
      Lines.print(
          NAME, captures ? "memory.long" : "memory.null", (double) (after - before) / QUEUED);
      Parts.check(QUEUED, users.size());
      executor.shutdownNow();
    }
  }

  private static long heap() throws InterruptedException {
    for (int i = 0; i < 3; i++) {
      System.gc();
      Thread.sleep(50);
    }
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }
}
