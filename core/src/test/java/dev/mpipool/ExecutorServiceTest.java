package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** What java.util.concurrent asks of an ExecutorService, on local workers. */
@Timeout(60)
@ExtendWith(LocalPools.class)
class ExecutorServiceTest {

  private MPIExecutor executor;

  @BeforeEach
  void open() {
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

  private static Callable<Integer> task(int value) {
    return (Callable<Integer> & Serializable) () -> value;
  }

  private static Callable<Integer> failing() {
    return (Callable<Integer> & Serializable)
        () -> {
          throw new IllegalStateException("task");
        };
  }

  private static Callable<Integer> passing(int gate) {
    return (Callable<Integer> & Serializable) () -> Gate.pass(gate);
  }

  @Test
  void aTaskThatCapturesItsPoolIsToldThatTasksCannotSubmit() {
    MPIExecutor pool = executor;

    CompletableFuture<Integer> outer = executor.submit(() -> pool.submit(() -> 1).get());

    assertThatThrownBy(() -> get(outer))
        .hasCauseInstanceOf(TaskSerializationException.class)
        .hasMessageContaining("captured dev.mpipool.MPIExecutor")
        .hasMessageContaining("A task cannot submit to its own pool");
  }

  @Test
  void everySubmitReturnsItsResult() throws Exception {
    Runnable nothing = (Runnable & Serializable) () -> {};
    Object known = new Object();

    assertThat(get(executor.submit(() -> 6 * 7))).isEqualTo(42);
    assertThat(get(executor.submit(task(5)))).isEqualTo(5);
    assertThat(get(executor.submit(() -> {}))).isNull();
    assertThat(get(executor.submit(nothing))).isNull();
    assertThat(get(executor.submit(nothing, known))).isSameAs(known);
    assertThat(get(executor.submit(() -> {}, known))).isSameAs(known);
    Future<Integer> square = executor.submit(x -> x * x, 5);
    assertThat(get(square)).isEqualTo(25);
    Future<Integer> two = executor.submit((a, b) -> a + b, 1, 2);
    assertThat(get(two)).isEqualTo(3);
    Future<Integer> three = executor.submit((a, b, c) -> a + b + c, 1, 2, 3);
    assertThat(get(three)).isEqualTo(6);
    Future<String> none = executor.submit(x -> x == null ? null : "some", (String) null);
    assertThat(get(none)).isNull();
  }

  @Test
  void tasksRunOnWorkersOneEach() throws Exception {
    int one = Gate.make();
    int two = Gate.make();
    Future<Integer> first =
        executor.submit(
            () -> {
              Gate.pass(one);
              return MPIExecutor.currentRank();
            });
    Future<Integer> second =
        executor.submit(
            () -> {
              Gate.pass(two);
              return MPIExecutor.currentRank();
            });
    Gate.awaitEntered(one);
    Gate.awaitEntered(two);
    assertThat(executor.size()).isEqualTo(2);
    assertThat(executor.idling()).isZero();
    Gate.open(one);
    Gate.open(two);

    assertThat(Set.of(get(first), get(second))).containsExactlyInAnyOrder(1, 2);
    assertThat(executor.idling()).isEqualTo(2);
    assertThatThrownBy(MPIExecutor::currentRank).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void executeRunsTheTask() throws Exception {
    int gate = Gate.make();
    executor.execute(() -> Gate.pass(gate));
    Gate.awaitEntered(gate);
    Gate.open(gate);
    executor.execute((Runnable & Serializable) () -> {});
  }

  @Test
  void nullsAreRefused() {
    assertThatNullPointerException().isThrownBy(() -> executor.execute((Runnable) null));
    assertThatNullPointerException().isThrownBy(() -> executor.submit((Runnable) null));
    assertThatNullPointerException().isThrownBy(() -> executor.submit((Callable<?>) null));
    assertThatNullPointerException()
        .isThrownBy(() -> executor.submit((SerializableCallable<?>) null));
    assertThatNullPointerException().isThrownBy(() -> executor.submit((Runnable) null, "x"));
    assertThatNullPointerException()
        .isThrownBy(() -> executor.submit((SerializableFunction<Integer, Integer>) null, 1));
  }

  @Test
  void aCompletionServiceGivesResultsAsTheyCome() throws Exception {
    ExecutorCompletionService<Integer> completion = new ExecutorCompletionService<>(executor);
    int gate = Gate.make();
    Future<Integer> slow = completion.submit(passing(gate));
    List<Future<Integer>> quick = new ArrayList<>();
    List<Future<Integer>> come = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      quick.add(completion.submit(task(i)));
    }
    quick.add(completion.submit(failing()));
    quick.add(completion.submit((Runnable & Serializable) () -> {}, 5));
    for (int i = 0; i < 12; i++) {
      Future<Integer> next = completion.poll(20, TimeUnit.SECONDS);
      assertThat(next.isDone()).isTrue();
      come.add(next);
    }
    assertThat(come).containsExactlyInAnyOrderElementsOf(quick);
    assertThat(completion.poll()).isNull();
    Gate.open(gate);
    assertThat(completion.poll(20, TimeUnit.SECONDS)).isSameAs(slow);
    assertThat(slow.get()).isEqualTo(gate);
  }

  @Test
  void aFutureTaskIsRefusedAlsoAfterAFailedInvokeAll() {
    FutureTask<Integer> mine = new FutureTask<>(() -> 1);
    assertThatNullPointerException()
        .isThrownBy(() -> executor.invokeAll(Arrays.asList(task(1), null), 20, TimeUnit.SECONDS));

    assertThatThrownBy(() -> executor.execute(mine))
        .isInstanceOf(RejectedExecutionException.class)
        .hasCauseInstanceOf(TaskSerializationException.class);
    assertThat(mine.isDone()).isFalse();
  }

  @Test
  void aLambdaThroughExecutorServiceIsToldTheCureAndTheNextTaskRuns() throws Exception {
    ExecutorService plain = executor;
    Future<Integer> future = plain.submit(() -> 1);

    assertThatThrownBy(() -> get(future))
        .isInstanceOf(ExecutionException.class)
        .cause()
        .isInstanceOf(TaskSerializationException.class)
        .hasMessageContaining("lambda in " + ExecutorServiceTest.class.getName())
        .hasMessageContaining("variable of type MPIExecutor")
        .hasMessageContaining("& Serializable");
    assertThatThrownBy(() -> plain.execute(() -> {}))
        .isInstanceOf(RejectedExecutionException.class)
        .hasCauseInstanceOf(TaskSerializationException.class);
    assertThat(get(executor.submit(() -> 2))).isEqualTo(2);
  }

  @Test
  void whoWaitsForAResultMayBeInterruptedAndTheTaskGoesOn() throws Exception {
    int gate = Gate.make();
    Future<Integer> future = executor.submit(() -> Gate.pass(gate));
    Thread.currentThread().interrupt();
    assertThatThrownBy(future::get).isInstanceOf(InterruptedException.class);
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> future.get(20, TimeUnit.SECONDS))
        .isInstanceOf(InterruptedException.class);
    assertThatThrownBy(() -> future.get(1, TimeUnit.MILLISECONDS))
        .isInstanceOf(TimeoutException.class);
    Gate.open(gate);

    assertThat(get(future)).isEqualTo(gate);
  }

