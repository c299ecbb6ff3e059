package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.awaitility.Awaitility.await;

import java.io.NotSerializableException;
import java.io.ObjectInputStream;
import java.io.Serializable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Batches and maps on two local workers: order, laziness, failures, ends. */
@Timeout(60)
@ExtendWith(LocalPools.class)
class BatchTest {

  private static final AtomicInteger RUNS = new AtomicInteger();

  private MPIExecutor executor;

  @BeforeEach
  void open() {
    executor = new MPIExecutor();
  }

  @AfterEach
  void close() {
    executor.close();
  }

  private static List<Integer> range(int end) {
    return IntStream.range(0, end).boxed().toList();
  }

  /** Counts from 0 for ever, and how far it has been asked. */
  private static final class Endless implements Iterable<Integer> {
    final AtomicInteger taken = new AtomicInteger();

    @Override
    public Iterator<Integer> iterator() {
      return Stream.generate(taken::getAndIncrement).iterator();
    }
  }

  @Test
  void mapKeepsTheOrderWhateverTheChunks() {
    List<Integer> squares = range(10_000).stream().map(x -> x * x).toList();
    assertThat(executor.map(x -> x * x, range(10_000))).isEqualTo(squares);
    assertThat(executor.batch().chunkSize(7).map(x -> x * x, range(10_000))).isEqualTo(squares);
    assertThat(executor.batch().lookAhead(1).map(x -> x * x, range(300)))
        .isEqualTo(squares.subList(0, 300));
  }

  @Test
  void mapTakesUpToTheShortestIterable() {
    assertThat(executor.map((a, b) -> a + ":" + b, List.of(1, 2, 3), List.of("x", "y")))
        .containsExactly("1:x", "2:y");
    assertThat(
            executor.map((a, b, c) -> a + b + c, new Endless(), List.of(10, 20), List.of(1, 2, 3)))
        .containsExactly(11, 23);
    assertThat(executor.map(x -> x, List.of())).isEmpty();
  }

  @Test
  void nullsAreElementsAndResultsLikeAnyOther() throws Exception {
    List<Integer> some = Arrays.asList(1, null, 3);
    assertThat(executor.submitBatch(x -> x, some).results()).isEqualTo(some);
  }

  @Test
  void everyKindOfValueArrivesAsItWas() throws Exception {
    List<Object> values =
        List.of(
            true,
            false,
            (byte) -1,
            (short) -2,
            'é',
            -3,
            Long.MIN_VALUE,
            1.5f,
            Double.NaN,
            "plain",
            "wide \u20ac \ud800 alone",
            "",
            List.of(1, "a"),
            Duration.ofDays(1));
    assertThat(executor.submitBatch(x -> x, values).results()).isEqualTo(values);
    List<Object> arrays =
        List.of(
            new boolean[] {true, false},
            new byte[] {-1},
            new short[] {-2, 7},
            new char[] {'é'},
            new int[] {1, -1},
            new long[] {Long.MIN_VALUE},
            new float[] {1.5f},
            new double[] {-0.0, 2},
            new int[0],
            new String[] {"a"});
    assertThat(executor.submitBatch(x -> x, arrays).results())
        .usingRecursiveComparison()
        .isEqualTo(arrays);
  }

  @Test
  void iteratingYieldsFuturesAsTheyComplete() throws Exception {
    int gate = Gate.make();
    Batch<Integer> batch =
        executor
            .batch()
            .chunkSize(1)
            .submit(x -> x == 0 ? Gate.pass(gate) * 0 : x, List.of(0, 1, 2, 3));
    Iterator<CompletableFuture<Integer>> futures = batch.iterator();
    Set<Integer> first = new HashSet<>();
    for (int i = 0; i < 3; i++) {
      CompletableFuture<Integer> future = futures.next();
      assertThat(future).isDone();
      first.add(future.get());
    }
    assertThat(first).containsExactlyInAnyOrder(1, 2, 3);
    assertThat(batch.submitted()).isTrue();
    assertThat(batch.finished()).isFalse();
    Gate.open(gate);
    assertThat(futures.next().get()).isZero();
    assertThat(futures.hasNext()).isFalse();
    assertThatThrownBy(futures::next).isInstanceOf(NoSuchElementException.class);
    assertThat(batch.finished()).isTrue();
  }

  @Test
  void orderedYieldsFuturesInOrderFailuresIncluded() throws Exception {
    List<String> seen = new ArrayList<>();
    for (CompletableFuture<Integer> future :
        executor.submitBatch(x -> 6 / x, List.of(1, 0, 2)).ordered()) {
      Throwable failure = catchThrowable(future::get);
      seen.add(failure == null ? "" + future.get() : failure.getCause().getClass().getSimpleName());
    }
    assertThat(seen).containsExactly("6", "ArithmeticException", "3");
  }

