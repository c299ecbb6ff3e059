package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** What each worker does or gets once: initializer, submitToAll, broadcast; and its threads. */
@Timeout(60)
@ExtendWith(LocalPools.class)
class OncePerWorkerTest {

  private static final Map<Integer, Integer> INITIALIZED = new ConcurrentHashMap<>();
  private static final AtomicInteger RUNS = new AtomicInteger();
  private static volatile CyclicBarrier meeting;

  @Test
  void theInitializerRunsOnEveryWorkerBeforeItsFirstTask() throws Exception {
    INITIALIZED.clear();
    LocalPools.workers(3);
    try (MPIExecutor executor =
        MPIExecutor.builder()
            .threadsPerWorker(2)
            .initializer(
                () -> {
                  Thread.sleep(20); // tasks that did not wait would come first
                  INITIALIZED.merge(MPIExecutor.currentRank(), 1, Integer::sum);
                })
            .open()) {
      List<CompletableFuture<Integer>> seen = new ArrayList<>();
      for (int i = 0; i < 30; i++) {
        seen.add(executor.submit(() -> INITIALIZED.get(MPIExecutor.currentRank())));
      }
      for (CompletableFuture<Integer> future : seen) {
        assertThat(future.get()).isEqualTo(1);
      }
      executor.submitToAll(() -> 1).get();
    }
    assertThat(INITIALIZED).containsOnlyKeys(1, 2, 3);
  }

  @Test
  void aFailingInitializerBreaksThePool() throws Exception {
    int gate = Gate.make();
    int before = RUNS.get();
    MPIExecutor executor =
        MPIExecutor.builder()
            .initializer(
                () -> {
                  Gate.pass(gate);
                  throw new IllegalStateException("no licence");
                })
            .open();
    CompletableFuture<Integer> pending = executor.submit(() -> RUNS.incrementAndGet());
    Batch<Integer> batch = executor.submitBatch(x -> x, List.of(1, 2, 3));
    Gate.open(gate);
    assertThatThrownBy(() -> pending.get(20, TimeUnit.SECONDS))
        .isInstanceOf(ExecutionException.class)
        .hasCauseInstanceOf(BrokenExecutorException.class)
        .hasRootCauseInstanceOf(IllegalStateException.class)
        .hasRootCauseMessage("no licence");
    assertThatThrownBy(batch::results).hasRootCauseMessage("no licence");
    assertThatThrownBy(() -> executor.submit(() -> 1))
        .isInstanceOf(BrokenExecutorException.class)
        .hasRootCauseMessage("no licence");
    assertThat(executor.isOpen()).isFalse();
    executor.close();
    assertThat(RUNS.get()).isEqualTo(before);
  }

  @Test
  void anInitializerThatCannotTravelBreaksThePool() {
    Object captured = new Object();
    try (MPIExecutor executor =
        MPIExecutor.builder().initializer(() -> RUNS.addAndGet(captured.hashCode())).open()) {
      assertThatThrownBy(() -> executor.submit(() -> 1))
          .isInstanceOf(BrokenExecutorException.class)
          .hasCauseInstanceOf(TaskSerializationException.class)
          .hasStackTraceContaining("java.lang.Object");
    }
  }

  @Test
  void submitToAllRunsOnceOnEveryWorkerInTheOrderOfRanks() throws Exception {
    LocalPools.workers(4);
    try (MPIExecutor executor = new MPIExecutor()) {
      assertThat(executor.submitToAll(() -> MPIExecutor.currentRank()).get())
          .containsExactly(1, 2, 3, 4);
      CompletableFuture<List<Integer>> failing =
          executor.submitToAll(() -> 6 / (MPIExecutor.currentRank() - 2));
      assertThatThrownBy(failing::get).hasCauseInstanceOf(ArithmeticException.class);
    }
  }

