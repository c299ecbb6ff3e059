package dev.mpipool.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.mpipool.BrokenExecutorException;
import dev.mpipool.MPIExecutor;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.commons.lang3.tuple.Pair;
import org.apache.commons.lang3.tuple.Triple;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * What Python's library reference says of multiprocessing.pool, Pool and AsyncResult, in its order;
 * each test's first line has what is said there.
 */
@Timeout(60)
@ExtendWith(TwoWorkers.class)
class PythonPoolTest {

  private static final long SECONDS = 20;
  private static final ConcurrentLinkedQueue<String> INITIALIZED = new ConcurrentLinkedQueue<>();
  private static final AtomicInteger RUNS = new AtomicInteger();

  private MPIPool pool;

  @BeforeEach
  void open() {
    pool = new MPIPool();
  }

  @AfterEach
  void close() {
    pool.close();
  }

  private static List<Integer> range(int end) {
    return IntStream.range(0, end).boxed().toList();
  }

  // ---- class multiprocessing.pool.Pool(processes, initializer, initargs, maxtasksperchild)

  @Test
  void processesIsTheNumberOfWorkers() {
    assertThat(pool.size()).isEqualTo(2);
    try (Pool three = Pools.threads(3)) {
      assertThat(three.size()).isEqualTo(3);
    }
  }

  @Test
  void eachWorkerCallsInitializerWithItsArgumentsWhenItStarts() {
    INITIALIZED.clear();
    try (MPIPool one = MPIPool.builder().initializer(x -> INITIALIZED.add("one " + x), 1).open();
        MPIPool two =
            MPIPool.builder().initializer((x, y) -> INITIALIZED.add("two " + x + y), 1, 2).open();
        MPIPool none = MPIPool.builder().initializer(() -> INITIALIZED.add("none")).open()) {
      assertThat(one.apply(() -> INITIALIZED.contains("one 1"))).isTrue();
      assertThat(two.apply(() -> INITIALIZED.contains("two 12"))).isTrue();
      assertThat(none.apply(() -> INITIALIZED.contains("none"))).isTrue();
    }
    assertThat(INITIALIZED)
        .containsExactlyInAnyOrder("one 1", "one 1", "two 12", "two 12", "none", "none");
  }

  @Test
  void anInitializerThatFailsBreaksThePool() {
    try (MPIPool broken =
        MPIPool.builder().initializer(x -> Integer.parseInt(x), "not a number").open()) {
      assertThatThrownBy(
              () -> {
                broken.apply(() -> 1);
              })
          .satisfiesAnyOf(
              e -> assertThat(e).isInstanceOf(BrokenExecutorException.class),
              e -> assertThat(e).hasCauseInstanceOf(BrokenExecutorException.class));
      assertThatThrownBy(() -> broken.map(x -> x, List.of(1)))
          .hasMessageContaining("The initializer failed on rank")
          .hasMessageContaining("not a number")
          .satisfies(e -> assertThat(e.getMessage()).doesNotContain("Element"));
    }
  }

  @Test
  void maxtasksperchildIsRefusedAndSaysWhy() {
    assertThatThrownBy(() -> MPIPool.builder().maxTasksPerChild(10))
        .isInstanceOf(UnsupportedOperationException.class)
        .hasMessageContaining("maxTasksPerChild(10)")
        .hasMessageContaining("ranks are not replaced");
  }

  @Test
  void itsMethodsAreForTheProcessThatMadeIt() {
    assertThat(pool.isMain()).isTrue();
    assertThat(pool.isWorker()).isFalse();
    pool.workersExit();
    assertThat((int) pool.apply(x -> x, 1)).isEqualTo(1);
  }

  // ---- apply

  @Test
  void applyCallsFuncWithArgumentsAndBlocksUntilTheResultIsReady() {
    assertThat(pool.apply(() -> 7)).isEqualTo(7);
    assertThat((int) pool.apply(x -> x * x, 10)).isEqualTo(100);
    assertThat((int) pool.apply((a, b) -> a + b, 1, 2)).isEqualTo(3);
    assertThat((int) pool.apply((a, b, c) -> a + b + c, 1, 2, 3)).isEqualTo(6);
  }

  @Test
  void funcIsOnlyExecutedInOneOfTheWorkers() {
    int before = RUNS.get();
    assertThat(pool.apply(() -> MPIExecutor.currentRank() + 0 * RUNS.incrementAndGet()))
        .isBetween(1, 2);
    assertThat(RUNS.get() - before).isEqualTo(1);
  }

