package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mpipool.testing.Ranks;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** What mpi4py's tests ask of map with options, and of initializers, on two local workers. */
@Timeout(60)
@ExtendWith(LocalPools.class)
class MapTest {

  private static final List<Integer> ITEMS = IntStream.range(0, 40).boxed().toList();
  private static final List<Integer> SUMS = IntStream.range(0, 40).map(x -> 2 * x).boxed().toList();

  @Test
  void anyChunkSizeWithAnyLookAhead() {
    try (MPIExecutor executor = new MPIExecutor()) {
      for (int chunk : new int[] {1, 2, 6, 39, 40, 50}) {
        assertThat(executor.batch().chunkSize(chunk).map((a, b) -> a + b, ITEMS, ITEMS))
            .isEqualTo(SUMS);
        for (int ahead : new int[] {1, 2, 39, 40, 50}) {
          assertThat(
                  executor
                      .batch()
                      .chunkSize(chunk)
                      .lookAhead(ahead)
                      .map((a, b) -> a + b, ITEMS, ITEMS))
              .isEqualTo(SUMS);
        }
      }
    }
  }

  @Test
  void unorderedGivesTheSameResults() {
    try (MPIExecutor executor = new MPIExecutor()) {
      for (int chunk : new int[] {1, 6, 40, 50}) {
        assertThat(executor.batch().unordered().chunkSize(chunk).map((a, b) -> a + b, ITEMS, ITEMS))
            .containsExactlyInAnyOrderElementsOf(SUMS);
      }
    }
  }

  @Test
  void unorderedGivesFirstWhatIsDoneFirst() {
    try (MPIExecutor executor = new MPIExecutor()) {
      int gate = Gate.make();
      try (Stream<Integer> results =
          executor
              .batch()
              .unordered()
              .chunkSize(1)
              .map(x -> x == 0 ? Gate.pass(gate) : -x, List.of(0, 1, 2))) {
        Iterator<Integer> come = results.iterator();
        assertThat(come.next()).isEqualTo(-1);
        assertThat(come.next()).isEqualTo(-2);
        Gate.open(gate);
        assertThat(come.next()).isEqualTo(gate);
        assertThat(come.hasNext()).isFalse();
      }
    }
  }

  @Test
  void resultsBeforeAFailureCome() {
    try (MPIExecutor executor = new MPIExecutor();
        Stream<Integer> results =
            executor.map((a, b) -> a / b, List.of(6, 6, 6, 6), List.of(2, 3, 0, 6))) {
      Iterator<Integer> come = results.iterator();
      assertThat(come.next()).isEqualTo(3);
      assertThat(come.next()).isEqualTo(2);
      assertThatThrownBy(come::next)
          .isExactlyInstanceOf(CompletionException.class)
          .hasCauseExactlyInstanceOf(ArithmeticException.class);
    }
  }

  @Test
  void anUnorderedFailureComesAfterAtMostTheOtherResults() {
    try (MPIExecutor executor = new MPIExecutor()) {
      List<Integer> come = new ArrayList<>();
      assertThatThrownBy(
              () ->
                  executor
                      .batch()
                      .unordered()
                      .map((a, b) -> a / b, List.of(6, 6, 6, 6), List.of(2, 3, 0, 6))
                      .forEach(come::add))
          .isExactlyInstanceOf(CompletionException.class)
          .hasCauseExactlyInstanceOf(ArithmeticException.class);
      assertThat(List.of(3, 2, 1)).containsAll(come);
    }
  }

  private static List<Integer> untilTheTimeIsOver(MPIExecutor executor, BatchBuilder options) {
    int gate = Gate.make();
    List<Integer> come = new ArrayList<>();
    assertThatThrownBy(
            () ->
                options
                    .chunkSize(1)
                    .timeout(Duration.ofSeconds(2))
                    .map(x -> x == 9 ? Gate.pass(gate) : x, List.of(1, 2, 9))
                    .forEach(come::add))
        .isExactlyInstanceOf(CompletionException.class)
        .hasCauseInstanceOf(TimeoutException.class);
    assertThat(executor.submitToAll(() -> 1).join()).containsExactly(1, 1);
    return come;
  }

  @Tag("slow")
  @Test
  void resultsBeforeATimeoutComeAndTheWorkersAreFree() {
    try (MPIExecutor executor = new MPIExecutor()) {
      assertThat(untilTheTimeIsOver(executor, executor.batch())).containsExactly(1, 2);
      assertThat(untilTheTimeIsOver(executor, executor.batch().unordered()))
          .containsExactlyInAnyOrder(1, 2);
    }
  }

  @Test
  void aTimeoutThatIsNotReachedChangesNothing() {
    try (MPIExecutor executor = new MPIExecutor()) {
      for (BatchBuilder options : List.of(executor.batch(), executor.batch().unordered())) {
        assertThat(options.timeout(Duration.ofSeconds(50)).map(x -> 1, List.of(1, 2, 3)))
            .containsExactly(1, 1, 1);
      }
    }
  }

  @Test
  void aPoolWithAnInitializerMayBeShutDownWhileItRuns() throws Exception {
    int gate = Gate.make();
    MPIExecutor executor = MPIExecutor.builder().initializer(() -> Gate.pass(gate)).open();
    CompletableFuture<Integer> task = executor.submit(() -> 5);
    Gate.awaitEntered(gate);
    executor.shutdown();
    assertThat(executor.isTerminated()).isFalse();
    Gate.open(gate);

    assertThat(executor.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
    assertThat(task).isCompletedWithValue(5);
  }

  @Test
  void aPoolWhoseInitializerFailsEndsHoweverItIsLeft() throws Exception {
    for (boolean waiting : new boolean[] {true, false}) {
      int gate = Gate.make();
      MPIExecutor executor =
          MPIExecutor.builder()
              .initializer(
                  () -> {
                    Gate.pass(gate);
                    throw new IllegalStateException("no licence");
                  })
              .open();
      CompletableFuture<Integer> cancelled = executor.submit(() -> 1);
      assertThat(cancelled.cancel(true)).isTrue();
      CompletableFuture<Integer> task = executor.submit(() -> 1);
      if (!waiting) {
        executor.shutdown();
      }
      Gate.open(gate);
      assertThatThrownBy(() -> task.get(20, TimeUnit.SECONDS))
          .isInstanceOf(ExecutionException.class)
          .hasCauseInstanceOf(BrokenExecutorException.class)
          .hasRootCauseMessage("no licence");
      assertThat(cancelled).isCancelled();
      executor.shutdown();
      assertThat(executor.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
      assertThat(executor.size()).isZero();
    }
  }

  @Test
  void manyPoolsWithInitializersAtATime() throws Exception {
    List<FutureTask<Integer>> users = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      int number = i;
      users.add(
          Ranks.start(
              "test-user-" + i,
              () -> {
                try (MPIExecutor executor =
                    MPIExecutor.builder().initializer(() -> Thread.sleep(number)).open()) {
                  return executor.batch().unordered().map(x -> x + number, ITEMS).toList().size();
                }
              }));
    }
    for (FutureTask<Integer> user : users) {
      assertThat(Ranks.result(user)).isEqualTo(40);
    }
    assertThatNullPointerException().isThrownBy(() -> MPIExecutor.builder().initializer(null));
  }
}
