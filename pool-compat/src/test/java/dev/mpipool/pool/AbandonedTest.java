package dev.mpipool.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Streams of endless elements that are read half-way and dropped. */
@Timeout(120)
@ExtendWith(TwoWorkers.class)
class AbandonedTest {

  private static long feeders() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("mpipool-batch"))
        .count();
  }

  @Test
  void terminalOperationsLeaveNothingBehind() {
    try (MPIPool pool = new MPIPool()) {
      for (int i = 0; i < 100; i++) {
        assertThat(pool.imap(x -> x, new Endless()).limit(10).toList()).hasSize(10);
        assertThat(pool.imapUnordered(x -> x, new Endless()).findFirst()).isPresent();
      }

      await() // without any gc()
          .atMost(Duration.ofSeconds(40))
          .untilAsserted(() -> assertThat(feeders()).isZero());
    }
  }

  @Test
  void iteratorsThatAreDroppedLeaveNothingBehind() {
    try (MPIPool pool = new MPIPool()) {
      for (int i = 0; i < 20; i++) {
        assertThat(pool.imap(x -> x, new Endless()).iterator().next()).isNotNull();
        assertThat(pool.imapUnordered(x -> x, new Endless()).iterator().next()).isNotNull();
      }

      await()
          .atMost(Duration.ofSeconds(40))
          .untilAsserted(
              () -> {
                System.gc();
                assertThat(feeders()).isZero();
              });
      assertThat(pool.apply(() -> 1)).isEqualTo(1);
    }
  }
}