  @Test
  void applyRaisesWhatFuncRaised() {
    assertThatThrownBy(() -> pool.apply(Integer::parseInt, "x"))
        .isInstanceOf(CompletionException.class)
        .hasCauseInstanceOf(NumberFormatException.class);
  }

  // ---- apply_async

  @Test
  void applyAsyncReturnsAnAsyncResult() throws Exception {
    int gate = Gate.make();
    AsyncResult<Integer> result = pool.applyAsync(Gate::pass, gate);
    assertThat(result.ready()).isFalse();
    Gate.open(gate);
    assertThat(result.get(SECONDS, TimeUnit.SECONDS)).isEqualTo(gate);
    assertThat(pool.applyAsync(() -> 0).get()).isZero();
    assertThat(pool.applyAsync((a, b) -> a + b, 1, 2).get()).isEqualTo(3);
    assertThat(pool.applyAsync((a, b, c) -> a + b + c, 1, 2, 3).get()).isEqualTo(6);
  }

  @Test
  void whenTheResultBecomesReadyCallbackIsAppliedToIt() throws Exception {
    List<Object> told = new ArrayList<>();
    pool.applyAsync(() -> 1, told::add, told::add).get();
    pool.applyAsync(x -> x, 2, told::add, told::add).get();
    pool.applyAsync((a, b) -> a + b, 1, 2, told::add, told::add).get();
    pool.applyAsync((a, b, c) -> a + b + c, 1, 2, 1, told::add, told::add).get();
    assertThat(told).containsExactly(1, 2, 3, 4);
  }

  @Test
  void unlessTheCallFailedThenErrorCallbackIsAppliedToTheException() {
    List<Object> results = new ArrayList<>();
    List<Throwable> failures = new ArrayList<>();
    AsyncResult<Integer> failed =
        pool.applyAsync(Integer::parseInt, "x", results::add, failures::add);
    assertThatThrownBy(failed::get).hasCauseInstanceOf(NumberFormatException.class);
    AsyncResult<Integer> special =
        pool.applyAsync(
            () -> {
              throw new CompletionException("own", null);
            },
            results::add,
            failures::add);
    assertThatThrownBy(special::get).hasCauseInstanceOf(CompletionException.class);
    assertThat(results).isEmpty();
    assertThat(failures.get(0)).isExactlyInstanceOf(NumberFormatException.class);
    assertThat(failures.get(1)).isExactlyInstanceOf(CompletionException.class).hasMessage("own");
  }

