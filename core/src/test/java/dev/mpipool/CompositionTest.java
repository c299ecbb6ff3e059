package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Waiting for several futures, steps that follow a task, and what cannot travel, locally. */
@Timeout(60)
@ExtendWith(LocalPools.class)
class CompositionTest {

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

  private static void expect(Future<?> future, Object value) throws Exception {
    assertThat((Object) get(future)).isEqualTo(value);
  }

  private CompletableFuture<Integer> failing() {
    return executor.submit(
        () -> {
          throw new IOException("task");
        });
  }

  private CompletableFuture<Integer> passing(int gate) {
    return executor.submit(() -> Gate.pass(gate));
  }

  @Test
  void waitingForTheFirst() throws Exception {
    int gate = Gate.make();
    CompletableFuture<Integer> slow = passing(gate);
    assertThat(get(CompletableFuture.anyOf(slow, executor.submit(() -> 42)))).isEqualTo(42);
    assertThat(slow).isNotDone();
    assertThat(get(CompletableFuture.anyOf(slow, CompletableFuture.completedFuture(1))))
        .isEqualTo(1);
    assertThatThrownBy(() -> get(CompletableFuture.anyOf(slow, failing())))
        .hasCauseExactlyInstanceOf(IOException.class);
    Gate.open(gate);
  }

  @Test
  void waitingForAllNoLongerThanSo() throws Exception {
    int gate = Gate.make();
    CompletableFuture<Integer> quick = executor.submit(() -> 42);
    CompletableFuture<Integer> slow = passing(gate);
    CompletableFuture<Void> all = CompletableFuture.allOf(quick, slow, failing());
    assertThat(get(quick)).isEqualTo(42);
    assertThatThrownBy(() -> all.get(1, TimeUnit.MILLISECONDS))
        .isInstanceOf(TimeoutException.class);
    assertThat(slow).isNotDone();
    Gate.open(gate);

    assertThatThrownBy(() -> get(all)).hasCauseExactlyInstanceOf(IOException.class);
    assertThat(slow).isCompletedWithValue(gate);
  }

  @Test
  void callbacksSeeFuturesInTheOrderInWhichTheyAreDone() throws Exception {
    int first = Gate.make();
    int second = Gate.make();
    Queue<Integer> come = new ConcurrentLinkedQueue<>();
    CompletableFuture<Void> one = passing(first).thenAccept(come::add);
    CompletableFuture<Void> two = passing(second).thenAccept(come::add);
    Gate.open(second);
    get(two);
    Gate.open(first);
    get(one);

    assertThat(come).containsExactly(second, first);
  }

  @Test
  void stepsFollowATask() throws Exception {
    CompletableFuture<Integer> base = executor.submit(() -> 5);
    expect(base.thenApply(x -> x + 1), 6);
    expect(base.thenCompose(x -> executor.submit(y -> y * y, x)), 25);
    expect(base.thenCombine(executor.submit(() -> 7), Integer::sum), 12);
    CompletableFuture<Object> broken =
        base.thenApply(
            x -> {
              throw new IllegalStateException("step");
            });
    assertThatThrownBy(() -> get(broken)).hasCauseExactlyInstanceOf(IllegalStateException.class);
    assertThat(base).isCompletedWithValue(5);
  }

  @Test
  void stepsFollowATaskThatFailed() throws Exception {
    CompletableFuture<Integer> base = failing();
    assertThat(get(base.exceptionally(e -> -1))).isEqualTo(-1);
    expect(base.handle((value, e) -> e.getMessage()), "task");
    assertThatThrownBy(() -> get(base.thenApply(x -> x + 1)))
        .isInstanceOf(ExecutionException.class)
        .hasCauseExactlyInstanceOf(IOException.class);
    CompletableFuture<Integer> another =
        base.exceptionally(
            e -> {
              throw new CompletionException(new IllegalStateException(e.getMessage()));
            });
    assertThatThrownBy(() -> get(another)).hasCauseExactlyInstanceOf(IllegalStateException.class);
  }

  @Test
  void aStepAfterACancelledTaskFailsAndACancelledStepLeavesTheTask() throws Exception {
    int gate = Gate.make();
    CompletableFuture<Integer> base = passing(gate);
    CompletableFuture<Integer> left = base.thenApply(x -> x);
    CompletableFuture<Integer> step = base.thenApply(x -> x);
    left.cancel(true);
    assertThat(base).isNotDone();
    base.cancel(true);

    assertThatThrownBy(() -> get(step)).hasCauseExactlyInstanceOf(CancellationException.class);
  }

  @Test
  void manyTasks() throws Exception {
    List<CompletableFuture<Integer>> futures = new ArrayList<>();
    for (int i = 0; i < 10_000; i++) {
      futures.add(executor.submit(x -> x, i));
    }
    get(CompletableFuture.allOf(futures.toArray(CompletableFuture[]::new)));

    for (int i = 0; i < 10_000; i++) {
      assertThat(futures.get(i)).isCompletedWithValue(i);
    }
  }

  @Test
  void severalPoolsAtATime() throws Exception {
    try (MPIExecutor second = new MPIExecutor();
        MPIExecutor third = new MPIExecutor()) {
      List<MPIExecutor> pools = List.of(executor, second, third);
      List<CompletableFuture<Integer>> futures = new ArrayList<>();
      for (int i = 0; i < 300; i++) {
        futures.add(pools.get(i % 3).submit(x -> -x, i));
      }
      for (int i = 0; i < 300; i++) {
        assertThat(get(futures.get(i))).isEqualTo(-i);
      }
      second.shutdown();
      assertThat(second.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
      assertThat(get(third.submit(() -> 1))).isEqualTo(1);
    }
  }

  record Good(int value) implements Serializable {}

  private static final class BadToWrite implements Serializable {
    private static final long serialVersionUID = 1;

    private void writeObject(ObjectOutputStream out) throws IOException {
      throw new ArithmeticException("cannot be written");
    }
  }

  private static final class BadToRead implements Serializable {
    private static final long serialVersionUID = 1;

    private void readObject(ObjectInputStream in) throws IOException {
      throw new ArithmeticException("cannot be read");
    }
  }

  @Test
  void whatCannotBeWrittenOrReadFailsItsTaskInBothDirections() throws Exception {
    expect(executor.submit(x -> x, new Good(42)), new Good(42));
    List<CompletableFuture<?>> bad =
        List.of(
            executor.submit(x -> x, new BadToWrite()),
            executor.submit(BadToWrite::new),
            executor.submit(x -> 1, new BadToRead()),
            executor.submit(BadToRead::new));
    for (int i = 0; i < bad.size(); i++) {
      CompletableFuture<?> future = bad.get(i);
      assertThatThrownBy(() -> get(future))
          .isInstanceOf(ExecutionException.class)
          .cause()
          .isInstanceOf(TaskSerializationException.class)
          .hasMessageContaining(i < 2 ? "cannot be written" : "cannot be read")
          .hasRootCauseInstanceOf(ArithmeticException.class);
    }
    assertThat(get(executor.submit(() -> 42))).isEqualTo(42);
  }
}