  @Test
  void aBatchIsConsumedOnce() throws Exception {
    Batch<Integer> batch = executor.submitBatch(x -> x, range(3));
    assertThat(batch.results()).isEqualTo(range(3)).isEqualTo(batch.results());
    assertThatThrownBy(batch::iterator).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(batch::stream).isInstanceOf(IllegalStateException.class);
    Batch<Integer> iterated = executor.submitBatch(x -> x, range(3));
    assertThat(iterated.iterator().next().get()).isIn(range(3));
    assertThatThrownBy(iterated::results).isInstanceOf(IllegalStateException.class);
  }

  // ---- laziness

  @Test
  void nothingIsTakenBeforeAStreamIsUsed() {
    Endless endless = new Endless();
    Stream<Integer> unused = executor.map(x -> x, endless);
    assertThat(executor.map(x -> x, endless).limit(0)).isEmpty();
    assertThat(endless.taken).hasValue(0);
    unused.close();
  }

  @Test
  void anEndlessIterableIsTakenNoFurtherThanTheLookAhead() throws Exception {
    Endless endless = new Endless();
    try (Stream<Integer> doubled = executor.batch().lookAhead(10).map(x -> 2 * x, endless)) {
      Iterator<Integer> results = doubled.iterator();
      for (int i = 0; i < 1000; i++) {
        assertThat(results.next()).isEqualTo(2 * i);
        assertThat(endless.taken.get()).isLessThanOrEqualTo(i + 1 + 10);
      }
    }
  }

  @Test
  void withoutALookAheadItIsFourChunksForEachThread() throws Exception {
    Endless endless = new Endless();
    int gate = Gate.make();
    try (Batch<Integer> batch = executor.submitBatch(x -> Gate.pass(gate), endless)) {
      Gate.awaitEntered(gate);
      await().untilAsserted(() -> assertThat(endless.taken).hasValue(8));
      Gate.open(gate);
      assertThat(batch.iterator().next().get()).isEqualTo(gate);
    }
    assertThat(executor.submit(() -> 1).get(20, TimeUnit.SECONDS)).isEqualTo(1);
  }

  @Test
  void aConsumerThatStopsHalfWayStopsTheTakingAndDoesNotHoldThePoolOpen() throws Exception {
    Endless endless = new Endless();
    Iterator<CompletableFuture<Integer>> consumer =
        executor.batch().lookAhead(5).submit(x -> x, endless).iterator();
    assertThat(consumer.next().get()).isNotNegative();
    await().untilAsserted(() -> assertThat(endless.taken.get()).isBetween(5, 6));
    executor.close();
    assertThat(endless.taken.get()).isLessThanOrEqualTo(6);
    assertThatThrownBy(
            () -> {
              while (consumer.hasNext()) {
                consumer.next().get();
              }
            })
        .isInstanceOf(RejectedExecutionException.class);
  }

  @Test
  void aBatchThatNobodyConsumesRunsToItsEndBeforeThePoolIsClosed() throws Exception {
    int start = RUNS.get();
    executor.submitBatch(x -> RUNS.incrementAndGet(), range(5_000));
    executor.close();
    assertThat(RUNS.get() - start).isEqualTo(5_000);
  }

  @Test
  void anIteratorThatBlocksKeepsNothingBack() throws Exception {
    BlockingQueue<Integer> source = new LinkedBlockingQueue<>(List.of(1, 2, 3, 4, 5));
    Iterable<Integer> blocking =
        () ->
            Stream.generate(
                    () -> {
                      try {
                        return source.take();
                      } catch (InterruptedException e) {
                        throw new CancellationException();
                      }
                    })
                .iterator();
    try (Batch<Integer> batch = executor.batch().chunkSize(1000).submit(x -> x * x, blocking)) {
      Iterator<CompletableFuture<Integer>> results = batch.ordered().iterator();
      for (int i = 1; i <= 5; i++) {
        assertThat(results.next().get()).isEqualTo(i * i);
      }
      source.add(6);
      assertThat(results.next().get()).isEqualTo(36);
    }
  }

  @Test
  void anIteratorMaySubmitToThePool() throws Exception {
    Iterable<Integer> submitting =
        () -> range(20).stream().map(x -> executor.submit(y -> y + 1, x).join()).iterator();
    assertThat(executor.submitBatch(x -> 2 * x, submitting).results())
        .isEqualTo(range(20).stream().map(x -> 2 * (x + 1)).toList());
  }

  // ---- failures and early ends

