package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.comm.FaultyCommunicator;
import dev.mpipool.comm.FaultyCommunicator.Accident;
import dev.mpipool.comm.FaultyCommunicator.Fault;
import dev.mpipool.memory.Uninterruptibles;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ToIntFunction;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * One pool and what happens to it, all drawn from a seed: tasks of every kind, cancels, timeouts,
 * lost, stopped and unreachable ranks, and how the pool is ended.
 */
final class FaultSchedule {

  private static final Map<Long, FaultSchedule> RUNNING = new ConcurrentHashMap<>();
  static final long END_MILLIS = 20_000;
  private static final Executor CONSUMERS =
      Executors.newCachedThreadPool(
          body -> {
            Thread thread = new Thread(body, "consumer");
            thread.setDaemon(true);
            return thread;
          });

  /** Something that was submitted, and what may become of it. */
  private final class Expected {
    final CompletableFuture<?> future;
    final Object value;
    final AtomicInteger completions = new AtomicInteger();
    final Set<Class<? extends Throwable>> allowed = new HashSet<>();
    boolean ofOne;

    Expected(CompletableFuture<?> future, Object value, Class<? extends Throwable> failure) {
      this.future = future;
      this.value = value;
      if (failure != null) {
        allowed.add(failure);
      }
      future.whenComplete((result, thrown) -> completions.incrementAndGet());
    }

    void check() {
      if (!ofOne) { // it is made of others, which are done before it
        await().until(future::isDone);
      }
      assertThat(future).as("is done after close").isDone();
      if (completions.get() == 0) { // callbacks come after it is done
        await().until(() -> completions.get() > 0);
      }
      assertThat(completions.get()).as("completions").isEqualTo(1);
      try {
        Object result = future.join();
        assertThat(value).as("has succeeded, but should not").isNotNull();
        assertThat(Objects.requireNonNull(result)).isEqualTo(value);
      } catch (CancellationException e) {
        isAllowed(e, stopped);
      } catch (CompletionException e) {
        boolean lost = e.getCause() instanceof WorkerLostException;
        boolean dropped =
            stopped
                && (e.getCause() instanceof CancellationException
                    || e.getCause() instanceof CommunicatorException); // of a group at work
        isAllowed(
            e.getCause(),
            dropped
                || unsent(e.getCause())
                || (faults() && (lost || e.getCause() instanceof BrokenExecutorException)));
        if (lost && ofOne && !stopped) {
          assertThat(((WorkerLostException) e.getCause()).ranks()).hasSize(maxAttempts);
        }
      }
    }

    /** Where memory has been short for long, which many schedules at a time look like. */
    private boolean unsent(Throwable thrown) {
      return faults()
          && thrown instanceof TaskSerializationException
          && thrown.getCause() instanceof OutOfMemoryError;
    }

    private void isAllowed(Throwable thrown, boolean ofCourse) {
      if (!ofCourse && allowed.stream().noneMatch(type -> type.isInstance(thrown))) {
        throw new AssertionError("It may not end so", thrown);
      }
    }
  }

  private static final AtomicLong NEXT = new AtomicLong();

  private final long begin = Starvation.begin();
  private final long seed;

  /** The same seed may run several times at once. */
  private final long run = NEXT.incrementAndGet();

  private final Random random;
  private final int workers;
  private final int maxAttempts;
  private final boolean stops;
  private final FaultyCommunicator.World world;
  private final List<Fault> plan = new ArrayList<>();
  private final List<String> story = new ArrayList<>();
  private final List<Expected> expected = new ArrayList<>();
  private final List<CompletableFuture<Void>> consumers = new ArrayList<>();
  private final Map<Integer, AtomicInteger> starts = new ConcurrentHashMap<>();
  private final AtomicInteger murders = new AtomicInteger();
  private volatile boolean stopped;
  private boolean shutDown;
  private int number;
  private Broadcast<String> word;
  private volatile MPIExecutor pool;

