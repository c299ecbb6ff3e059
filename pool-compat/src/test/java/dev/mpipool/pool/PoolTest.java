package dev.mpipool.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.mpipool.MPIExecutor;
import dev.mpipool.SerializableBiFunction;
import dev.mpipool.SerializableFunction;
import dev.mpipool.SerializableTriFunction;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.commons.lang3.tuple.Pair;
import org.apache.commons.lang3.tuple.Triple;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is not Python's: laziness, failures at once, sharing, and the choice of a pool. */
@Timeout(60)
@ExtendWith(TwoWorkers.class)
class PoolTest {

  /** Four chunks for each of two task threads, of one element each. */
  private static final int LOOK_AHEAD = 8;

  private static List<Integer> range(int end) {
    return IntStream.range(0, end).boxed().toList();
  }

  // ---- laziness

  @Test
  void mapAsyncReturnsAtOnceAndTakesAsWorkersBecomeFree() throws Exception {
    try (MPIPool pool = new MPIPool()) {
      int gate = Gate.make();
      Endless endless = new Endless();
      AsyncResult<List<Integer>> result = pool.mapAsync(x -> Gate.pass(gate), endless, 1);
      Gate.awaitEntered(gate);
      await().untilAsserted(() -> assertThat(endless.taken).hasValue(LOOK_AHEAD));
      assertThat(result.ready()).isFalse();
      Gate.open(gate);
      await().untilAsserted(() -> assertThat(endless.taken.get()).isGreaterThan(1000));
      result.toCompletableFuture().cancel(true);
      assertThat(pool.apply(() -> 1)).isEqualTo(1);
    }
  }

  private static final ConcurrentLinkedQueue<Integer> COMPLETED = new ConcurrentLinkedQueue<>();