  @Test
  void whatAnIteratorThrowsComesAfterTheResults() throws Exception {
    Iterable<Integer> failing =
        () -> range(10).stream().peek(x -> checkArgument(x < 4, "no more")).iterator();
    List<Integer> seen = new ArrayList<>();
    Throwable thrown =
        catchThrowable(
            () -> {
              for (CompletableFuture<Integer> f : executor.submitBatch(x -> x, failing).ordered()) {
                seen.add(f.get());
              }
            });
    assertThat(seen).containsExactly(0, 1, 2, 3);
    assertThat(thrown)
        .isInstanceOf(CompletionException.class)
        .hasRootCauseInstanceOf(IllegalArgumentException.class)
        .hasRootCauseMessage("no more");
    assertThatThrownBy(() -> executor.submitBatch(x -> x, failing).results())
        .isInstanceOf(ExecutionException.class)
        .hasRootCauseMessage("no more");
  }

  private static void checkArgument(boolean right, String message) {
    if (!right) {
      throw new IllegalArgumentException(message);
    }
  }

  @Test
  void aStreamThrowsTheTasksExceptionAndCancelsTheRest() {
    Endless endless = new Endless();
    assertThatThrownBy(() -> executor.map(x -> 6 / (x - 3), endless).forEach(x -> {}))
        .isExactlyInstanceOf(CompletionException.class)
        .cause()
        .isExactlyInstanceOf(ArithmeticException.class);
    int taken = endless.taken.get();
    assertThat(executor.submit(() -> 1).join()).isEqualTo(1);
    assertThat(endless.taken.get()).isLessThanOrEqualTo(taken + 1);
  }

  @Test
  void anElementThatCannotTravelFailsAlone() throws Exception {
    List<Object> elements = List.of(1, new Object(), "three", Unreadable.ONE, 5);
    List<String> seen = new ArrayList<>();
    for (CompletableFuture<Object> future :
        executor.batch().chunkSize(5).submit(x -> x, elements).ordered()) {
      Throwable failure = catchThrowable(future::get);
      seen.add(failure == null ? "" + future.get() : failure.getCause().getMessage());
    }
    assertThat(seen.get(0)).isEqualTo("1");
    assertThat(seen.get(1)).contains("Element 1").contains("java.lang.Object is not serializable");
    assertThat(seen.get(2)).isEqualTo("three");
    assertThat(seen.get(3)).contains("element 3").contains("could not be read on rank");
    assertThat(seen.get(4)).isEqualTo("5");
  }

  private static final class Unreadable implements Serializable {
    private static final long serialVersionUID = 1;
    static final Unreadable ONE = new Unreadable();

    private void readObject(ObjectInputStream in) throws NotSerializableException {
      throw new NotSerializableException("refused");
    }
  }

  @Test
  void aResultThatCannotTravelFailsAlone() throws Exception {
    List<CompletableFuture<Object>> futures = new ArrayList<>();
    executor
        .batch()
        .chunkSize(3)
        .submit(x -> x == 1 ? new Object() : x, List.of(0, 1, 2))
        .ordered()
        .forEach(futures::add);
    assertThat(futures.get(0).get()).isEqualTo(0);
    assertThatThrownBy(futures.get(1)::get)
        .hasCauseInstanceOf(TaskSerializationException.class)
        .hasMessageContaining("cannot travel back");
    assertThat(futures.get(2).get()).isEqualTo(2);
  }

  @Test
  void aFunctionThatCannotTravelEndsTheBatchAtOnce() {
    Object captured = new Object();
    Endless endless = new Endless();
    Batch<String> batch = executor.submitBatch(x -> captured + "" + x, endless);
    assertThatThrownBy(batch::results)
        .isInstanceOf(ExecutionException.class)
        .hasCauseInstanceOf(TaskSerializationException.class)
        .hasMessageContaining("java.lang.Object");
    assertThat(endless.taken).hasValue(0);
  }

  @Test
  void theFunctionIsAsItWasWhenTheBatchWasMade() throws Exception {
    int[] captured = {1};
    Stream<Integer> later = executor.map(x -> x + captured[0], List.of(1, 2));
    Batch<Integer> batch = executor.submitBatch(x -> x + captured[0], List.of(1, 2));
    captured[0] = 100;
    assertThat(batch.results()).containsExactly(2, 3);
    assertThat(later).containsExactly(2, 3);
  }

  @Test
  void onlyTheFirstCancelTellsThatItHasCancelled() {
    for (int round = 0; round < 2_000; round++) {
      Batch<Integer> batch = executor.submitBatch(x -> x, new Endless());
      assertThat(batch.cancel()).isTrue();
      assertThat(batch.cancel()).as("round %d", round).isFalse();
    }
  }

