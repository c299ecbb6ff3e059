package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** What a pool says of itself once it can run nothing any more. */
@Timeout(60)
@ExtendWith(LocalPools.class)
class BrokenPoolTest {

  private static void assertHasNoWorkers(MPIExecutor executor) {
    assertThat(executor.isOpen()).isFalse();
    assertThat(executor.size()).isZero();
    assertThat(executor.idling()).isZero();
    assertThatThrownBy(() -> executor.submit(() -> 1)).isInstanceOf(BrokenExecutorException.class);
    assertThatThrownBy(() -> executor.submitGroup(1, group -> 1))
        .isInstanceOf(BrokenExecutorException.class);
  }

  @Test
  void anInitializerThatFailsOnOneWorkerLetsOthersWorkBefore() throws Exception {
    int gate = Gate.make();
    try (MPIExecutor executor =
        MPIExecutor.builder()
            .initializer(
                () -> {
                  if (MPIExecutor.currentRank() == 2) {
                    Gate.pass(gate);
                    throw new IllegalStateException("no licence");
                  }
                })
            .open()) {
      Gate.awaitEntered(gate);
      assertThat(executor.size()).isEqualTo(2);
      CompletableFuture<Integer> first = executor.submit(() -> MPIExecutor.currentRank());
      CompletableFuture<Integer> second = executor.submit(() -> MPIExecutor.currentRank());
      assertThat(CompletableFuture.anyOf(first, second).get(20, TimeUnit.SECONDS)).isEqualTo(1);
      assertThat(executor.isOpen()).isTrue();
      Gate.open(gate);
      await().atMost(20, TimeUnit.SECONDS).until(() -> !executor.isOpen());
      assertHasNoWorkers(executor);
      executor.shutdown();
      assertHasNoWorkersAfterShutdown(executor);
    }
  }

  private static void assertHasNoWorkersAfterShutdown(MPIExecutor executor) {
    assertThat(executor.size()).isZero();
    assertThat(executor.idling()).isZero();
  }

  @Test
  void anInitializerThatCannotTravel() {
    Object captured = new Object();
    try (MPIExecutor executor =
        MPIExecutor.builder().initializer(() -> System.out.println(captured)).open()) {
      assertHasNoWorkers(executor);
    }
  }
}
