package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mpipool.testing.Ranks;
import java.io.Serializable;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** invokeAll and invokeAny, with and without a timeout, on two local workers. */
@Timeout(60)
@ExtendWith(LocalPools.class)
class BulkTest {

  private static final AtomicInteger RUNS = new AtomicInteger();

  private static volatile CountDownLatch interrupted;

  private MPIExecutor executor;

  @BeforeEach
  void open() {
    executor = new MPIExecutor();
    interrupted = new CountDownLatch(1);
  }

  @AfterEach
  void close() {
    executor.shutdownNow();
    executor.close();
  }

  private static Callable<Integer> task(int value) {
    return (Callable<Integer> & Serializable) () -> value;
  }

  private static Callable<Integer> failing() {
    return (Callable<Integer> & Serializable)
        () -> {
          throw new IllegalStateException("task");
        };
  }

  /** Tells when it is interrupted. */
  private static Callable<Integer> passing(int gate) {
    return (Callable<Integer> & Serializable)
        () -> {
          try {
            return Gate.pass(gate);
          } catch (InterruptedException e) {
            interrupted.countDown();
            throw e;
          }
        };
  }

  /** As {@link #passing}, but once interrupted keeps its worker until the other gate is opened. */
  private static Callable<Integer> lingering(int gate, int other) {
    Callable<Integer> passing = passing(gate);
    return (Callable<Integer> & Serializable)
        () -> {
          try {
            return passing.call();
          } catch (InterruptedException e) {
            return Gate.pass(other);
          }
        };
  }

  private static Callable<Integer> counting() {
    return (Callable<Integer> & Serializable) () -> RUNS.incrementAndGet();
  }

