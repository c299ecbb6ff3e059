package dev.mpipool.ranks.programs;

import dev.mpipool.MPIExecutor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Memory runs out on main, for a while or for good; says whether every future is done. */
public final class NoMemory {

  private static final long DONE_SECONDS = 60;
  private static final long FULL_NANOS = TimeUnit.SECONDS.toNanos(2);
  private static final CompletableFuture<?> DONE = CompletableFuture.completedFuture(null);

  /** Filled, then freed. */
  private static List<Object> hoard = new ArrayList<>();

  private NoMemory() {}

  public static void main(String[] args) {
    String what = args[args.length - 1];
    MPIExecutor.run(
        args,
        (executor, own) -> {
          switch (what) {
            case "long" -> tooLong(executor);
            case "while" -> full(executor);
            case "kept" -> kept(executor);
            default -> throw new IllegalArgumentException();
          }
        });
  }

  /**
   * How many futures have a value, how many a failure, and how many are not done. Waiting
   * allocates, too: the values that have been counted are released where memory runs out.
   */
  private static int[] count(CompletableFuture<?>[] futures) throws InterruptedException {
    int[] counts = new int[3];
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(DONE_SECONDS);
    int next = 0;
    while (next < futures.length) {
      long rest = end - System.nanoTime();
      try {
        futures[next].get(Math.max(1, rest), TimeUnit.NANOSECONDS);
        counts[0]++;
        next++;
      } catch (ExecutionException e) {
        counts[1]++;
        next++;
      } catch (TimeoutException e) {
        counts[2]++;
        next++;
      } catch (OutOfMemoryError e) {
        for (int i = 0; i < next; i++) {
          futures[i] = DONE;
        }
        if (rest <= 0) {
          counts[2]++;
          next++;
        }
      }
    }
    return counts;
  }

  /** Results that do not fit fail alone. */
  private static void tooLong(MPIExecutor executor) throws Exception {
    CompletableFuture<?>[] futures = new CompletableFuture<?>[12];
    for (int i = 0; i < futures.length; i++) {
      futures[i] = executor.submit(() -> new byte[9_000_000]);
    }
    int[] counts = count(futures);
    Arrays.fill(futures, null);
    say("some fit, some do not", counts, counts[0] > 0 && counts[1] > 0 && counts[2] == 0);
    System.out.println("the pool goes on: " + (executor.submit(() -> 6 * 7).get() == 42));
  }

  /** The program fills the heap for two seconds, in which results come. */
  private static void full(MPIExecutor executor) throws Exception {
    CompletableFuture<?>[] futures = new CompletableFuture<?>[200];
    for (int i = 0; i < futures.length; i++) {
      futures[i] =
          executor.submit(
              () -> {
                Thread.sleep(20);
                return new byte[100_000];
              });
    }
    fill();
    long end = System.nanoTime() + FULL_NANOS;
    while (System.nanoTime() - end < 0) {
      fill();
    }
    hoard = null;
    int[] counts = count(futures);
    say("all are done", counts, counts[2] == 0);
  }

  private static void fill() {
    for (int length = 1 << 20; length >= 64; length /= 2) {
      try {
        while (true) {
          hoard.add(new byte[length]);
        }
      } catch (OutOfMemoryError e) {
        // shorter ones may fit
      }
    }
  }

  /** All results together are more than the heap, and the program keeps them as long as it can. */
  private static void kept(MPIExecutor executor) throws Exception {
    CompletableFuture<?>[] futures = new CompletableFuture<?>[1200];
    for (int i = 0; i < futures.length; i++) {
      futures[i] = DONE;
      try {
        futures[i] = executor.submit(() -> new double[10_000]);
      } catch (OutOfMemoryError e) {
        // not accepted, which is an answer, too
      }
    }
    int[] counts = count(futures);
    Arrays.fill(futures, null);
    say("all are done", counts, counts[2] == 0);
  }

  private static void say(String what, int[] counts, boolean right) {
    System.err.println(counts[0] + " succeeded, " + counts[1] + " failed, " + counts[2] + " open");
    System.out.println(what + ": " + right);
  }
}