  FaultSchedule(long seed) {
    this.seed = seed;
    random = new Random(seed * 0x9E3779B97F4A7C15L); // else neighbours begin alike
    workers = 1 + random.nextInt(4);
    maxAttempts = 1 + random.nextInt(3);
    stops = random.nextInt(20) == 0;
    int accidents = random.nextInt(4) == 0 ? 0 : random.nextInt(workers + 2);
    for (int i = 0; i < accidents; i++) {
      plan.add(accident());
    }
    if (stops) {
      plan.add(
          new Fault(
              Accident.STOPPED, 1 + random.nextInt(workers), 1 + random.nextInt(8), stopMillis()));
    }
    int delay = random.nextInt(3) == 0 ? 300 : 0;
    world = new FaultyCommunicator.World(workers + 1, plan, delay);
    story.add(
        "%d workers, %d attempts, delay %d us, %s".formatted(workers, maxAttempts, delay, plan));
  }

  private Fault accident() {
    if (random.nextInt(3) == 0) {
      Accident what =
          switch (random.nextInt(5)) {
            case 0, 1 -> Accident.NO_MEMORY_TO_SEND;
            case 2, 3 -> Accident.NO_MEMORY_TO_RECEIVE;
            default -> Accident.RECEIVER_DIES;
          };
      return new Fault(what, random.nextInt(workers + 1), 1 + random.nextInt(20), 0);
    }
    boolean unsent = random.nextInt(3) == 0;
    int rank = unsent ? random.nextInt(workers + 1) : 1 + random.nextInt(workers);
    return new Fault(unsent ? Accident.UNSENT : Accident.KILLED, rank, 1 + random.nextInt(12), 0);
  }

  private long stopMillis() {
    return random.nextInt(3) == 0 ? 5 : 100 + random.nextInt(400);
  }

  /**
   * Whether a worker may be lost. Where one is stopped, the heartbeat timeout is so short that a
   * busy machine alone can make a worker exceed it.
   */
  private boolean faults() {
    return stops
        || !world.happened().isEmpty()
        || murders.get() > 0
        || Starvation.since(begin, timeout().dividedBy(10));
  }

  /** Runs it, and throws what is wrong, with the seed and the story. */
  void run() {
    RUNNING.put(run, this);
    List<Thread> serving = new ArrayList<>();
    try {
      List<Communicator> ranks = world.ranks();
      for (Communicator rank : ranks.subList(1, ranks.size())) {
        serving.add(serve(rank));
      }
      int threads = 1 + random.nextInt(2);
      MPIExecutor executor =
          MPIExecutor.builder()
              .communicator(ranks.get(0))
              .maxAttempts(maxAttempts)
              .threadsPerWorker(threads)
              .heartbeatTimeout(timeout())
              .open();
      pool = executor;
      work(executor);
      executor.close();
      consumers.forEach(CompletableFuture::join);
      expected.forEach(Expected::check);
      starts.forEach(
          (task, count) ->
              assertThat(count.get())
                  .as("times that task %d began", task)
                  .isLessThanOrEqualTo(faults() ? maxAttempts : 1));
    } catch (Throwable e) {
      throw new AssertionError(this + ": " + e, e);
    } finally {
      world.end();
      serving.forEach(
          thread ->
              assertThat(Uninterruptibles.join(thread, END_MILLIS))
                  .as("%s: worker ends", this)
                  .isTrue());
      RUNNING.remove(run);
    }
  }

  @Override
  public String toString() {
    return "seed %d: %s; happened: %s; %s".formatted(seed, story, world.happened(), poolAsText());
  }

  /** A pool that hangs may not be able to tell. */
  private String poolAsText() {
    try {
      return CompletableFuture.supplyAsync(() -> String.valueOf(pool)).get(5, TimeUnit.SECONDS);
    } catch (InterruptedException | ExecutionException | TimeoutException e) {
      return "a pool that does not say what it is at: " + e;
    }
  }

  /** Short where somebody is stopped; where a last word may be lost, not too long to wait for. */
  private Duration timeout() {
    return stops ? Duration.ofMillis(150) : Duration.ofSeconds(plan.isEmpty() ? 10 : 2);
  }