  private static void awaitInterrupted() throws InterruptedException {
    assertThat(interrupted.await(20, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void nullsAndNothing() throws Exception {
    List<Callable<Integer>> good = List.of(task(1));
    List<Callable<Integer>> holed = Arrays.asList(task(1), null);
    List<Callable<Integer>> none = List.of();

    assertThatNullPointerException().isThrownBy(() -> executor.invokeAll(null));
    assertThatNullPointerException()
        .isThrownBy(() -> executor.invokeAll(null, 1, TimeUnit.SECONDS));
    assertThatNullPointerException().isThrownBy(() -> executor.invokeAll(good, 1, null));
    assertThatNullPointerException().isThrownBy(() -> executor.invokeAll(holed));
    assertThatNullPointerException()
        .isThrownBy(() -> executor.invokeAll(holed, 1, TimeUnit.SECONDS));
    assertThat(executor.invokeAll(none)).isEmpty();
    assertThat(executor.invokeAll(none, 1, TimeUnit.SECONDS)).isEmpty();

    assertThatNullPointerException().isThrownBy(() -> executor.invokeAny(null));
    assertThatNullPointerException()
        .isThrownBy(() -> executor.invokeAny(null, 1, TimeUnit.SECONDS));
    assertThatNullPointerException().isThrownBy(() -> executor.invokeAny(good, 1, null));
    List<Callable<Integer>> failingAndHole = Arrays.asList(failing(), null);
    assertThatNullPointerException().isThrownBy(() -> executor.invokeAny(failingAndHole));
    assertThatNullPointerException()
        .isThrownBy(() -> executor.invokeAny(failingAndHole, 20, TimeUnit.SECONDS));
    assertThatIllegalArgumentException().isThrownBy(() -> executor.invokeAny(none));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> executor.invokeAny(none, 1, TimeUnit.SECONDS));
  }

  @Test
  void aNullAmongTheTasksCancelsThoseBeforeIt() throws Exception {
    int gate = Gate.make();

    assertThatNullPointerException()
        .isThrownBy(() -> executor.invokeAll(Arrays.asList(passing(gate), task(1), null)));
    if (Gate.entered(gate)) {
      awaitInterrupted();
    }
    assertThat(executor.submit(() -> 1).get(20, TimeUnit.SECONDS)).isEqualTo(1);
  }

  @Test
  void invokeAllTellsOfEachTask() throws Exception {
    for (List<Future<Integer>> futures :
        List.of(
            executor.invokeAll(List.of(task(1), failing(), task(3))),
            executor.invokeAll(List.of(task(1), failing(), task(3)), 20, TimeUnit.SECONDS))) {
      assertThat(futures).hasSize(3).allMatch(Future::isDone);
      assertThat(futures.get(0).get()).isEqualTo(1);
      assertThatThrownBy(futures.get(1)::get)
          .isInstanceOf(ExecutionException.class)
          .cause()
          .isExactlyInstanceOf(IllegalStateException.class);
      assertThat(futures.get(2).get()).isEqualTo(3);
    }
  }

  @Test
  void invokeAllCancelsWhatRunsAndWhatWaitsWhenTheTimeIsOver() throws Exception {
    LocalPools.workers(1);
    try (MPIExecutor one = new MPIExecutor()) {
      int gate = Gate.make();
      int other = Gate.make(); // else the last task could begin before it is cancelled
      FutureTask<List<Future<Integer>>> invoking =
          Ranks.start(
              "test-invoker",
              () ->
                  one.invokeAll(
                      List.of(task(1), lingering(gate, other), counting()), 2, TimeUnit.SECONDS));
      Gate.awaitEntered(gate); // two seconds should do for that; if not, the next line tells
      List<Future<Integer>> futures = Ranks.result(invoking);

      assertThat(futures).allMatch(Future::isDone);
      assertThat(futures.get(0).get()).isEqualTo(1);
      assertThat(futures.get(1).isCancelled()).isTrue();
      assertThat(futures.get(2).isCancelled()).isTrue();
      awaitInterrupted();
      Gate.open(other);
    }
  }

  @Test
  void invokeAllWithoutTimeStartsNothing() throws Exception {
    int before = RUNS.get();
    for (long none : new long[] {0, -1, Long.MIN_VALUE}) {
      List<Future<Integer>> futures =
          executor.invokeAll(List.of(counting(), counting()), none, TimeUnit.NANOSECONDS);
      assertThat(futures).hasSize(2).allMatch(Future::isCancelled);
    }
    executor.close();

    assertThat(RUNS).hasValue(before);
  }

  @Test
  void anInterruptedInvokeAllCancelsItsTasks() throws Exception {
    int gate = Gate.make();
    CountDownLatch told = new CountDownLatch(1);
    FutureTask<Object> invoking =
        Ranks.start(
            "test-invoker",
            () -> {
              try {
                return executor.invokeAll(List.of(passing(gate)));
              } catch (InterruptedException e) {
                told.countDown();
                throw e;
              }
            });
    Gate.awaitEntered(gate);
    Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("test-invoker"))
        .forEach(Thread::interrupt);

    assertThatThrownBy(() -> Ranks.result(invoking)).isInstanceOf(InterruptedException.class);
    assertThat(told.getCount()).isZero();
    awaitInterrupted();
  }

  @Test
  void invokeAnyGivesAResultAndInterruptsTheOthers() throws Exception {
    int gate = Gate.make();
    Callable<Integer> afterTheOther =
        (Callable<Integer> & Serializable)
            () -> {
              Gate.awaitEntered(gate);
              return 7;
            };

    assertThat(executor.invokeAny(List.of(passing(gate), afterTheOther))).isEqualTo(7);
    awaitInterrupted();
    assertThat(executor.invokeAny(List.of(failing(), task(8)))).isEqualTo(8);
    assertThat(executor.invokeAny(List.of(failing(), task(9)), 20, TimeUnit.SECONDS)).isEqualTo(9);
  }

  @Test
  void invokeAnyThrowsWhatTheLastTaskThrewOrThatTheTimeIsOver() throws Exception {
    for (Callable<Integer> any :
        List.<Callable<Integer>>of(
            () -> executor.invokeAny(List.of(failing(), failing())),
            () -> executor.invokeAny(List.of(failing(), failing()), 20, TimeUnit.SECONDS))) {
      assertThatThrownBy(any::call)
          .isInstanceOf(ExecutionException.class)
          .cause()
          .isExactlyInstanceOf(IllegalStateException.class)
          .hasMessage("task");
    }
    int gate = Gate.make();
    assertThatThrownBy(() -> executor.invokeAny(List.of(passing(gate)), 1, TimeUnit.SECONDS))
        .isInstanceOf(TimeoutException.class);
    awaitInterrupted();
  }

  @Test
  void aTaskThatCannotTravelFailsAndTheOthersRun() throws Exception {
    Callable<Integer> plain = () -> 1;
    List<Future<Integer>> futures = executor.invokeAll(List.of(plain, task(2)));
    assertThatThrownBy(futures.get(0)::get)
        .isInstanceOf(ExecutionException.class)
        .cause()
        .isInstanceOf(TaskSerializationException.class)
        .hasMessageContaining("& Serializable");
    assertThat(futures.get(1).get()).isEqualTo(2);

    assertThat(executor.invokeAny(List.of(plain, task(3)))).isEqualTo(3);
    assertThatThrownBy(() -> executor.invokeAny(List.of(plain)))
        .isInstanceOf(ExecutionException.class)
        .hasCauseInstanceOf(TaskSerializationException.class);
  }

  @Test
  void afterShutdownNothingIsInvoked() {
    Callable<Integer> plain = () -> 1;
    executor.shutdown();
    for (List<Callable<Integer>> tasks : List.of(List.of(task(1)), List.of(plain))) {
      assertThatThrownBy(() -> executor.invokeAll(tasks))
          .isExactlyInstanceOf(RejectedExecutionException.class);
      assertThatThrownBy(() -> executor.invokeAll(tasks, 1, TimeUnit.SECONDS))
          .isExactlyInstanceOf(RejectedExecutionException.class);
      assertThatThrownBy(() -> executor.invokeAny(tasks))
          .isExactlyInstanceOf(RejectedExecutionException.class);
      assertThatThrownBy(() -> executor.invokeAny(tasks, 1, TimeUnit.SECONDS))
          .isExactlyInstanceOf(RejectedExecutionException.class);
    }
  }

  @Test
  void whatInvokeAllCancelledStaysCancelled() throws Exception {
    int gate = Gate.make();
    Future<Integer> cancelled =
        executor.invokeAll(List.of(passing(gate)), 100, TimeUnit.MILLISECONDS).get(0);
    Gate.open(gate);
    executor.close();

    assertThatThrownBy(cancelled::get).isInstanceOf(CancellationException.class);
  }
}
