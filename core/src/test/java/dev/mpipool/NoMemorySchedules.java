package dev.mpipool;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.LocalCommunicator;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;

/**
 * Pools, one after the other, in a JVM with a small heap that is filled and freed at random
 * moments, and in which threads cannot always be started. Whatever fails, every future is done,
 * every pool ends, and no thread of it is left. Arguments: the first seed and how many.
 */
@SuppressWarnings("removal") // nothing else tells of the start of a thread
final class NoMemorySchedules {

  private static final long SECONDS = 60;
  private static volatile List<Object> hoard = new ArrayList<>();
  private static volatile Random threadFaults;

  private NoMemorySchedules() {}

  public static void main(String[] args) throws Exception {
    System.setSecurityManager(new NoThreads());
    long first = Long.parseLong(args[0]);
    int done = 0;
    int all = 0;
    for (long seed = first; seed < first + Long.parseLong(args[1]); seed++) {
      CompletableFuture<int[]> run = new CompletableFuture<>();
      long mine = seed;
      start("schedule", () -> run(mine, run));
      try {
        int[] counts = run.get(2 * SECONDS, TimeUnit.SECONDS);
        done += counts[0];
        all += counts[1];
      } catch (Exception e) {
        hoard = null;
        System.out.println("seed " + seed + ": " + e);
        Thread.getAllStackTraces()
            .forEach((thread, stack) -> System.out.println(thread + " " + List.of(stack)));
        Runtime.getRuntime().halt(1);
      }
    }
    System.out.println("of " + all + " futures have a value: " + done);
    Runtime.getRuntime().halt(0);
  }

  /** Now and then a thread of a pool cannot start another. */
  private static final class NoThreads extends SecurityManager {
    @Override
    public void checkPermission(java.security.Permission permission) {}

    @Override
    public void checkAccess(ThreadGroup group) {
      Random faults = threadFaults;
      if (faults != null
          && Thread.currentThread().getName().startsWith("mpipool-")
          && faults.nextInt(3) == 0) {
        throw new OutOfMemoryError("unable to create native thread, by plan");
      }
    }
  }

  private static Thread start(String name, Runnable body) {
    Thread thread = new Thread(body, name);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  private static void run(long seed, CompletableFuture<int[]> end) {
    try {
      end.complete(runToEnd(seed));
    } catch (Throwable e) {
      hoard = null;
      end.completeExceptionally(e);
    }
  }

  private static int[] runToEnd(long seed) throws Exception {
    Random random = new Random(seed * 0x9E3779B97F4A7C15L);
    hoard = new ArrayList<>();
    List<CompletableFuture<?>> futures = new ArrayList<>();
    List<Communicator> ranks = LocalCommunicator.create(2 + random.nextInt(3));
    List<Thread> workers = new ArrayList<>();
    for (Communicator rank : ranks.subList(1, ranks.size())) {
      workers.add(start("worker", () -> serve(rank)));
    }
    MPIExecutor pool =
        MPIExecutor.builder()
            .communicator(ranks.get(0))
            .threadsPerWorker(1 + random.nextInt(2))
            .open();
    Thread filler = start("filler", () -> fill(new Random(seed)));
    threadFaults = random.nextInt(3) == 0 ? new Random(seed) : null;
    int steps = 10 + random.nextInt(40);
    for (int i = 0; i < steps; i++) {
      try {
        CompletableFuture<?> future = step(pool, random);
        if (future != null) {
          futures.add(future);
        }
      } catch (OutOfMemoryError | RuntimeException e) {
        // told to the one that submits
      }
    }
    int done = 0;
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
    for (CompletableFuture<?> future : futures) {
      while (!future.isDone()) {
        if (System.nanoTime() - deadline > 0) {
          throw new AssertionError("a future is not done");
        }
        LockSupport.parkNanos(1_000_000);
      }
      done += future.isCompletedExceptionally() ? 0 : 1;
    }
    pool.close();
    filler.interrupt();
    filler.join();
    threadFaults = null;
    hoard = null;
    for (Thread worker : workers) {
      worker.join(SECONDS * 1000);
      if (worker.isAlive()) {
        throw new AssertionError("a worker is left");
      }
    }
    awaitNoThreads(deadline);
    return new int[] {done, futures.size()};
  }

  private static void awaitNoThreads(long deadline) throws InterruptedException {
    while (Thread.getAllStackTraces().keySet().stream()
        .anyMatch(thread -> thread.getName().startsWith("mpipool-"))) {
      if (System.nanoTime() - deadline > 0) {
        throw new AssertionError("threads of the pool are left");
      }
      Thread.sleep(1);
    }
  }

  private static void serve(Communicator rank) {
    try {
      MPIExecutor.builder().communicator(rank).open();
    } catch (BrokenExecutorException e) {
      // it has left for want of memory, or main has
    }
  }

  private static CompletableFuture<?> step(MPIExecutor pool, Random random) {
    int bytes = random.nextInt(100_000);
    return switch (random.nextInt(9)) {
      case 0 -> pool.submitToAll(() -> new byte[bytes]);
      case 1 -> pool.submitGroup(1, group -> group.allReduce(new long[] {1}, Long::sum)[0]);
      case 2 -> {
        CompletableFuture<byte[]> cancelled = pool.submit(() -> new byte[bytes]);
        if (random.nextBoolean()) {
          cancelled.orTimeout(1, TimeUnit.MILLISECONDS);
        } else {
          cancelled.cancel(true);
        }
        yield cancelled;
      }
      case 3 -> {
        List<Integer> elements = IntStream.range(0, random.nextInt(50)).boxed().toList();
        Batch<byte[]> batch = pool.submitBatch(i -> new byte[i * 100], elements);
        CompletableFuture<Void> consumed = new CompletableFuture<>();
        start("consumer", () -> consume(batch, consumed));
        yield consumed;
      }
      case 4 -> {
        LockSupport.parkNanos(random.nextInt(2_000_000));
        yield null;
      }
      case 5 -> pool.submit(array -> array.length, new byte[bytes]);
      default -> pool.submit(() -> new byte[bytes]);
    };
  }

  private static void consume(Batch<byte[]> batch, CompletableFuture<Void> consumed) {
    while (true) {
      try {
        batch.forEach(future -> future.isDone());
        consumed.complete(null);
        return;
      } catch (OutOfMemoryError e) {
        LockSupport.parkNanos(1_000_000); // this thread's own
      } catch (RuntimeException e) {
        consumed.complete(null);
        return;
      }
    }
  }

  /** Fills the heap, for a while. */
  private static void fill(Random random) {
    while (!Thread.currentThread().isInterrupted()) {
      int least = 16 << random.nextInt(12);
      long end = System.nanoTime() + random.nextInt(20_000_000);
      List<Object> mine = hoard;
      for (int length = 1 << 19; length >= least; length /= 2) {
        try {
          while (System.nanoTime() - end < 0) {
            mine.add(new byte[length]);
          }
        } catch (OutOfMemoryError e) {
          // shorter ones may fit
        }
      }
      hoard = null;
      mine = null;
      LockSupport.parkNanos(1_000_000 + random.nextInt(20_000_000));
      for (boolean made = false; !made; ) {
        try {
          hoard = new ArrayList<>();
          made = true;
        } catch (OutOfMemoryError e) {
          LockSupport.parkNanos(1_000_000);
        }
      }
    }
  }
}
