package dev.mpipool;

import static org.assertj.core.api.Assertions.fail;

import dev.mpipool.memory.ForgetsShortMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Thousands of pools with accidents: every future is done exactly once, with what is right or an
 * exception that is, and every pool ends. {@code -Dmpipool.seed=N} runs one of them again and
 * again, {@code -Dmpipool.schedules=N} another number of them, {@code -Dmpipool.firstSeed=N}
 * others, and {@code -Dmpipool.slow=true} tells which take long.
 */
@ExtendWith(ForgetsShortMemory.class)
class FaultSchedulesTest {

  private static final String SEED = "mpipool.seed";

  /** Many, since most of those that take long only wait: for a heartbeat, or to be woken. */
  private static final int AT_A_TIME = Integer.getInteger("mpipool.atATime", 32);

  private static final int IN_EACH_BUILD = 300;
  private static final int IN_THE_FULL_BUILD = 5_000;
  private static final int AGAIN = 500;
  private static final long MOST_SECONDS = 40;

  @Test
  @Timeout(600)
  void everyFutureIsDoneOnceWhateverBreaks() throws Exception {
    Long seed = Long.getLong(SEED);
    run(
        seed,
        Long.getLong("mpipool.firstSeed", 1),
        Integer.getInteger("mpipool.schedules", seed == null ? IN_EACH_BUILD : AGAIN));
  }

  @Test
  @Timeout(600)
  @Tag("slow")
  void everyFutureIsDoneOnceInThousandsMore() throws Exception {
    run(null, 1 + IN_EACH_BUILD, IN_THE_FULL_BUILD - IN_EACH_BUILD);
  }

  /** Runs one schedule again and again, or if that is null, each of a series. */
  private static void run(Long seed, long first, int schedules) throws Exception {
    AtomicLong next = new AtomicLong();
    AtomicBoolean failed = new AtomicBoolean();
    AtomicReference<Throwable> failure = new AtomicReference<>();
    List<CompletableFuture<Void>> runners = new ArrayList<>();
    for (int i = 0; i < AT_A_TIME; i++) {
      CompletableFuture<Void> over = new CompletableFuture<>();
      runners.add(over);
      FutureTask<Void> runner =
          new FutureTask<>(
              () -> {
                for (long n = next.getAndIncrement();
                    n < schedules && !failed.get();
                    n = next.getAndIncrement()) {
                  run(seed == null ? first + n : seed);
                }
                return null;
              });
      start(
          () -> {
            runner.run();
            try {
              runner.get();
            } catch (ExecutionException | InterruptedException e) {
              failed.set(true);
              failure.compareAndSet(null, e.getCause());
            }
            over.complete(null);
          });
    }
    CompletableFuture.allOf(runners.toArray(CompletableFuture[]::new)).get();
    if (failure.get() != null) {
      fail("Again with -D" + SEED + "=N: " + failure.get().getMessage(), failure.get());
    }
  }

  private static void run(long seed) throws InterruptedException {
    FaultSchedule schedule = new FaultSchedule(seed);
    FutureTask<Void> run = new FutureTask<>(schedule::run, null);
    long begin = System.nanoTime();
    start(run);
    try {
      run.get(MOST_SECONDS, TimeUnit.SECONDS);
      if (Boolean.getBoolean("mpipool.slow") && System.nanoTime() - begin > 1_000_000_000L) {
        System.out.printf("%.1f s: %s%n", (System.nanoTime() - begin) / 1e9, schedule);
      }
    } catch (TimeoutException e) {
      throw new AssertionError(schedule + " hangs\n" + stacks());
    } catch (ExecutionException e) {
      throw (AssertionError) e.getCause();
    }
  }

  private static String stacks() {
    StringBuilder text = new StringBuilder();
    for (Map.Entry<Thread, StackTraceElement[]> one : Thread.getAllStackTraces().entrySet()) {
      text.append(one.getKey()).append('\n');
      for (StackTraceElement line : one.getValue()) {
        text.append("    ").append(line).append('\n');
      }
    }
    return text.toString();
  }

  private static void start(Runnable body) {
    Thread thread = new Thread(body, "schedule");
    thread.setDaemon(true);
    thread.start();
  }
}
