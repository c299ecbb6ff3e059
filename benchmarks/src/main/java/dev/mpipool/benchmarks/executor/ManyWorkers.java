package dev.mpipool.benchmarks.executor;

import com.sun.management.ThreadMXBean;
import dev.mpipool.MPIExecutor;
import dev.mpipool.serial.JavaSerializer;
import dev.mpipool.serial.LeanSerializer;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * What main's side costs with many workers: time for each task, memory for each worker, and the
 * time after which a tenth of the workers is replaced that is lost at once. The workers are
 * simulated by a {@link Desk}.
 */
final class ManyWorkers {

  static final String NAME = "simulated";
  static final int[] WORKERS = {2, 16, 128, 1024, 4096};
  static final int MOST = 100_000;
  static final int[] LOSING = {4096, MOST};

  /** After this long a silent worker is lost, where the losses are not reported. */
  static final Duration SILENCE = Duration.ofSeconds(2);

  /** What a simulated worker says a short task has taken. */
  static final long SHORT_NANOS = 1_000;

  /** Tasks as long as this keep 100,000 workers busy at a million tasks a second. */
  static final long LONG_NANOS = 100_000_000;

  private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private final Effort effort;
  private final int tasks;

  ManyWorkers(Effort effort) {
    this.effort = effort;
    tasks = effort == Effort.QUICK ? 40_000 : 200_000;
  }

  /** Measures all. */
  void measure() throws Exception {
    for (int i = -1; i <= effort.repetitions; i++) {
      for (int workers : WORKERS) {
        cost(workers, tasks, SHORT_NANOS, String.valueOf(workers), i > 0);
      }
      if (i > 0) {
        cost(MOST, 5 * tasks, SHORT_NANOS, String.valueOf(MOST), true);
        cost(MOST, tasks, LONG_NANOS, MOST + ".alone", true);
      }
    }
    memoryOfWorkers();
    for (int i = 1; i <= effort.repetitions; i++) {
      loss(LOSING[0], true);
      loss(LOSING[0], false);
    }
    loss(MOST, true);
    if (effort == Effort.FULL) {
      loss(MOST, false); // takes the whole of the usual heartbeat timeout
    }
  }

  static Desk desk(int workers, long nanosPerTask, int busy) throws Exception {
    ByteBuffer one =
        new LeanSerializer(new JavaSerializer(ManyWorkers.class.getClassLoader())).encode(1);
    return new Desk(workers, SimulatedWorker.answering(one, nanosPerTask), busy);
  }

  private static MPIExecutor open(Desk desk) {
    return MPIExecutor.builder().communicator(desk).open();
  }

  /** Processor time of main's threads for each task: those that submit, send, receive, complete. */
  void cost(int workers, int count, long nanosPerTask, String key, boolean warm) throws Exception {
    try (MPIExecutor executor = open(desk(workers, nanosPerTask, 0))) {
      run(executor, count);
      Map<Long, Long> before = nanosByThread();
      long begin = System.nanoTime();
      int measured = 2 * count;
      run(executor, measured);
      long elapsed = System.nanoTime() - begin;
      long spent = 0;
      for (Map.Entry<Long, Long> thread : nanosByThread().entrySet()) {
        spent += thread.getValue() - before.getOrDefault(thread.getKey(), 0L);
      }
      Parts.check(workers, executor.size());
      if (warm) {
        Lines.print(NAME, "cost." + key, spent / 1e3 / measured);
        Lines.print(NAME, "wall." + key, elapsed / 1e3 / measured);
      }
    }
  }

  private static List<CompletableFuture<Integer>> submit(MPIExecutor executor, int count) {
    List<CompletableFuture<Integer>> futures = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      futures.add(executor.submit(() -> 1));
    }
    return futures;
  }

  private static void check(List<CompletableFuture<Integer>> futures) throws Exception {
    long sum = 0;
    for (CompletableFuture<Integer> future : futures) {
      sum += Parts.get(future);
    }
    Parts.check(futures.size(), sum);
  }

  private static void run(MPIExecutor executor, int count) throws Exception {
    check(submit(executor, count));
  }

  /** Of the threads of Java alone; the compiler's and the collector's are not the tasks' fault. */
  private Map<Long, Long> nanosByThread() {
    Map<Long, Long> all = new HashMap<>();
    for (ThreadInfo thread : threads.getThreadInfo(threads.getAllThreadIds())) {
      if (thread != null && !thread.getThreadName().equals(Desk.THREAD)) {
        long nanos = threads.getThreadCpuTime(thread.getThreadId());
        all.put(thread.getThreadId(), Math.max(0, nanos));
      }
    }
    return all;
  }

  /** Bytes of main's heap for each worker, of which each has had tasks. */
  void memoryOfWorkers() throws Exception {
    long before = heap();
    try (MPIExecutor executor = open(desk(MOST, LONG_NANOS, 0))) {
      run(executor, 2 * MOST);
      Lines.print(NAME, "memory.worker", (double) (heap() - before) / MOST);
      Parts.check(MOST, executor.size());
    }
  }

  /** Seconds from the loss of a tenth of the workers, all of them busy, to the end of all tasks. */
  void loss(int workers, boolean reported) throws Exception {
    int busy = workers / 10;
    Desk desk = desk(workers, SHORT_NANOS, busy);
    MPIExecutor.Builder options = MPIExecutor.builder().communicator(desk);
    if (workers < MOST) {
      options.heartbeatTimeout(SILENCE);
    }
    try (MPIExecutor executor = options.open()) {
      List<CompletableFuture<Integer>> futures = submit(executor, 2 * workers);
      awaitHolding(desk, busy);
      futures.addAll(submit(executor, tasks));
      long begin = System.nanoTime();
      desk.lose(reported);
      check(futures);
      String key = "%d.%s".formatted(workers, reported ? "reported" : "silent");
      Lines.print(NAME, "loss." + key, (System.nanoTime() - begin) / 1e9);
      Parts.check(0, desk.exclusionsTold()); // none of them is in a group
      Parts.check(workers - busy, executor.size());
    }
  }

  private static void awaitHolding(Desk desk, int busy) throws Exception {
    long begin = System.nanoTime();
    while (desk.holding() < busy) {
      if (System.nanoTime() - begin > TimeUnit.SECONDS.toNanos(60)) {
        throw new TimeoutException("%d of %d hold a task".formatted(desk.holding(), busy));
      }
      TimeUnit.MILLISECONDS.sleep(1);
    }
  }

  static long heap() throws InterruptedException {
    for (int i = 0; i < 3; i++) {
      System.gc();
      TimeUnit.MILLISECONDS.sleep(50);
    }
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }
}
