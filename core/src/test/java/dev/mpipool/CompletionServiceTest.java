package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinTask;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** The JDK's ExecutorCompletionService on a pool of two local workers. */
@Timeout(60)
@ExtendWith(LocalPools.class)
class CompletionServiceTest {

  private MPIExecutor executor;
  private ExecutorCompletionService<Integer> completion;

  @BeforeEach
  void open() {
    executor = new MPIExecutor();
    completion = new ExecutorCompletionService<>(executor);
  }

  @AfterEach
  void close() {
    executor.shutdownNow();
    executor.close();
  }

  private static Callable<Integer> task(int value) {
    return (Callable<Integer> & Serializable) () -> value;
  }

  private static Callable<Integer> passing(int gate) {
    return (Callable<Integer> & Serializable) () -> Gate.pass(gate);
  }

  private static void fail() {
    throw new IllegalStateException("task");
  }

  @Test
  void nullsAreRefused() {
    assertThatNullPointerException().isThrownBy(() -> completion.submit(null));
    assertThatNullPointerException().isThrownBy(() -> completion.submit(null, 1));
    assertThatNullPointerException()
        .isThrownBy(() -> new ExecutorCompletionService<>(executor, null));
    assertThat(completion.poll()).isNull();
  }

  @Test
  void takeGivesTheFutureThatSubmitGave() throws Exception {
    Future<Integer> callable = completion.submit(task(1));
    Future<Integer> first = completion.take();
    Future<Integer> runnable = completion.submit((Runnable & Serializable) () -> {}, 2);
    Future<Integer> second = completion.take();

    assertThat(first).isSameAs(callable).isDone();
    assertThat(first.get()).isEqualTo(1);
    assertThat(second).isSameAs(runnable).isInstanceOf(CompletableFuture.class);
    assertThat(second.get()).isEqualTo(2);
  }

  @Test
  void pollGivesNothingBeforeATaskIsDone() throws Exception {
    int gate = Gate.make();
    completion.submit(passing(gate));
    Gate.awaitEntered(gate);

    assertThat(completion.poll()).isNull();
    assertThat(completion.poll(Long.MIN_VALUE, TimeUnit.MILLISECONDS)).isNull();
    assertThat(completion.poll(1, TimeUnit.MILLISECONDS)).isNull();
    Gate.open(gate);
    assertThat(completion.poll(20, TimeUnit.SECONDS).get()).isEqualTo(gate);
    assertThat(completion.poll()).isNull();
  }

  @Test
  void whateverBecomesOfATaskItsFutureComes() throws Exception {
    int gate = Gate.make();
    Callable<Integer> plain = () -> 1;
    Future<Integer> cancelled = completion.submit(passing(gate));
    List<Future<Integer>> submitted =
        List.of(
            cancelled,
            completion.submit(task(1)),
            completion.submit((Runnable & Serializable) CompletionServiceTest::fail, 2),
            completion.submit(plain));
    Gate.awaitEntered(gate);
    cancelled.cancel(true);
    List<Future<Integer>> come = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      come.add(completion.poll(20, TimeUnit.SECONDS));
    }

