package dev.mpipool.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Maps over a real Slurm. */
@Timeout(300)
class SlurmIT {

  private static RealScheduler slurm;

  @BeforeAll
  static void start() throws Exception {
    slurm = RealScheduler.start("slurm", "slurmctld");
  }

  @AfterAll
  static void stop() throws Exception {
    if (slurm != null) {
      slurm.stop();
    }
  }

  @AfterEach
  void nothingIsLeft() {
    if (slurm != null) {
      await()
          .atMost(Duration.ofSeconds(15))
          .untilAsserted(() -> assertThat(slurm.left()).isEmpty());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"slurm", "slurm-array"})
  void thirtyTasks(String kind) throws Exception {
    slurm
        .program(kind, "thirty")
        .assertResult(8555)
        .assertNeverSaid("submitted again")
        .assertNeverSaid("LEFT");
  }

  @Test
  void jobsThatSlurmCannotStartAreSubmittedAgain() throws Exception {
    slurm
        .program("slurm", "unwritable")
        .assertResult(5)
        .assertSaid("submitted again, 1 of 10 times");
  }

  @ParameterizedTest
  @ValueSource(strings = {"slurm", "slurm-array"})
  void aJobCancelledBehindThePoolsBack(String kind) throws Exception {
    slurm
        .program(kind, "deleted")
        .assertResult(14)
        .assertSaid("DELETED ")
        .assertSaid("Chunk 2 is submitted again, 1 of 10 times");
  }

  @Test
  void aWorkerKilled() throws Exception {
    slurm
        .program("slurm-array", "killed")
        .assertResult(14)
        .assertSaid("Chunk 2 is submitted again, 1 of 10 times");
  }

  @Test
  void theControllerIsDownForTenSeconds() throws Exception {
    RealScheduler.Run run = slurm.program("slurm", "slow");
    await().atMost(Duration.ofSeconds(60)).until(() -> run.text().contains("running, 0 pending"));
    slurm.stopController();
    try {
      await().atMost(Duration.ofSeconds(30)).until(() -> run.text().contains("does not answer"));
      Thread.sleep(10_000); // the time that it is to be down
    } finally {
      slurm.startController();
    }
    run.release();

    run.assertResult(506).assertNeverSaid("submitted again");
  }

  @Test
  void aThousandTasksInFiftyChunks() throws Exception {
    slurm.program("slurm-array", "thousand").assertResult(332_833_500).assertSaid("of 50 done");
  }

  /** 500 jobs take two minutes of two cores; {@code -Dmpipool.test.array=500} runs them. */
  @Test
  void anArray() throws Exception {
    int size = Integer.getInteger("mpipool.test.array", 60);
    int sum = IntStream.range(0, size).map(i -> i * i).sum();

    slurm
        .program("slurm-array", "array")
        .assertResult(sum)
        .assertSaid("of %d done".formatted(size));
  }
}