  @Test
  void anInterruptedThreadMaySubmit() throws Exception {
    Thread.currentThread().interrupt();
    Future<Integer> future = executor.submit(() -> 1);

    assertThat(Thread.interrupted()).isTrue();
    assertThat(get(future)).isEqualTo(1);
  }

  @Test
  void aTaskThatFailsUnheardLeavesItsWorkerAlone() throws Exception {
    for (int i = 0; i < 10; i++) {
      executor.execute(
          () -> {
            throw new StackOverflowError("unheard");
          });
    }

    assertThat(get(executor.submit(() -> 1))).isEqualTo(1);
    assertThat(executor.size()).isEqualTo(2);
  }

  @Test
  void aTaskCannotUseItsPool() throws Exception {
    shared = executor;
    for (CompletableFuture<?> future :
        List.of(
            executor.submit(() -> shared.submit(() -> 1)),
            executor.submit(() -> shared.execute(() -> {})),
            executor.submit(() -> shared.close()))) {
      assertThatThrownBy(() -> get(future))
          .isInstanceOf(ExecutionException.class)
          .cause()
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("A task cannot");
    }
    assertThat(executor.isOpen()).isTrue();
  }

  /** Seen by tasks, as they run in this process. */
  private static volatile MPIExecutor shared;

  @Test
  void afterShutdownTasksAreRefusedAndAcceptedOnesRun() throws Exception {
    int gate = Gate.make();
    Future<Integer> running = executor.submit(() -> Gate.pass(gate));
    assertThat(executor.isShutdown()).isFalse();
    executor.shutdown();
    assertThat(executor.isShutdown()).isTrue();
    assertThat(executor.isOpen()).isFalse();
    assertThat(executor.isTerminated()).isFalse();
    assertThat(executor.awaitTermination(1, TimeUnit.MILLISECONDS)).isFalse();
    assertThatThrownBy(() -> executor.submit(() -> 1))
        .isExactlyInstanceOf(RejectedExecutionException.class);
    assertThatThrownBy(() -> executor.execute(() -> {}))
        .isExactlyInstanceOf(RejectedExecutionException.class);
    ExecutorService plain = executor;
    assertThatThrownBy(() -> plain.submit(() -> 1)) // though it could not travel either
        .isExactlyInstanceOf(RejectedExecutionException.class)
        .hasMessageContaining("shut down");
    assertThatThrownBy(() -> plain.execute(() -> {}))
        .isExactlyInstanceOf(RejectedExecutionException.class)
        .hasMessageContaining("shut down");
    assertThatNullPointerException().isThrownBy(() -> plain.submit((Runnable) null));
    Gate.open(gate);

    assertThat(get(running)).isEqualTo(gate);
    assertThat(executor.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
    assertThat(executor.isTerminated()).isTrue();
    assertThat(executor.size()).isZero();
  }
}
