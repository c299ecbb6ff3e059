package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.ObjectInputStream;
import java.io.Serializable;
import java.lang.ref.Reference;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a task captures and is passed can be collected once its future is done, on every side. */
@Timeout(120)
@ExtendWith(LocalPools.class)
class KeptValuesTest {

  /** Every probe of this process, those that workers have read included. */
  private static final ConcurrentLinkedQueue<WeakReference<Probe>> PROBES =
      new ConcurrentLinkedQueue<>();

  /** A value that a task needs. */
  private static final class Probe implements Serializable {
    private static final long serialVersionUID = 1;

    Probe() {
      PROBES.add(new WeakReference<>(this));
    }

    private void readObject(ObjectInputStream in) throws Exception {
      in.defaultReadObject();
      PROBES.add(new WeakReference<>(this));
    }

    int value() {
      return 1;
    }

    int fail() {
      throw new IllegalStateException("task");
    }

    int pass(int gate) throws InterruptedException {
      return Gate.pass(gate);
    }
  }

  /** Has a task run to its end, in some way; returns what the user holds then. */
  private interface Case {
    Object run(MPIExecutor executor) throws Exception;
  }

  private static final class Endless implements Iterable<Probe> {
    @Override
    public Iterator<Probe> iterator() {
      return Stream.generate(Probe::new).iterator();
    }
  }

  private static final Map<String, Case> CASES = new TreeMap<>();

  private static Callable<Integer> capturing(Probe probe) {
    return (Callable<Integer> & Serializable) probe::value;
  }