  @Test
  void callbacksShouldCompleteImmediatelyButOneThatDoesNotDelaysNoOtherResult() throws Exception {
    int gate = Gate.make();
    AsyncResult<Integer> slow =
        pool.applyAsync(
            () -> 1,
            value -> {
              try {
                Gate.pass(gate);
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
            },
            null);
    Gate.awaitEntered(gate);
    assertThat(pool.apply(() -> 2)).isEqualTo(2);
    assertThat(slow.ready()).isFalse();
    Gate.open(gate);
    assertThat(slow.get(SECONDS, TimeUnit.SECONDS)).isEqualTo(1);
  }

  // ---- map, map_async

  @Test
  void mapBlocksUntilTheResultIsReadyAndKeepsTheOrder() {
    assertThat(pool.map(x -> x * x, range(1000)))
        .isEqualTo(range(1000).stream().map(x -> x * x).toList());
    assertThat(pool.map(x -> x, List.of())).isEmpty();
  }

  @Test
  void chunksizeIsAPositiveInteger() {
    for (int chunk : new int[] {1, 3, 1000}) {
      assertThat(pool.map(x -> x + 1, range(100), chunk)).hasSize(100).endsWith(99, 100);
    }
    assertThatThrownBy(() -> pool.map(x -> x, range(3), -1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("-1");
  }

  @Test
  void mapAsyncReturnsAnAsyncResultAndAppliesTheCallbacks() throws Exception {
    List<Object> told = new ArrayList<>();
    AsyncResult<List<Integer>> good = pool.mapAsync(x -> x + 1, range(3), told::add, told::add);
    assertThat(good.get()).containsExactly(1, 2, 3);
    assertThat(told).containsExactly(List.of(1, 2, 3));
    List<Throwable> failures = new ArrayList<>();
    AsyncResult<List<Integer>> bad = pool.mapAsync(x -> 1 / x, range(3), 1, null, failures::add);
    assertThatThrownBy(bad::get)
        .isInstanceOf(ExecutionException.class)
        .hasCauseInstanceOf(ArithmeticException.class)
        .hasMessageStartingWith("Element 0 (0) failed");
    assertThat(failures).singleElement().isExactlyInstanceOf(ArithmeticException.class);
  }

  // ---- imap, imap_unordered

  @Test
  void imapIsLazierAndGoodForVeryLongIterables() {
    Endless endless = new Endless();
    try (Stream<Integer> results = pool.imap(x -> 2 * x, endless)) {
      assertThat(results.limit(100)).hasSize(100).startsWith(0, 2, 4).endsWith(198);
    }
    try (Stream<Integer> results = pool.imap(x -> 2 * x, endless, 10)) {
      assertThat(results.limit(5)).hasSize(5);
    }
  }

  @Test
  void imapUnorderedIsAsImapButTheOrderingIsArbitrary() {
    int gate = Gate.make();
    Set<Integer> seen = new HashSet<>();
    try (Stream<Integer> results =
        pool.imapUnordered(x -> x == 0 ? 0 * Gate.pass(gate) : x, range(4), 1)) {
      Iterator<Integer> iterator = results.iterator();
      for (int i = 0; i < 3; i++) {
        seen.add(iterator.next());
      }
      assertThat(seen).containsExactlyInAnyOrder(1, 2, 3);
      Gate.open(gate);
      assertThat(iterator.next()).isZero();
    }
  }

  @Test
  void withOneWorkerTheOrderOfImapUnorderedIsCorrect() {
    try (Pool one = Pools.threads(1);
        Stream<Integer> results = one.imapUnordered(x -> x, range(500))) {
      assertThat(results).isEqualTo(range(500));
    }
  }

  // ---- starmap, starmap_async

  @Test
  void starmapUnpacksItsElements() throws Exception {
    assertThat(pool.starmap((a, b) -> a + b, List.of(Pair.of(1, 2), Pair.of(3, 4))))
        .containsExactly(3, 7);
    assertThat(pool.starmap((a, b) -> a + b, List.of(Pair.of(1, 2), Pair.of(3, 4)), 2))
        .containsExactly(3, 7);
    assertThat(pool.starmap((a, b, c) -> a + b + c, List.of(Triple.of(1, 2, 3))))
        .containsExactly(6);
    List<Object> told = new ArrayList<>();
    assertThat(
            pool.starmapAsync((a, b) -> a + b, List.of(Pair.of("x", 2)), told::add, told::add)
                .get())
        .containsExactly("x2");
    assertThat(
            pool.starmapAsync(
                    (a, b, c) -> a + b + c, List.of(Triple.of(1, 2, 4)), told::add, told::add)
                .get())
        .containsExactly(7);
    assertThat(told).containsExactly(List.of("x2"), List.of(7));
  }

  @Test
  void aTupleThatFailsIsNamed() {
    assertThatThrownBy(() -> pool.starmap((a, b) -> a / b, List.of(Pair.of(1, 1), Pair.of(1, 0))))
        .isInstanceOf(CompletionException.class)
        .hasMessageContaining("Element 1 ((1,0))")
        .hasCauseInstanceOf(ArithmeticException.class);
  }

  // ---- close, terminate, join

  @Test
  void closePreventsAnyMoreTasksAndTheWorkersExitOnceAllAreCompleted() throws Exception {
    int gate = Gate.make();
    AsyncResult<Integer> one = pool.applyAsync(Gate::pass, gate);
    AsyncResult<List<Integer>> many = pool.mapAsync(x -> Gate.pass(gate) * 0 + x, range(500), 1);
    Gate.awaitEntered(gate);
    CompletableFuture<Void> closing = CompletableFuture.runAsync(pool::close);
    await()
        .untilAsserted(
            () ->
                assertThatThrownBy(() -> pool.applyAsync(() -> 1))
                    .isInstanceOf(RejectedExecutionException.class));
    assertThatThrownBy(() -> pool.map(x -> x, range(1)))
        .isInstanceOf(RejectedExecutionException.class);
    assertThatThrownBy(() -> pool.imap(x -> x, range(1)))
        .isInstanceOf(RejectedExecutionException.class);
    assertThat(closing).isNotDone();
    Gate.open(gate);
    closing.get(SECONDS, TimeUnit.SECONDS);
    assertThat(one.get()).isEqualTo(gate);
    assertThat(many.get()).isEqualTo(range(500));
    assertThat(pool.size()).isZero();
  }

  @Test
  void terminateStopsTheWorkersWithoutCompletingOutstandingWork() throws Exception {
    int gate = Gate.make();
    int before = RUNS.get();
    AsyncResult<Integer> one = pool.applyAsync(Gate::pass, gate);
    int other = Gate.make();
    AsyncResult<List<Integer>> many = pool.mapAsync(x -> Gate.pass(other), new Endless());
    Gate.awaitEntered(gate);
    Gate.awaitEntered(other); // now both workers are busy
    Stream<Integer> stream = pool.imap(x -> Gate.pass(gate), range(100));
    AsyncResult<Integer> waiting = pool.applyAsync(RUNS::addAndGet, 1);
    pool.terminate();
    Gate.awaitInterrupted(gate);
    pool.join();
    assertThatThrownBy(one::get).isInstanceOf(CancellationException.class);
    assertThatThrownBy(many::get).isInstanceOf(CancellationException.class);
    assertThatThrownBy(waiting::get).isInstanceOf(CancellationException.class);
    assertThatThrownBy(() -> stream.forEach(x -> {})).isInstanceOf(RuntimeException.class);
    assertThat(RUNS).hasValue(before);
    assertThat(pool.size()).isZero();
  }

  @Test
  void joinWaitsForTheWorkersAndOneMustCallCloseOrTerminateBefore() throws Exception {
    assertThatThrownBy(pool::join)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("close or terminate");
    pool.close();
    pool.join();
    assertThat(pool.size()).isZero();
  }

  @Test
  void asAContextManagerItIsClosedAndJoinedWherePythonTerminates() throws Exception {
    AsyncResult<List<Integer>> later;
    List<Object> told = new ArrayList<>();
    try (MPIPool inside = new MPIPool()) {
      later = inside.mapAsync(x -> x + 1, range(1000), told::add, told::add);
    }
    assertThat(later.ready()).isTrue();
    assertThat(told).containsExactly(later.get());
  }

  // ---- class multiprocessing.pool.AsyncResult

  @Test
  void getRaisesTimeoutErrorIfTheResultDoesNotArriveInTime() throws Exception {
    int gate = Gate.make();
    AsyncResult<Integer> result = pool.applyAsync(Gate::pass, gate);
    assertThatThrownBy(() -> result.get(1, TimeUnit.MILLISECONDS))
        .isInstanceOf(TimeoutException.class);
    Gate.open(gate);
    assertThat(result.get()).isEqualTo(gate);
  }

  @Test
  void getReraisesWhatTheRemoteCallRaised() {
    AsyncResult<Integer> result = pool.applyAsync(Integer::parseInt, "x");
    assertThatThrownBy(result::get)
        .isInstanceOf(ExecutionException.class)
        .hasCauseInstanceOf(NumberFormatException.class);
    assertThatThrownBy(() -> result.get(SECONDS, TimeUnit.SECONDS))
        .isInstanceOf(ExecutionException.class)
        .hasCauseInstanceOf(NumberFormatException.class);
  }

  @Test
  void waitWaitsUntilTheResultIsAvailableOrTheTimeoutPasses() throws Exception {
    int gate = Gate.make();
    AsyncResult<Integer> result = pool.applyAsync(Gate::pass, gate);
    assertThat(result.await(1, TimeUnit.MILLISECONDS)).isFalse();
    Gate.open(gate);
    assertThat(result.await(SECONDS, TimeUnit.SECONDS)).isTrue();
    AsyncResult<Integer> failed = pool.applyAsync(Integer::parseInt, "x");
    assertThat(failed.await(SECONDS, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void readySaysWhetherTheCallHasCompleted() throws Exception {
    int gate = Gate.make();
    AsyncResult<List<Integer>> result = pool.mapAsync(x -> Gate.pass(gate), range(3));
    Gate.awaitEntered(gate);
    assertThat(result.ready()).isFalse();
    Gate.open(gate);
    result.get();
    assertThat(result.ready()).isTrue();
  }

  @Test
  void successfulRaisesIfTheResultIsNotReady() throws Exception {
    int gate = Gate.make();
    AsyncResult<Integer> result = pool.applyAsync(Gate::pass, gate);
    assertThatThrownBy(result::successful).isInstanceOf(IllegalStateException.class);
    Gate.open(gate);
    result.get();
    assertThat(result.successful()).isTrue();
    AsyncResult<Integer> failed = pool.applyAsync(Integer::parseInt, "x");
    assertThat(failed.await(SECONDS, TimeUnit.SECONDS)).isTrue();
    assertThat(failed.successful()).isFalse();
  }
}