  private static Thread serve(Communicator rank) {
    Thread thread =
        new Thread(
            () -> {
              try {
                MPIExecutor.builder().communicator(rank).open();
              } catch (BrokenExecutorException e) {
                // killed, or the schedule has ended
              }
            },
            "rank-" + rank.rank());
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  private void work(MPIExecutor executor) {
    int steps = 3 + random.nextInt(20);
    for (int i = 0; i < steps; i++) {
      try {
        step(executor);
      } catch (RejectedExecutionException e) {
        assertThat(shutDown || faults()).as("rejected: " + e).isTrue();
        assertThat(e instanceof BrokenExecutorException).isEqualTo(!shutDown || isBroken(e));
      }
      if (random.nextInt(4) == 0) {
        LockSupport.parkNanos(random.nextInt(2_000_000));
      }
    }
  }

  private static boolean isBroken(RejectedExecutionException e) {
    return e instanceof BrokenExecutorException;
  }

  private void step(MPIExecutor executor) {
    int what = random.nextInt(24);
    story.add(String.valueOf(what));
    switch (what) {
      case 0, 1, 2, 3, 4, 5 -> {
        int task = ++number;
        expectOne(executor.submit(FaultSchedule::plain, run, task), 31 * task, null);
      }
      case 6, 7, 8 -> {
        int task = ++number;
        int micros = random.nextInt(3000);
        expectOne(executor.submit(FaultSchedule::slow, run, task, micros), 31 * task, null);
      }
      case 9 -> {
        int task = ++number;
        expectOne(
            executor.submit(FaultSchedule::failing, run, task), null, IllegalStateException.class);
      }
      case 10 -> {
        int task = ++number;
        murders.incrementAndGet();
        expectOne(
            executor.submit(FaultSchedule::murder, run, task), null, WorkerLostException.class);
      }
      case 11, 12 -> end(random.nextInt(3));
      case 13, 14, 15 -> batch(executor);
      case 16, 17 -> group(executor);
      case 18 -> {
        long ours = run;
        expect(
            executor
                .submitToAll(() -> RUNNING.get(ours) != null)
                .thenApply(all -> !all.contains(false)),
            true,
            null);
      }
      case 19, 20 -> {
        if (word == null) {
          word = executor.broadcast("word");
        }
        Broadcast<String> handle = word;
        expectOne(executor.submit(handle::value), "word", null);
      }
      case 21 -> arrays(executor);
      case 22 -> {
        if (random.nextInt(3) == 0) {
          shutDown = true;
          executor.shutdown();
        }
      }
      default -> {
        if (random.nextInt(4) == 0) {
          shutDown = true;
          stopped = true;
          executor.shutdownNow();
        }
      }
    }
  }

  private Expected expect(
      CompletableFuture<?> future, Object value, Class<? extends Throwable> failure) {
    Expected made = new Expected(future, value, failure);
    expected.add(made);
    return made;
  }

  private void expectOne(
      CompletableFuture<?> future, Object value, Class<? extends Throwable> failure) {
    expect(future, value, failure).ofOne = true;
  }

  /** The user ends one of the futures. */
  private void end(int how) {
    if (expected.isEmpty()) {
      return;
    }
    Expected one = expected.get(random.nextInt(expected.size()));
    if (how == 2) {
      one.allowed.add(TimeoutException.class);
      one.future.orTimeout(random.nextInt(5), TimeUnit.MILLISECONDS);
    } else {
      one.allowed.add(CancellationException.class);
      one.future.cancel(how == 0);
    }
  }

  private void batch(MPIExecutor executor) {
    int count = random.nextInt(60);
    int first = number + 1;
    number += count;
    int bad = random.nextInt(3) == 0 && count > 0 ? first + random.nextInt(count) : -1;
    long ours = run;
    Batch<Integer> batch =
        executor.submitBatch(
            task -> task == bad ? failing(ours, task) : plain(ours, task),
            IntStream.range(first, first + count).boxed().toList());
    boolean ordered = random.nextBoolean();
    boolean cancelled = random.nextInt(6) == 0;
    consumers.add(
        CompletableFuture.runAsync(
            () -> consume(batch, value -> value, ordered, first, count, bad, cancelled),
            CONSUMERS));
    if (cancelled) {
      batch.cancel();
    }
  }

  /** A batch whose chunks are long enough for their arrays to be used again. */
  private void arrays(MPIExecutor executor) {
    int count = random.nextInt(12);
    int first = number + 1;
    number += count;
    long ours = run;
    Batch<long[]> batch =
        executor.submitBatch(
            row -> row(plain(ours, intIn(row)), row.length),
            IntStream.range(first, first + count)
                .mapToObj(task -> row(task, 6_000 + 1_000 * (task % 5)))
                .toList());
    consumers.add(
        CompletableFuture.runAsync(
            () -> consume(batch, FaultSchedule::intIn, false, first, count, -1, false), CONSUMERS));
  }

  private static long[] row(int value, int length) {
    long[] row = new long[length];
    Arrays.fill(row, value);
    return row;
  }

  /** The number of which a row consists. */
  private static int intIn(long[] row) {
    if (LongStream.of(row).anyMatch(each -> each != row[0])) {
      throw new AssertionError(
          "A row consists of " + LongStream.of(row).distinct().boxed().toList());
    }
    return (int) row[0];
  }

  /** Takes a batch's results and looks whether each element has one, and the right one. */
  private <T> void consume(
      Batch<T> batch,
      ToIntFunction<T> number,
      boolean ordered,
      int first,
      int count,
      int bad,
      boolean cancelled) {
    Set<Integer> seen = new HashSet<>();
    int taken = 0;
    try {
      for (CompletableFuture<T> future : ordered ? batch.ordered() : batch) {
        taken++;
        try {
          int value = number.applyAsInt(future.join());
          assertThat(value % 31).isZero();
          assertThat(value / 31).isBetween(first, first + count - 1).isNotEqualTo(bad);
          assertThat(seen.add(value)).as("element %d for the first time", value / 31).isTrue();
        } catch (CancellationException e) {
          assertThat(cancelled || stopped).as("cancelled").isTrue();
        } catch (CompletionException e) {
          if (e.getCause() instanceof IllegalStateException) {
            assertThat(e.getCause()).hasMessage("task " + bad);
          } else if (e.getCause() instanceof RejectedExecutionException rejected
              && !isBroken(rejected)) {
            assertThat(rejected).hasMessageContaining("before all was submitted");
          } else {
            assertThat(e.getCause())
                .isInstanceOfAny(
                    WorkerLostException.class,
                    BrokenExecutorException.class,
                    TaskSerializationException.class); // there was no memory for its chunk
            assertThat(faults()).isTrue();
          }
        }
      }
      assertThat(taken).as("elements").isEqualTo(count);
    } catch (BrokenExecutorException e) {
      assertThat(faults()).as("broken").isTrue();
    } catch (RejectedExecutionException e) {
      // the pool was closed before all was submitted
    } catch (CancellationException e) {
      assertThat(cancelled || stopped).as("batch cancelled").isTrue();
    }
    assertThat(taken).as("elements").isLessThanOrEqualTo(count);
  }

  private void group(MPIExecutor executor) {
    int size = executor.size();
    if (size == 0) {
      return;
    }
    int members = 1 + random.nextInt(size);
    long[] one = {1};
    try {
      expect(
          executor
              .submitGroup(members, group -> group.allReduce(one, Long::sum)[0])
              .thenApply(all -> all.stream().allMatch(sum -> sum == members)),
          true,
          null);
    } catch (IllegalArgumentException e) {
      assertThat(faults()).as("not so many workers").isTrue(); // one was lost meanwhile
    }
  }

  private static void begins(long run, int task) {
    FaultSchedule schedule = RUNNING.get(run);
    if (schedule != null) {
      schedule.starts.computeIfAbsent(task, key -> new AtomicInteger()).incrementAndGet();
    }
  }

  private static int plain(long run, int task) {
    begins(run, task);
    return 31 * task;
  }

  private static int slow(long run, int task, int micros) {
    begins(run, task);
    LockSupport.parkNanos(1000L * micros);
    return 31 * task;
  }

  private static int failing(long run, int task) {
    begins(run, task);
    throw new IllegalStateException("task " + task);
  }

  /** Kills its worker. */
  private static int murder(long run, int task) throws InterruptedException {
    begins(run, task);
    FaultSchedule schedule = RUNNING.get(run);
    if (schedule != null) {
      schedule.world.kill(MPIExecutor.currentRank());
      Thread.sleep(END_MILLIS);
    }
    return task;
  }
}
