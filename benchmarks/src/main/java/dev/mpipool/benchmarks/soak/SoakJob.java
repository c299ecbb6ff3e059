package dev.mpipool.benchmarks.soak;

import dev.mpipool.Batch;
import dev.mpipool.BrokenExecutorException;
import dev.mpipool.MPIExecutor;
import dev.mpipool.WorkerLostException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;

/**
 * One job of the soak: tasks of many kinds, from nothing to 32 MB, while workers are killed and
 * stopped until one is left, and in some jobs none. Main looks whether every future is done exactly
 * once, and as it should be. The seed is the first argument.
 */
public final class SoakJob {

  private static final int MOST_BYTES = 32 << 20;
  private static final int AT_A_TIME = 40;
  private static final int MOST_BYTES_AT_A_TIME = 160 << 20;
  private static final Duration SILENCE = Duration.ofSeconds(3);
  private static final long END_SECONDS = 90;

  /** What became of a future. */
  private enum Outcome {
    RIGHT,
    OWN_EXCEPTION,
    CANCELLED,
    TIMED_OUT,
    LOST,
    BROKEN,
    WRONG
  }

  private final MPIExecutor executor;
  private final Random random;
  private final Map<Outcome, Integer> outcomes = new EnumMap<>(Outcome.class);
  private final List<CompletableFuture<?>> futures = new ArrayList<>();
  private final List<AtomicInteger> completions = new ArrayList<>();
  private final Semaphore room = new Semaphore(AT_A_TIME);
  private final Semaphore bytes = new Semaphore(MOST_BYTES_AT_A_TIME);
  private final List<Long> processes = new ArrayList<>();
  private int killed;
  private int stopped;

  private SoakJob(MPIExecutor executor, long seed) {
    this.executor = executor;
    this.random = new Random(seed * 0x9E3779B97F4A7C15L);
  }

  /**
   * The program of all ranks.
   *
   * @param args the seed
   */
  public static void main(String[] args) {
    MPIExecutor.run(
        args,
        MPIExecutor.builder().heartbeatTimeout(SILENCE),
        (executor, own) -> {
          SoakJob job = new SoakJob(executor, Long.parseLong(own[0]));
          boolean right = job.run();
          System.out.printf(
              "seed %s: %d futures %s, %d workers killed, %d stopped, %d left%s%n",
              own[0],
              job.futures.size(),
              job.outcomes,
              job.killed,
              job.stopped,
              executor.size(),
              right ? "" : " WRONG");
          if (!right) {
            System.exit(3);
          }
        });
  }

  private boolean run() throws Exception {
    processes.addAll(executor.submitToAll(() -> ProcessHandle.current().pid()).get());
    boolean killLast = random.nextInt(4) == 0;
    long nextKill = System.nanoTime() + nanosToNextKill();
    while (processes.size() > 1 || (killLast && !processes.isEmpty())) {
      try {
        step();
      } catch (BrokenExecutorException e) {
        break;
      }
      if (System.nanoTime() > nextKill) {
        harm();
        nextKill = System.nanoTime() + nanosToNextKill();
      }
    }
    CompletableFuture<Void> all =
        CompletableFuture.allOf(futures.toArray(CompletableFuture[]::new))
            .handle((done, failure) -> null);
    try {
      all.get(END_SECONDS, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      System.out.println("Not all futures are done after " + END_SECONDS + " s");
      return false;
    }
    executor.shutdown();
    boolean ended = executor.awaitTermination(END_SECONDS, TimeUnit.SECONDS);
    boolean once = completions.stream().allMatch(count -> count.get() == 1);
    if (!ended || !once) {
      System.out.println("ended: " + ended + ", each future done once: " + once);
    }
    return ended && once && !outcomes.containsKey(Outcome.WRONG);
  }

  private long nanosToNextKill() {
    return TimeUnit.MILLISECONDS.toNanos(300 + random.nextInt(2_500));
  }

  /** Kills a worker, or stops it for good or for a while. */
  private void harm() throws IOException, InterruptedException {
    long process = processes.remove(random.nextInt(processes.size()));
    switch (random.nextInt(6)) {
      case 0 -> {
        stopped++;
        signal("STOP", process);
      }
      case 1 -> {
        stopped++;
        signal("STOP", process);
        CompletableFuture.delayedExecutor(random.nextInt(6_000), TimeUnit.MILLISECONDS)
            .execute(
                () -> {
                  try {
                    signal("CONT", process);
                  } catch (IOException | InterruptedException e) {
                    throw new IllegalStateException(e);
                  }
                });
      }
      default -> {
        killed++;
        signal("KILL", process);
      }
    }
  }

  private static void signal(String name, long process) throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-" + name, Long.toString(process)).start().waitFor();
  }