  private static <T> CompletableFuture<T> done(CompletableFuture<T> future) throws Exception {
    try {
      future.get(25, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      // that, too, is an end
    }
    return future;
  }

  private interface Ending {
    void end(CompletableFuture<Integer> future);
  }

  /** A task that runs when its future is ended by the user, and ends later. */
  private static Object endedByUser(MPIExecutor executor, Ending ending) throws Exception {
    int gate = Gate.make();
    Probe probe = new Probe();
    CompletableFuture<Integer> future = executor.submit(() -> probe.pass(gate));
    Gate.awaitEntered(gate);
    ending.end(future);
    await().atMost(Duration.ofSeconds(25)).until(future::isDone);
    Gate.open(gate);
    return future;
  }

  /** A task that no worker has begun when its future is ended by the user. */
  private static Object endedInQueue(MPIExecutor executor, Ending ending) throws Exception {
    int gate = Gate.make();
    List<CompletableFuture<Integer>> running = new ArrayList<>();
    for (int i = 0; i < executor.size(); i++) {
      running.add(executor.submit(() -> Gate.pass(gate)));
    }
    Probe probe = new Probe();
    CompletableFuture<Integer> future = executor.submit(probe::value);
    ending.end(future);
    await().atMost(Duration.ofSeconds(25)).until(future::isDone);
    Gate.open(gate);
    for (CompletableFuture<Integer> one : running) {
      done(one);
    }
    return future;
  }

  static {
    CASES.put("a function's argument", e -> done(e.submit(Probe::value, new Probe())));
    CASES.put("two arguments", e -> done(e.submit((a, b) -> a.value(), new Probe(), new Probe())));
    CASES.put(
        "three arguments",
        e -> done(e.submit((a, b, c) -> a.value(), new Probe(), new Probe(), new Probe())));
    CASES.put(
        "a callable",
        e -> {
          Probe probe = new Probe();
          return done(e.submit(() -> probe.value()));
        });
    CASES.put(
        "a runnable with a result",
        e -> {
          Probe probe = new Probe();
          return done(e.submit(() -> assertThat(probe).isNotNull(), 1));
        });
    CASES.put(
        "a runnable that fails, with a result",
        e -> {
          Probe probe = new Probe();
          return done(e.submit((SerializableRunnable) probe::fail, new Probe()));
        });
    CASES.put("failure", e -> done(e.submit(Probe::fail, new Probe())));
    CASES.put(
        "an argument that cannot travel",
        e -> done(e.submit((a, b) -> 1, new Probe(), new Object())));
    CASES.put("cancel(true)", e -> endedByUser(e, future -> future.cancel(true)));
    CASES.put("cancel(false)", e -> endedByUser(e, future -> future.cancel(false)));
    CASES.put("complete", e -> endedByUser(e, future -> future.complete(1)));
    CASES.put(
        "completeExceptionally",
        e -> endedByUser(e, future -> future.completeExceptionally(new IllegalStateException())));
    CASES.put("completeAsync", e -> endedByUser(e, future -> future.completeAsync(() -> 1)));
    CASES.put("obtrudeValue", e -> endedByUser(e, future -> future.obtrudeValue(1)));
    CASES.put(
        "orTimeout", e -> endedByUser(e, future -> future.orTimeout(1, TimeUnit.MILLISECONDS)));
    CASES.put(
        "completeOnTimeout",
        e -> endedByUser(e, future -> future.completeOnTimeout(1, 1, TimeUnit.MILLISECONDS)));
    CASES.put("cancel in the queue", e -> endedInQueue(e, future -> future.cancel(true)));
    CASES.put(
        "orTimeout in the queue",
        e -> endedInQueue(e, future -> future.orTimeout(1, TimeUnit.MILLISECONDS)));
    CASES.put(
        "a timeout that does not come",
        e -> done(e.submit(Probe::value, new Probe()).orTimeout(1, TimeUnit.HOURS)));
    CASES.put("a derived future", e -> done(e.submit(Probe::value, new Probe()).thenApply(v -> v)));
    CASES.put(
        "submitToAll",
        e -> {
          Probe probe = new Probe();
          return done(e.submitToAll(() -> probe.value()));
        });
    CASES.put(
        "submitToAll, failed",
        e -> {
          Probe probe = new Probe();
          return done(e.submitToAll(() -> probe.fail()));
        });
    CASES.put(
        "submitToAll, cancelled",
        e -> {
          int gate = Gate.make();
          Probe probe = new Probe();
          CompletableFuture<List<Integer>> future = e.submitToAll(() -> probe.pass(gate));
          Gate.awaitEntered(gate);
          future.cancel(true);
          return future;
        });
    CASES.put(
        "submitGroup",
        e -> {
          Probe probe = new Probe();
          return done(e.submitGroup(2, group -> probe.value()));
        });
    CASES.put(
        "submitGroup, messages left unread",
        e ->
            done(
                e.submitGroup(
                    2,
                    group -> {
                      group.send(1 - group.rank(), 1, java.nio.ByteBuffer.allocate(1));
                      group.barrier();
                      return group.rank();
                    })));
    CASES.put(
        "submitGroup, failed",
        e -> {
          Probe probe = new Probe();
          return done(e.submitGroup(2, group -> probe.fail()));
        });
    CASES.put(
        "submitGroup, cancelled",
        e -> {
          int gate = Gate.make();
          Probe probe = new Probe();
          CompletableFuture<List<Integer>> future = e.submitGroup(2, group -> probe.pass(gate));
          Gate.awaitEntered(gate);
          future.cancel(true);
          return future;
        });
    CASES.put("invokeAll", e -> e.invokeAll(List.of(capturing(new Probe()))));
    CASES.put("invokeAny", e -> e.invokeAny(List.of(capturing(new Probe()))));
    CASES.put(
        "ExecutorCompletionService",
        e -> {
          ExecutorCompletionService<Integer> completion = new ExecutorCompletionService<>(e);
          completion.submit(capturing(new Probe()));
          return completion.take();
        });
    CASES.put(
        "a future of a batch",
        e -> {
          Probe probe = new Probe();
          return e.submitBatch(a -> probe.value() + a.value(), List.of(new Probe()))
              .iterator()
              .next();
        });
    CASES.put(
        "a batch, consumed",
        e -> {
          Probe probe = new Probe();
          Batch<Integer> batch =
              e.submitBatch(a -> probe.value() + a.value(), List.of(new Probe(), new Probe()));
          assertThat(batch.results()).containsExactly(2, 2);
          return batch;
        });
    CASES.put(
        "a batch, cancelled",
        e -> {
          int gate = Gate.make();
          Probe probe = new Probe();
          Batch<Integer> batch = e.submitBatch(a -> probe.pass(gate), new Endless());
          Gate.awaitEntered(gate);
          batch.cancel();
          return batch;
        });
    CASES.put(
        "a stream, at its end",
        e -> {
          Probe probe = new Probe();
          Iterator<Integer> results =
              e.map(a -> probe.value() + a.value(), List.of(new Probe(), new Probe())).iterator();
          assertThat(results).toIterable().containsExactly(2, 2);
          return results;
        });
  }

  static Stream<String> cases() {
    return CASES.keySet().stream();
  }

  private MPIExecutor executor;

  @BeforeEach
  void open() {
    PROBES.clear();
    executor = new MPIExecutor();
  }

  @AfterEach
  void close() {
    executor.shutdownNow();
    executor.close();
  }

  /** How many probes there are when all that can be collected is. */
  private static void awaitProbes(int count) {
    await()
        .atMost(Duration.ofSeconds(30))
        .untilAsserted(
            () -> {
              System.gc();
              assertThat(PROBES.stream().filter(probe -> probe.get() != null)).hasSize(count);
            });
  }

  @ParameterizedTest
  @MethodSource("cases")
  void ofADoneTaskOnlyTheResultIsKept(String name) throws Exception {
    Object held = CASES.get(name).run(executor);

    try {
      awaitProbes(0);
    } finally {
      Reference.reachabilityFence(held);
    }
  }

  @Test
  void theResultIsKept() throws Exception {
    CompletableFuture<Probe> future = executor.submit(Probe::new);
    done(future);

    awaitProbes(1);

    assertThat(future.join()).isNotNull();
  }

  @Test
  void ofACancelledTaskThatShutdownNowReturnsOnlyTheRunnableKeepsTheTask() throws Exception {
    int gate = Gate.make();
    List<CompletableFuture<Integer>> running =
        List.of(executor.submit(() -> Gate.pass(gate)), executor.submit(() -> Gate.pass(gate)));
    CompletableFuture<Integer> future = executor.submit(Probe::value, new Probe());
    List<Runnable> never = executor.shutdownNow();
    Gate.open(gate);

    assertThat(never).hasSize(1);
    never.get(0).run();
    awaitProbes(1);
    never = null;
    awaitProbes(0);

    assertThat(future).isCancelled();
    assertThat(running).allMatch(CompletableFuture::isDone);
  }
}
