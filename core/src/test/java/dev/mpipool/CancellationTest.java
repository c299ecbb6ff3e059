package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Futures that are ended by the user, and what becomes of their tasks, on one local worker. */
@Timeout(60)
@ExtendWith(LocalPools.class)
class CancellationTest {

  private static final AtomicInteger RUNS = new AtomicInteger();

  private MPIExecutor executor;

  @BeforeEach
  void open() {
    LocalPools.workers(1);
    executor = new MPIExecutor();
  }

  @AfterEach
  void close() {
    executor.shutdownNow();
    executor.close();
  }

  private static <T> T get(Future<T> future) throws Exception {
    return future.get(20, TimeUnit.SECONDS);
  }

  private CompletableFuture<Integer> running(int gate) throws Exception {
    CompletableFuture<Integer> future = executor.submit(() -> Gate.pass(gate));
    Gate.awaitEntered(gate);
    return future;
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aQueuedTaskNeverRuns(boolean interrupt) throws Exception {
    int gate = Gate.make();
    CompletableFuture<Integer> first = running(gate);
    int before = RUNS.get();
    CompletableFuture<Integer> cancelled = executor.submit(() -> RUNS.incrementAndGet());
    CompletableFuture<Integer> next = executor.submit(() -> 5);

    assertThat(cancelled.cancel(interrupt)).isTrue();
    assertThat(cancelled).isCancelled();
    assertThatThrownBy(cancelled::get).isInstanceOf(CancellationException.class);
    Gate.open(gate);
    assertThat(get(first)).isEqualTo(gate);
    assertThat(get(next)).isEqualTo(5);
    assertThat(RUNS).hasValue(before);
  }

  @Test
  void cancelTrueInterruptsARunningTaskAndTheNextIsNotInterrupted() throws Exception {
    CompletableFuture<Integer> cancelled = running(Gate.make());

    assertThat(cancelled.cancel(true)).isTrue();
    assertThatThrownBy(cancelled::get).isInstanceOf(CancellationException.class);
    assertThat(get(executor.submit(() -> Thread.currentThread().isInterrupted()))).isFalse();
  }

  @Test
  void cancelFalseLetsARunningTaskFinishAndDropsItsAnswer() throws Exception {
    int gate = Gate.make();
    int before = RUNS.get();
    CompletableFuture<Integer> cancelled =
        executor.submit(
            () -> {
              Gate.pass(gate);
              return RUNS.incrementAndGet();
            });
    Gate.awaitEntered(gate);
    CompletableFuture<Integer> next = executor.submit(() -> RUNS.get());

    assertThat(cancelled.cancel(false)).isTrue();
    assertThat(executor.idling()).isZero();
    Gate.open(gate);
    assertThat(get(next)).isEqualTo(before + 1);
    assertThat(cancelled).isCancelled();
  }

  @Test
  void aDoneFutureCannotBeCancelled() throws Exception {
    CompletableFuture<Integer> done = executor.submit(() -> 1);
    get(done);

    assertThat(done.cancel(true)).isFalse();
    assertThat(done).isCompletedWithValue(1);
  }

  @Test
  void aCallbackMayWaitForTheWorkerThatTheCancelFrees() throws Exception {
    CompletableFuture<Integer> cancelled = running(Gate.make());
    CompletableFuture<Integer> next = executor.submit(() -> 6);
    CompletableFuture<Integer> waits = cancelled.handle((value, failure) -> next.join());
    CompletableFuture<Boolean> cancel = CompletableFuture.supplyAsync(() -> cancelled.cancel(true));

    assertThat(get(cancel)).isTrue();
    assertThat(get(waits)).isEqualTo(6);
  }

  @Test
  void orTimeoutFreesTheWorker() throws Exception {
    CompletableFuture<Integer> late = running(Gate.make()).orTimeout(1, TimeUnit.MILLISECONDS);

    assertThatThrownBy(() -> get(late))
        .isInstanceOf(ExecutionException.class)
        .hasCauseInstanceOf(TimeoutException.class);
    assertThat(get(executor.submit(() -> 7))).isEqualTo(7);
  }

  @Test
  void completeOnTimeoutFreesTheWorker() throws Exception {
    CompletableFuture<Integer> late =
        running(Gate.make()).completeOnTimeout(-1, 1, TimeUnit.MILLISECONDS);

    assertThat(get(late)).isEqualTo(-1);
    assertThat(get(executor.submit(() -> 8))).isEqualTo(8);
  }

  @Test
  void aResultInTimeIsNotReplaced() throws Exception {
    CompletableFuture<Integer> inTime = executor.submit(() -> 9);

    assertThat(get(inTime.orTimeout(1, TimeUnit.DAYS))).isEqualTo(9);
    assertThat(get(inTime.completeOnTimeout(-1, 1, TimeUnit.NANOSECONDS))).isEqualTo(9);
  }

  @Test
  void aDerivedFutureThatIsCancelledLeavesTheTaskAlone() throws Exception {
    int gate = Gate.make();
    CompletableFuture<Integer> task = running(gate);
    CompletableFuture<Integer> derived = task.thenApply(x -> x + 1);
    assertThat(derived.cancel(true)).isTrue();
    Gate.open(gate);

    assertThat(get(task)).isEqualTo(gate);
  }

  @Test
  void anAnswerOfACancelledTaskCompletesNoOther() throws Exception {
    Random random = new Random(11);
    List<CompletableFuture<Integer>> futures = new ArrayList<>();
    for (int i = 0; i < 3_000; i++) {
      int number = i;
      futures.add(executor.submit(() -> number));
      int victim = random.nextInt(futures.size());
      if (random.nextInt(3) > 0) {
        futures.get(Math.max(victim, i - 4)).cancel(random.nextBoolean());
      }
    }
    int finished = 0;
    for (int i = 0; i < futures.size(); i++) {
      CompletableFuture<Integer> future = futures.get(i);
      try {
        assertThat(get(future)).isEqualTo(i);
        finished++;
      } catch (CancellationException e) {
        assertThat(future).isCancelled();
      }
    }
    assertThat(finished).isBetween(1, futures.size() - 1);
  }

  @Test
  void allOfWaitsForAllAndAnyOfForTheFirst() throws Exception {
    int gate = Gate.make();
    CompletableFuture<Integer> first = running(gate);
    CompletableFuture<Integer> second = executor.submit(() -> 2);
    CompletableFuture<Integer> third = executor.submit(() -> 3);
    CompletableFuture<Void> all = CompletableFuture.allOf(first, second, third);
    CompletableFuture<Object> any = CompletableFuture.anyOf(first, second, third);
    assertThat(all).isNotDone();
    assertThat(any).isNotDone();
    Gate.open(gate);

    assertThat(get(any)).isEqualTo(gate);
    get(all);
    assertThat(third).isCompletedWithValue(3);
  }

  @Test
  void allOfFailsWithTheTaskThatFailedOrWasCancelled() throws Exception {
    CompletableFuture<?> failing =
        executor.submit(
            () -> {
              throw new IllegalStateException("task");
            });
    CompletableFuture<Integer> good = executor.submit(() -> 1);
    CompletableFuture<Void> all = CompletableFuture.allOf(good, failing);
    assertThatThrownBy(() -> get(all))
        .isInstanceOf(ExecutionException.class)
        .cause()
        .isExactlyInstanceOf(IllegalStateException.class)
        .hasMessage("task");

    CompletableFuture<Integer> cancelled = running(Gate.make());
    CompletableFuture<Object> any = CompletableFuture.anyOf(cancelled);
    cancelled.cancel(true);
    assertThatThrownBy(() -> get(any)).hasCauseInstanceOf(CancellationException.class);
    await().untilAsserted(() -> assertThat(executor.idling()).isEqualTo(1));
  }
}