  private void step() throws Exception {
    room.acquire();
    switch (random.nextInt(10)) {
      case 0 ->
          expect(
              executor.submit(
                  () -> {
                    throw new IllegalStateException("own");
                  }),
              Outcome.OWN_EXCEPTION);
      case 1 -> {
        CompletableFuture<?> future = executor.submit(() -> Thread.sleep(60_000));
        expect(future, Outcome.CANCELLED);
        CompletableFuture.delayedExecutor(random.nextInt(200), TimeUnit.MILLISECONDS)
            .execute(() -> future.cancel(true));
      }
      case 2 ->
          expect(
              executor
                  .submit(() -> Thread.sleep(60_000))
                  .orTimeout(random.nextInt(200), TimeUnit.MILLISECONDS),
              Outcome.TIMED_OUT);
      case 3 -> batch();
      case 4 -> group();
      case 5, 6 -> echo(random.nextInt(MOST_BYTES + 1));
      default -> echo(random.nextInt(1 + (1 << random.nextInt(20))));
    }
  }

  /** An array there and back, changed on the way. */
  private void echo(int length) throws InterruptedException {
    byte[] sent = new byte[length];
    byte mark = (byte) (1 + random.nextInt(50));
    Arrays.fill(sent, mark);
    bytes.acquire(length);
    CompletableFuture<Boolean> back =
        executor
            .submit(
                array -> {
                  for (int i = 0; i < array.length; i++) {
                    array[i] = (byte) (2 * array[i]);
                  }
                  return array;
                },
                sent)
            .thenApply(
                array -> {
                  for (byte one : array) {
                    if (one != 2 * mark) {
                      return false;
                    }
                  }
                  return array.length == length;
                });
    back.whenComplete((done, failure) -> bytes.release(length));
    expect(back, Outcome.RIGHT);
  }

  private void batch() {
    int count = random.nextInt(2_000);
    Batch<Integer> batch =
        executor.submitBatch(x -> x + 1, IntStream.range(0, count).boxed().toList());
    expect(
        CompletableFuture.supplyAsync(
            () -> {
              int expected = 0;
              boolean right = true;
              for (CompletableFuture<Integer> element : batch.ordered()) {
                right &= element.join() == ++expected;
              }
              return right && expected == count;
            },
            body -> new Thread(body, "consumer").start()),
        Outcome.RIGHT);
  }

  private void group() {
    int size = executor.size();
    int members = size == 0 ? 1 : 1 + random.nextInt(size);
    try {
      expect(
          executor
              .submitGroup(members, group -> group.allReduce(new long[] {1}, Long::sum)[0])
              .thenApply(sums -> sums.stream().allMatch(sum -> sum == members)),
          Outcome.RIGHT);
    } catch (IllegalArgumentException e) {
      room.release(); // one was lost meanwhile
    }
  }

  private void expect(CompletableFuture<?> future, Outcome expected) {
    AtomicInteger count = new AtomicInteger();
    completions.add(count);
    futures.add(
        future.whenComplete(
            (value, failure) -> {
              count.incrementAndGet();
              Outcome outcome = outcome(value, failure, expected);
              synchronized (outcomes) {
                outcomes.merge(outcome, 1, Integer::sum);
              }
              if (outcome == Outcome.WRONG) {
                System.out.println(expected + " expected, but: " + value + " " + failure);
              }
              room.release();
            }));
  }

  private static Outcome outcome(Object value, Throwable failure, Outcome expected) {
    Throwable cause = failure;
    while (cause instanceof CompletionException && cause.getCause() != null) {
      cause = cause.getCause();
    }
    Outcome outcome = Outcome.WRONG;
    if (cause instanceof WorkerLostException) {
      return Outcome.LOST;
    } else if (cause instanceof BrokenExecutorException) {
      return Outcome.BROKEN;
    } else if (cause instanceof CancellationException) {
      outcome = Outcome.CANCELLED;
    } else if (cause instanceof TimeoutException) {
      outcome = Outcome.TIMED_OUT;
    } else if (cause instanceof IllegalStateException && "own".equals(cause.getMessage())) {
      outcome = Outcome.OWN_EXCEPTION;
    } else if (cause == null && Boolean.TRUE.equals(value)) {
      outcome = Outcome.RIGHT;
    }
    return outcome == expected ? outcome : Outcome.WRONG;
  }
}