    assertThat(come).containsExactlyInAnyOrderElementsOf(submitted);
    assertThat(cancelled.isCancelled()).isTrue();
    assertThat(submitted.get(1).get()).isEqualTo(1);
    assertThatThrownBy(submitted.get(2)::get)
        .isInstanceOf(ExecutionException.class)
        .hasCauseExactlyInstanceOf(IllegalStateException.class);
    assertThatThrownBy(submitted.get(3)::get)
        .isInstanceOf(ExecutionException.class)
        .hasCauseInstanceOf(TaskSerializationException.class);
  }

  @Test
  void overAWrappedExecutorTheMessageSaysWhatToDo() {
    for (ExecutorService wrapped :
        List.of(
            Executors.unconfigurableExecutorService(executor),
            Executors.unconfigurableExecutorService(
                Executors.unconfigurableExecutorService(executor)))) {
      assertThatThrownBy(() -> new ExecutorCompletionService<Integer>(wrapped).submit(task(1)))
          .isInstanceOf(RejectedExecutionException.class)
          .hasMessageContaining("an ExecutorCompletionService over an executor that wraps")
          .hasMessageContaining("new ExecutorCompletionService<>(executor)")
          .satisfies(e -> assertThat(e.getMessage()).doesNotContain("lambda"));
    }
  }

  @Test
  void futuresAndWrappersOfOthersAreRefusedByWhatTheyAre() {
    Runnable nothing = () -> {};
    for (Runnable future :
        List.<Runnable>of(
            new FutureTask<>(task(1)),
            (Runnable) ForkJoinTask.adapt(task(1)),
            (Runnable) ForkJoinTask.adapt(nothing))) {
      assertThatThrownBy(() -> executor.execute(future))
          .isInstanceOf(RejectedExecutionException.class)
          .hasMessageContaining(future.getClass().getTypeName() + " is a future of this process")
          .hasMessageContaining("executor.submit(...)")
          .satisfies(e -> assertThat(e.getMessage()).doesNotContain("lambda"));
      assertThatThrownBy(() -> executor.submit(future).get(20, TimeUnit.SECONDS))
          .hasCauseInstanceOf(TaskSerializationException.class)
          .hasMessageContaining("is a future of this process");
    }
    assertThatThrownBy(() -> executor.execute(new Thread(nothing)))
        .hasMessageContaining("java.lang.Thread is not serializable. Pass the task itself");
    assertThatThrownBy(() -> executor.submit(Executors.callable(nothing)).get(20, TimeUnit.SECONDS))
        .hasMessageContaining("RunnableAdapter is not serializable. Pass the task itself");
    assertThatThrownBy(() -> executor.execute(nothing)).hasMessageContaining("If it is a lambda");
  }

  @Test
  void theQueueMayBeTheUsersOwn() throws Exception {
    BlockingQueue<Future<Integer>> queue = new LinkedBlockingQueue<>();
    Future<Integer> future = new ExecutorCompletionService<>(executor, queue).submit(task(3));

    assertThat(queue.poll(20, TimeUnit.SECONDS)).isSameAs(future);
  }

  @Test
  void afterShutdownTasksAreRefusedAndThoseBeforeCome() throws Exception {
    int gate = Gate.make();
    Future<Integer> before = completion.submit(passing(gate));
    executor.shutdown();
    assertThatThrownBy(() -> completion.submit(task(1)))
        .isExactlyInstanceOf(RejectedExecutionException.class);
    Gate.open(gate);

    assertThat(completion.poll(20, TimeUnit.SECONDS)).isSameAs(before);
    assertThat(completion.poll()).isNull();
  }

  @Test
  void whatShutdownNowCancelsComesToo() throws Exception {
    LocalPools.workers(1);
    try (MPIExecutor one = new MPIExecutor()) {
      ExecutorCompletionService<Integer> service = new ExecutorCompletionService<>(one);
      int gate = Gate.make();
      Future<Integer> running = service.submit(passing(gate));
      Gate.awaitEntered(gate);
      Future<Integer> queued = service.submit(task(5));
      List<Runnable> never = one.shutdownNow();

      List<Future<Integer>> come = new ArrayList<>();
      come.add(service.poll(20, TimeUnit.SECONDS));
      come.add(service.poll(20, TimeUnit.SECONDS));
      assertThat(come).containsExactlyInAnyOrder(running, queued);
      assertThat(never).hasSize(1);
      assertThat(queued.isCancelled()).isTrue();
    }
  }

  @Test
  void anotherPoolsFutureAndARunningOneAreNoTasks() throws Exception {
    int gate = Gate.make();
    CompletableFuture<Integer> running = executor.submit(() -> Gate.pass(gate));
    Gate.awaitEntered(gate);
    executor.execute((Runnable) running); // as the JDK's FutureTask: it runs already
    assertThat(executor.idling()).isEqualTo(1);
    Gate.open(gate);
    assertThat(running.get(20, TimeUnit.SECONDS)).isEqualTo(gate);
    executor.execute((Runnable) running);

    try (MPIExecutor other = new MPIExecutor()) {
      assertThatThrownBy(() -> other.execute((Runnable) running))
          .isInstanceOf(RejectedExecutionException.class)
          .hasCauseInstanceOf(TaskSerializationException.class);
    }
    assertThat(executor.submit(() -> 1).get(20, TimeUnit.SECONDS)).isEqualTo(1);
  }
}
