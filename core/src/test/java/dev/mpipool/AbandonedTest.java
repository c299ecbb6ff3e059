package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.Serializable;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a program has begun and cannot reach any more is let go. */
@Timeout(120)
@ExtendWith(LocalPools.class)
class AbandonedTest {

  private static final Duration LONG = Duration.ofSeconds(40);

  private static final AtomicInteger RUNS = new AtomicInteger();

  /** Every probe of this process, those that workers have read included. */
  private static final ConcurrentLinkedQueue<WeakReference<Probe>> PROBES =
      new ConcurrentLinkedQueue<>();

  /** What a function captures. */
  private static final class Probe implements Serializable {
    private static final long serialVersionUID = 1;

    Probe() {
      PROBES.add(new WeakReference<>(this));
    }

    private void readObject(ObjectInputStream in) throws IOException, ClassNotFoundException {
      in.defaultReadObject();
      PROBES.add(new WeakReference<>(this));
    }

    int next(int x) {
      RUNS.incrementAndGet();
      return x + 1;
    }
  }

  private static final class Endless implements Iterable<Integer> {
    @Override
    public Iterator<Integer> iterator() {
      return IntStream.iterate(0, x -> x + 1).boxed().iterator();
    }
  }

  private MPIExecutor executor;

  @BeforeEach
  void open() {
    PROBES.clear();
    RUNS.set(0);
    executor = new MPIExecutor();
  }

  @AfterEach
  void close() {
    executor.shutdownNow();
    executor.close();
  }

  private static long feeders() {
    return LocalPools.threads().stream().filter("mpipool-batch"::equals).count();
  }

  private static void awaitLetGo() {
    await()
        .atMost(LONG)
        .untilAsserted(
            () -> {
              System.gc();
              assertThat(feeders()).isZero();
              assertThat(PROBES.stream().filter(probe -> probe.get() != null)).isEmpty();
            });
  }

  private Stream<Integer> endless() {
    Probe probe = new Probe();
    return executor.map(x -> probe.next(x), new Endless());
  }

  private Batch<Integer> endlessBatch() {
    Probe probe = new Probe();
    return executor.batch().submit(x -> probe.next(x), new Endless());
  }

  /** Reads the beginning of something endless, and drops it. */
  private interface Case {
    Object read(AbandonedTest test) throws Exception;
  }

  private static final Map<String, Case> SHORT_CIRCUITS =
      new TreeMap<>(
          Map.of(
              "limit", test -> test.endless().limit(3).toList(),
              "findFirst", test -> test.endless().map(x -> List.of(1, 2, 3)).findFirst().get(),
              "anyMatch", test -> test.endless().anyMatch(x -> x == 3) ? List.of(1, 2, 3) : null,
              "primitives",
                  test ->
                      IntStream.of(test.endless().mapToInt(x -> x).limit(3).toArray())
                          .boxed()
                          .toList(),
              "flatMap", test -> Stream.of(1).flatMap(one -> test.endless()).limit(3).toList(),
              "concat", test -> Stream.concat(test.endless(), Stream.of(1)).limit(3).toList(),
              "a batch's stream", test -> test.endlessBatch().stream().limit(3).toList(),
              "unordered",
                  test -> {
                    Probe probe = new Probe();
                    List<Integer> some =
                        test.executor
                            .batch()
                            .unordered()
                            .map(x -> probe.next(x), new Endless())
                            .limit(3)
                            .toList();
                    assertThat(some).hasSize(3);
                    return List.of(1, 2, 3);
                  }));

  static Stream<String> shortCircuits() {
    return SHORT_CIRCUITS.keySet().stream();
  }

  @ParameterizedTest
  @MethodSource("shortCircuits")
  void aTerminalOperationLeavesNothingBehind(String name) throws Exception {
    for (int i = 0; i < 5; i++) {
      assertThat(SHORT_CIRCUITS.get(name).read(this)).isEqualTo(List.of(1, 2, 3));
    }

    awaitLetGo();
  }

  @Test
  void terminalOperationsEndTheirBatchAtOnce() {
    for (int i = 0; i < 400; i++) {
      assertThat(endless().limit(3).toList()).containsExactly(1, 2, 3);
    }

    await().atMost(LONG).untilAsserted(() -> assertThat(feeders()).isZero()); // without any gc()
  }

  private static final Map<String, Case> HALF_READ =
      new TreeMap<>(
          Map.of(
              "a stream's iterator", test -> test.endless().iterator().next(),
              "a batch's iterator", test -> test.endlessBatch().iterator().next().get(),
              "a batch in order", test -> test.endlessBatch().ordered().iterator().next().get(),
              "a batch's stream", test -> test.endlessBatch().stream().iterator().next()));

  static Stream<String> halfRead() {
    return HALF_READ.keySet().stream();
  }

  @ParameterizedTest
  @MethodSource("halfRead")
  void anIteratorThatIsDroppedLeavesNothingBehind(String name) throws Exception {
    for (int i = 0; i < 20; i++) {
      assertThat(HALF_READ.get(name).read(this)).isNotNull();
    }

    awaitLetGo();
    assertThat(executor.submit(() -> 1).get(20, TimeUnit.SECONDS)).isEqualTo(1);
  }

  @Test
  void anIteratorThatIsHeldGoesOn() {
    Iterator<Integer> results = endless().iterator();
    for (int i = 1; i <= 20; i++) {
      System.gc();
      assertThat(results.next()).isEqualTo(i);
    }
  }

  @Test
  void aTerminalOperationThatFailsLeavesNothingBehind() {
    assertThatThrownBy(
            () ->
                endless()
                    .forEach(
                        x -> {
                          throw new IllegalStateException("here");
                        }))
        .isExactlyInstanceOf(IllegalStateException.class)
        .hasMessage("here");

    awaitLetGo();
  }

  @Test
  void aBatchThatNobodyReadsIsRunAllTheSame() {
    Probe probe = new Probe();
    executor.submitBatch(x -> probe.next(x), IntStream.range(0, 20_000).boxed().toList());

    await()
        .atMost(LONG)
        .untilAsserted(
            () -> {
              System.gc();
              assertThat(RUNS).hasValue(20_000);
            });
  }

  /** The source may be endless, so only the end of the pool makes it run to its end. */
  @Test
  void aBatchOfUnknownSizeThatNobodyReadsHasNoThreadAndIsRunBeforeThePoolEnds() {
    executor
        .batch()
        .lookAhead(10)
        .submit(x -> RUNS.addAndGet(1), () -> IntStream.range(0, 1_000).iterator());
    await()
        .atMost(LONG)
        .untilAsserted(
            () -> {
              System.gc();
              assertThat(feeders()).isZero();
            });
    assertThat(RUNS).hasValueLessThanOrEqualTo(10);
    executor.close();

    assertThat(RUNS).hasValue(1_000);
  }

  @Test
  void aBroadcastThatNobodyHoldsIsFreedWhenNoTaskNeedsIt() throws Exception {
    int gate = Gate.make();
    List<CompletableFuture<Integer>> running =
        List.of(executor.submit(() -> Gate.pass(gate)), executor.submit(() -> Gate.pass(gate)));
    Broadcast<Probe> shared = executor.broadcast(new Probe());
    CompletableFuture<Integer> user = executor.submit(b -> b.value().next(1), shared);
    shared = null;
    System.gc();
    Gate.open(gate);

    assertThat(user.get(20, TimeUnit.SECONDS)).isEqualTo(2);
    for (CompletableFuture<Integer> one : running) {
      one.get(20, TimeUnit.SECONDS);
    }
    awaitLetGo();
  }
}