  @Test
  void mapAsyncNeverTakesFurtherThanTheLookAheadBeyondWhatHasCompleted() throws Exception {
    COMPLETED.clear();
    List<Integer> ahead = new ArrayList<>();
    Iterable<Integer> counted =
        () ->
            IntStream.range(0, 2_000)
                .mapToObj(
                    i -> {
                      ahead.add(i + 1 - COMPLETED.size());
                      return i;
                    })
                .iterator();
    try (MPIPool pool = new MPIPool()) {
      pool.map(
          x -> {
            COMPLETED.add(x);
            return x;
          },
          counted,
          1);
    }
    assertThat(ahead).hasSize(2_000).allMatch(n -> n <= LOOK_AHEAD);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void streamsTakeNoFurtherThanTheLookAheadBeyondWhatHasBeenRead(boolean ordered) {
    Endless endless = new Endless();
    try (MPIPool pool = new MPIPool();
        Stream<Integer> results =
            ordered ? pool.imap(x -> x, endless, 1) : pool.imapUnordered(x -> x, endless, 1)) {
      Iterator<Integer> iterator = results.iterator();
      for (int i = 0; i < 500; i++) {
        assertThat(iterator.next()).isNotNegative();
        assertThat(endless.taken.get()).isBetween(i + 1, i + 1 + LOOK_AHEAD);
      }
    }
    assertThat(endless.taken.get()).isLessThanOrEqualTo(501 + LOOK_AHEAD);
  }

  @Test
  void elementsThatHaveComeBackAreForgotten() {
    Elements<Integer> elements = new Elements<>();
    Iterator<Integer> noted = elements.noted(range(5_000)).iterator();
    for (int i = 0; i < 5_000; i++) {
      assertThat(noted.next()).isEqualTo(i);
      assertThat(elements.get(i)).isEqualTo(i);
      if (i % 50 == 49) {
        elements.forget(i - 49, 50);
      }
    }
    assertThat(elements.blocks()).isEqualTo(1);
  }

  // ---- failures

  private static int failsAt5While0Runs(int x, int gate) throws InterruptedException {
    if (x == 0) {
      return Gate.pass(gate);
    }
    if (x == 5) {
      Gate.awaitEntered(gate); // a task that has not begun could not be interrupted
    }
    int result = 10 / (5 - x);
    COMPLETED.add(x);
    return result;
  }

  @Test
  void anElementThatFailsIsKnownWhileAnEarlierOneIsStillRunning() throws Exception {
    try (MPIPool pool = new MPIPool()) {
      COMPLETED.clear();
      int gate = Gate.make();
      Endless endless = new Endless();
      assertThatThrownBy(() -> pool.map(x -> failsAt5While0Runs(x, gate), endless, 1))
          .isExactlyInstanceOf(CompletionException.class)
          .hasMessageContaining("Element 5 (5) failed")
          .cause()
          .isExactlyInstanceOf(ArithmeticException.class);
      Gate.awaitInterrupted(gate);
      // others may be done before element 5, which can wait behind element 0 for a while
      assertThat(endless.taken.get()).isBetween(6, COMPLETED.size() + 1 + LOOK_AHEAD);
      assertThat(pool.apply(() -> 1)).isEqualTo(1);
    }
  }

  @Test
  void streamsNameTheElementToo() {
    try (MPIPool pool = new MPIPool()) {
      for (boolean ordered : new boolean[] {true, false}) {
        Stream<Integer> results =
            ordered
                ? pool.imap(x -> 10 / (5 - x), new Endless())
                : pool.imapUnordered(x -> 10 / (5 - x), new Endless());
        assertThatThrownBy(() -> results.forEach(x -> {}))
            .isExactlyInstanceOf(CompletionException.class)
            .hasMessageContaining("Element 5 (5) failed")
            .hasCauseInstanceOf(ArithmeticException.class);
      }
    }
  }

  @Test
  void arraysAreNamedByTypeAndLengthAndLongValuesCutShort() {
    try (MPIPool pool = new MPIPool()) {
      assertThatThrownBy(() -> pool.map(x -> x[3], List.of(new double[3])))
          .hasMessageContaining("Element 0 (double[3]) failed");
      assertThatThrownBy(() -> pool.map(Integer::parseInt, List.of("x".repeat(1_000))))
          .hasMessageMatching("(?s)Element 0 \\(x{97}\\.\\.\\.\\) failed.*");
    }
  }

  @Test
  void whatTheIterableThrowsComesWithoutAnElement() {
    try (MPIPool pool = new MPIPool()) {
      Iterable<Integer> failing = () -> Stream.of(1, 2, 0).map(x -> 1 / x).iterator();
      assertThatThrownBy(() -> pool.map(x -> x, failing))
          .isInstanceOf(CompletionException.class)
          .hasCauseInstanceOf(ArithmeticException.class);
      List<Pair<Integer, Integer>> nothing = new ArrayList<>();
      nothing.add(null);
      assertThatThrownBy(() -> pool.starmap((a, b) -> a, nothing))
          .hasCauseInstanceOf(NullPointerException.class)
          .hasMessageContaining("Element 0 is null");
    }
  }

  @Test
  void anInterruptOfWhoWaitsCancelsTheWork() throws Exception {
    try (MPIPool pool = new MPIPool()) {
      int gate = Gate.make();
      Thread waiting = Thread.currentThread();
      pool.applyAsync(
          () -> 1,
          one -> {
            try {
              Gate.awaitEntered(gate);
            } catch (InterruptedException e) {
              throw new IllegalStateException(e);
            }
            waiting.interrupt();
          },
          null);
      assertThatThrownBy(() -> pool.map(x -> Gate.pass(gate), range(3)))
          .hasCauseInstanceOf(InterruptedException.class);
      assertThat(Thread.interrupted()).isTrue();
      Gate.awaitInterrupted(gate);
    }
  }

  // ---- callbacks

  @Test
  void whatACallbackThrowsChangesNothing() throws Exception {
    List<Throwable> uncaught = new ArrayList<>();
    Thread.UncaughtExceptionHandler before = Thread.getDefaultUncaughtExceptionHandler();
    Thread.setDefaultUncaughtExceptionHandler((thread, e) -> uncaught.add(e));
    try (MPIPool pool = new MPIPool()) {
      AsyncResult<Integer> result =
          pool.applyAsync(
              () -> 1,
              one -> {
                throw new IllegalStateException("callback");
              },
              null);
      assertThat(result.get()).isEqualTo(1);
      assertThat(uncaught).singleElement().isInstanceOf(IllegalStateException.class);
    } finally {
      Thread.setDefaultUncaughtExceptionHandler(before);
    }
  }

  @Test
  void aCallbackMayCloseThePool() throws Exception {
    MPIPool pool = new MPIPool();
    AsyncResult<List<Integer>> result = pool.mapAsync(x -> x, range(10), r -> pool.close(), null);
    assertThat(result.get(20, TimeUnit.SECONDS)).hasSize(10);
    pool.join();
    assertThat(pool.size()).isZero();
  }

  // ---- sharing

  @Test
  void aSharedExecutorStaysOpen() throws Exception {
    try (MPIExecutor executor = new MPIExecutor()) {
      int gate = Gate.make();
      MPIPool other = new MPIPool(executor);
      try (MPIPool pool = new MPIPool(executor)) {
        assertThat(pool.map(x -> x + 1, range(3))).containsExactly(1, 2, 3);
        pool.applyAsync(Gate::pass, gate);
        Gate.awaitEntered(gate);
        pool.terminate();
        Gate.awaitInterrupted(gate);
      }
      assertThat(other.apply(() -> 5)).isEqualTo(5);
      assertThat(executor.submit(() -> 6).get()).isEqualTo(6);
    }
  }

  @Test
  void aTaskCannotCloseThePool() {
    try (MPIPool pool = new MPIPool()) {
      shared = pool;
      assertThatThrownBy(() -> pool.apply(() -> closeShared()))
          .hasCauseInstanceOf(IllegalStateException.class)
          .hasMessageContaining("Close it on main");
    }
  }

  private static MPIPool shared;

  private static int closeShared() {
    shared.close();
    return 0;
  }

  // ---- one program, three pools

  private static Pool pool(String kind) {
    return switch (kind) {
      case "serial" -> Pools.choose(new String[0]);
      case "threads" -> Pools.choose(new String[] {"--ncores=2"});
      default -> Pools.choose(new String[] {"--mpi"});
    };
  }

  @ParameterizedTest
  @ValueSource(strings = {"serial", "threads", "mpi"})
  void theSameProgramOnEachPool(String kind) throws Exception {
    List<Object> told = new ArrayList<>();
    Pool pool = pool(kind);
    try (pool) {
      pool.workersExit();
      assertThat(pool.isMain()).isTrue();
      assertThat(pool.isWorker()).isFalse();
      assertThat(pool.size()).isEqualTo(kind.equals("serial") ? 1 : 2);
      assertThat(pool.apply(() -> 1) + pool.apply(x -> x, 2)).isEqualTo(3);
      assertThat(pool.apply((a, b) -> a + b, 1, 2) + pool.apply((a, b, c) -> a + b + c, 1, 2, 3))
          .isEqualTo(9);
      assertThat(pool.map(x -> x * x, range(5))).containsExactly(0, 1, 4, 9, 16);
      assertThat(pool.mapAsync(x -> x, range(3), told::add, told::add).get()).hasSize(3);
      assertThat(pool.starmap((a, b) -> a * b, List.of(Pair.of(2, 3)))).containsExactly(6);
      assertThat(pool.starmap((a, b, c) -> a + b * c, List.of(Triple.of(1, 2, 3))))
          .containsExactly(7);
      assertThat(pool.imap(x -> x, new Endless()).limit(3)).containsExactly(0, 1, 2);
      assertThat(pool.imapUnordered(x -> x, range(4))).containsExactlyInAnyOrder(0, 1, 2, 3);
      assertThatThrownBy(() -> pool.map(x -> 1 / x, List.of(1, 0)))
          .isExactlyInstanceOf(CompletionException.class)
          .hasMessageContaining("Element 1 (0) failed")
          .hasCauseInstanceOf(ArithmeticException.class);
      AsyncResult<Integer> failed =
          pool.applyAsync(Integer::parseInt, "x", told::add, e -> told.add(e.getClass()));
      assertThatThrownBy(failed::get)
          .isExactlyInstanceOf(ExecutionException.class)
          .hasCauseInstanceOf(NumberFormatException.class);
      assertThat(failed.successful()).isFalse();
      assertThatThrownBy(pool::join).isInstanceOf(IllegalStateException.class);
    }
    pool.join();
    assertThat(told).containsExactly(List.of(0, 1, 2), NumberFormatException.class);
    assertThatThrownBy(() -> pool.map(x -> x, range(1)))
        .isInstanceOf(java.util.concurrent.RejectedExecutionException.class);
  }

  @Test
  void theRemainingArgumentsAreTheProgramsOwn() {
    assertThat(Pools.remaining(new String[] {"a", "--mpi", "-n", "5"}))
        .containsExactly("a", "-n", "5");
    assertThat(Pools.remaining(new String[] {"--ncores=3", "b"})).containsExactly("b");
  }

  @ParameterizedTest
  @ValueSource(strings = {"serial", "threads", "mpi"})
  void listsOfResultsCanBeChanged(String kind) throws Exception {
    List<Pair<Integer, Integer>> pairs = List.of(Pair.of(1, 2), Pair.of(3, 4));
    try (Pool pool = pool(kind)) {
      List<List<Integer>> lists =
          new ArrayList<>(
              List.of(
                  pool.map(x -> x, List.of(1, 2, 3)),
                  pool.map(x -> x, () -> List.of(1, 2, 3).iterator()),
                  pool.map(x -> x, List.<Integer>of()),
                  pool.mapAsync(x -> x, List.of(1, 2, 3)).get(),
                  pool.starmap((a, b) -> a + b, pairs),
                  pool.starmapAsync((a, b) -> a + b, pairs).get(20, TimeUnit.SECONDS)));
      if (kind.equals("mpi")) {
        try (MPIExecutor executor = new MPIExecutor()) {
          lists.add(executor.<Integer, Integer>submitBatch(x -> x, List.of(1, 2, 3)).results());
          lists.add(executor.submitToAll(() -> 1).get());
          lists.add(executor.submitGroup(2, group -> 1).get());
        }
      }
      for (List<Integer> list : lists) {
        List<Integer> expected = new ArrayList<>(list);
        list.add(null);
        list.add(0, 9);
        list.removeIf(x -> x != null && x == 2);
        expected.add(null);
        expected.add(0, 9);
        expected.removeIf(x -> x != null && x == 2);
        assertThat(list).isEqualTo(expected);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"serial", "threads", "mpi"})
  void errorCallbacksAreToldTheFunctionsOwnException(String kind) throws Exception {
    RuntimeException[] thrown = {
      new IllegalStateException("bad star"),
      new CompletionException("of the function", new IllegalStateException("bad star")),
      new java.util.concurrent.CancellationException("of the function")
    };
    try (Pool pool = pool(kind)) {
      for (RuntimeException failure : thrown) {
        SerializableFunction<Integer, Integer> one =
            x -> {
              throw failure;
            };
        SerializableBiFunction<Integer, Integer, Integer> two = (x, y) -> one.apply(x);
        SerializableTriFunction<Integer, Integer, Integer, Integer> three =
            (x, y, z) -> one.apply(x);
        Queue<Throwable> told = new ConcurrentLinkedQueue<>();
        List<AsyncResult<?>> results =
            List.of(
                pool.applyAsync(() -> one.apply(1), null, told::add),
                pool.applyAsync(one, 1, null, told::add),
                pool.applyAsync(two, 1, 2, null, told::add),
                pool.applyAsync(three, 1, 2, 3, null, told::add),
                pool.mapAsync(one, List.of(1, 2), null, told::add),
                pool.mapAsync(one, List.of(1, 2), 1, null, told::add),
                pool.starmapAsync(two, List.of(Pair.of(1, 2)), null, told::add),
                pool.starmapAsync(three, List.of(Triple.of(1, 2, 3)), null, told::add));
        for (AsyncResult<?> result : results) {
          assertThat(result.await(20, TimeUnit.SECONDS)).isTrue();
        }
        assertThat(told)
            .hasSize(8)
            .allSatisfy(
                e -> {
                  assertThat(e).isExactlyInstanceOf(failure.getClass());
                  assertThat(e).hasMessage(failure.getMessage());
                });
      }
      Queue<Throwable> told = new ConcurrentLinkedQueue<>();
      Iterable<Integer> failing = () -> Stream.of(1, 0).map(x -> 1 / x).iterator();
      assertThat(pool.mapAsync(x -> x, failing, null, told::add).await(20, TimeUnit.SECONDS))
          .isTrue();
      assertThat(told).singleElement().isExactlyInstanceOf(ArithmeticException.class);
    }
  }

  @Test
  void coresMayBeAskedForAsTwoArguments() {
    try (Pool pool = Pools.choose(new String[] {"a", "--ncores", "3", "b"})) {
      assertThat(pool.size()).isEqualTo(3);
    }
    assertThat(Pools.remaining(new String[] {"a", "--ncores", "3", "b", "--mpi"}))
        .containsExactly("a", "b");
    assertThat(Pools.remaining(new String[] {"--ncores"})).isEmpty();
    assertThatThrownBy(() -> Pools.choose(new String[] {"--ncores", "two"}))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("two");
    assertThatThrownBy(() -> Pools.choose(new String[] {"--ncores", "2", "--mpi"}))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("is enough");
  }

  @ParameterizedTest
  @ValueSource(strings = {"--ncores", "--ncores=", "--ncores=0", "--ncores=two"})
  void aWrongNumberOfCoresIsNamed(String argument) {
    assertThatThrownBy(() -> Pools.choose(new String[] {argument}))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(argument)
        .hasMessageContaining("--ncores=N");
  }

  @Test
  void contradictionsAreRefused() {
    assertThatThrownBy(() -> Pools.choose(new String[] {"--mpi", "--ncores=2"}))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Pools.threads(0)).isInstanceOf(IllegalArgumentException.class);
  }
}