  @Test
  void cancelDropsWhatWaitsAndInterruptsWhatRuns() throws Exception {
    int gate = Gate.make();
    Batch<Integer> batch = executor.submitBatch(x -> Gate.pass(gate), new Endless());
    Gate.awaitEntered(gate);
    assertThat(batch.cancel()).isTrue();
    assertThat(batch.cancel()).isFalse();
    assertThat(batch.await(Duration.ofSeconds(20))).isTrue();
    assertThat(batch.finished()).isTrue();
    assertThat(executor.submit(() -> 1).get(20, TimeUnit.SECONDS)).isEqualTo(1);
    assertThatThrownBy(
            () -> {
              for (CompletableFuture<Integer> future : batch) {
                assertThat(future).isCancelled();
              }
            })
        .isInstanceOf(CancellationException.class);
  }

  @Test
  void closingAStreamCancelsTheRest() throws Exception {
    int gate = Gate.make();
    Stream<Integer> results = executor.map(x -> x == 0 ? 0 : Gate.pass(gate), new Endless());
    Iterator<Integer> iterator = results.iterator();
    assertThat(iterator.next()).isZero();
    Gate.awaitEntered(gate);
    results.close();
    assertThat(executor.submit(() -> 1).get(20, TimeUnit.SECONDS)).isEqualTo(1);
  }

  @Test
  void theTimeoutOfTheWholeCancelsWhatIsNotDone() throws Exception {
    int gate = Gate.make();
    Batch<Integer> batch =
        executor
            .batch()
            .chunkSize(1)
            .timeout(Duration.ofMillis(300))
            .submit(x -> x == 0 ? x : Gate.pass(gate), List.of(0, 1, 2, 3, 4));
    assertThatThrownBy(batch::results)
        .isInstanceOf(ExecutionException.class)
        .hasCauseInstanceOf(TimeoutException.class);
    assertThat(executor.submit(() -> 1).get(20, TimeUnit.SECONDS)).isEqualTo(1);
    assertThat(executor.batch().timeout(Duration.ofHours(1)).map(x -> x, range(3)))
        .containsExactly(0, 1, 2);
  }

  @Test
  void awaitWaitsNoLongerThanAskedFor() throws Exception {
    int gate = Gate.make();
    Batch<Integer> batch = executor.submitBatch(x -> Gate.pass(gate), List.of(1));
    assertThat(batch.await(Duration.ofMillis(10))).isFalse();
    Gate.open(gate);
    assertThat(batch.await(Duration.ofSeconds(20))).isTrue();
    assertThat(batch.results()).containsExactly(gate);
  }

  @Test
  void shutdownNowEndsBatches() throws Exception {
    int gate = Gate.make();
    Batch<Integer> batch = executor.submitBatch(x -> Gate.pass(gate), new Endless());
    Gate.awaitEntered(gate);
    executor.shutdownNow();
    assertThat(executor.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
    assertThat(batch.finished()).isTrue();
    assertThatThrownBy(batch::results).isInstanceOf(ExecutionException.class);
  }

  @Test
  void badArgumentsAreRefused() {
    assertThatThrownBy(
            () -> executor.submitBatch((SerializableFunction<Object, Object>) null, List.of()))
        .isInstanceOf(NullPointerException.class);
    assertThatThrownBy(() -> executor.map(x -> x, (List<Integer>) null))
        .isInstanceOf(NullPointerException.class);
    assertThatThrownBy(() -> executor.batch().chunkSize(0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> executor.batch().lookAhead(0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> executor.batch().timeout(Duration.ZERO))
        .isInstanceOf(IllegalArgumentException.class);
    executor.shutdown();
    assertThatThrownBy(() -> executor.submitBatch(x -> x, List.of()))
        .isInstanceOf(RejectedExecutionException.class);
    assertThatThrownBy(() -> executor.map(x -> x, List.of()))
        .isInstanceOf(RejectedExecutionException.class);
  }

  @Test
  void whatAnIteratorBringsAfterTheShutdownDoesNotWakeTheBatch() throws Exception {
    int gate = Gate.make();
    Iterable<Integer> late =
        () ->
            range(3).stream()
                .map(
                    x -> {
                      while (x > 0 && !Gate.entered(gate)) {
                        LockSupport.parkNanos(1_000_000); // not to be interrupted
                      }
                      return x;
                    })
                .iterator();
    Batch<Integer> batch = executor.submitBatch(x -> x, late);
    Iterator<CompletableFuture<Integer>> results = batch.iterator();
    assertThat(results.next().get()).isZero();
    executor.close();
    assertThat(batch.finished()).isTrue();
    Gate.open(gate);
    assertThat(Gate.pass(gate)).isEqualTo(gate); // from here on the iterator goes on
    assertThatThrownBy(results::hasNext).isInstanceOf(RejectedExecutionException.class);
    assertThat(batch.finished()).isTrue();
  }
}