  @Test
  void submitToAllWaitsForBusyWorkersAndCanBeCancelled() throws Exception {
    try (MPIExecutor executor = new MPIExecutor()) {
      int gate = Gate.make();
      CompletableFuture<Integer> busy = executor.submit(() -> Gate.pass(gate));
      Gate.awaitEntered(gate);
      int closed = Gate.make();
      int before = RUNS.get();
      CompletableFuture<List<Integer>> all = executor.submitToAll(() -> RUNS.incrementAndGet());
      CompletableFuture<List<Integer>> cancelled =
          executor.submitToAll(() -> Gate.pass(closed) + RUNS.addAndGet(1000));
      assertThat(all).isNotDone();
      assertThat(cancelled.cancel(true)).isTrue();
      Gate.open(gate);
      assertThat(busy.get()).isEqualTo(gate);
      assertThat(new HashSet<>(all.get())).isEqualTo(Set.of(before + 1, before + 2));
      assertThat(executor.submit(() -> RUNS.get()).get()).isEqualTo(before + 2);
    }
  }

  @Test
  void aBroadcastValueIsReadOncePerWorker() throws Exception {
    try (MPIExecutor executor = new MPIExecutor()) {
      Counted.READ.set(0);
      Counted value = new Counted();
      Broadcast<Counted> handle = executor.broadcast(value);
      assertThat(handle.value()).isSameAs(value);
      List<Double> read =
          executor.map(x -> handle.value().numbers[x], List.of(1, 2, 3, 4, 5, 6)).toList();
      assertThat(read).containsExactly(1.0, 2.0, 3.0, 4.0, 5.0, 6.0);
      for (int i = 0; i < 10; i++) {
        assertThat(executor.submit(() -> handle.value().numbers[9]).get()).isEqualTo(9);
      }
      assertThat(Counted.READ.get()).isBetween(1, 2);
      handle.close();
      handle.close();
      assertThatThrownBy(handle::value).isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(() -> executor.submit(() -> handle.value().numbers[0]).get())
          .hasCauseInstanceOf(TaskSerializationException.class)
          .hasStackTraceContaining("has been closed");
    }
  }

  /** Counts how often it has been read. */
  private static final class Counted implements Serializable {
    private static final long serialVersionUID = 1;
    static final AtomicInteger READ = new AtomicInteger();
    final double[] numbers = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

    private Object readResolve() {
      READ.incrementAndGet();
      return this;
    }
  }

  @Test
  @SuppressWarnings("try") // the task that closes it is to fail
  void aBroadcastHandleIsForTasksOnly() throws Exception {
    try (MPIExecutor executor = new MPIExecutor();
        Broadcast<String> handle = executor.broadcast("value")) {
      assertThatThrownBy(() -> executor.submit(() -> handle).get())
          .hasCauseInstanceOf(TaskSerializationException.class)
          .hasStackTraceContaining("not back");
      assertThatThrownBy(() -> executor.submit(() -> handle.close()).get())
          .hasCauseInstanceOf(IllegalStateException.class);
      assertThatThrownBy(() -> executor.broadcast(new Object()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("java.lang.Object is not serializable");
      assertThat(executor.submit(() -> handle.value()).get()).isEqualTo("value");
    }
  }

  @Test
  void aWorkerRunsAsManyTasksAtATimeAsItHasThreads() throws Exception {
    LocalPools.workers(1);
    meeting = new CyclicBarrier(3);
    try (MPIExecutor executor = MPIExecutor.builder().threadsPerWorker(3).open()) {
      assertThat(executor.size()).isEqualTo(1);
      List<CompletableFuture<Integer>> together = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        together.add(
            executor.submit(
                () -> {
                  meeting.await(20, TimeUnit.SECONDS);
                  return MPIExecutor.currentRank();
                }));
      }
      for (CompletableFuture<Integer> future : together) {
        assertThat(future.get()).isEqualTo(1);
      }
    }
    assertThat(catchThrowable(() -> MPIExecutor.builder().threadsPerWorker(0)))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
