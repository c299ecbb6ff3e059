package dev.mpipool.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Maps over a real Grid Engine. */
@Timeout(300)
class GridEngineIT {

  private static RealScheduler gridEngine;

  @BeforeAll
  static void start() throws Exception {
    gridEngine = RealScheduler.start("grid-engine", "sge_qmaster");
  }

  @AfterAll
  static void stop() throws Exception {
    if (gridEngine != null) {
      gridEngine.stop();
    }
  }

  @AfterEach
  void nothingIsLeft() {
    if (gridEngine != null) {
      await()
          .atMost(Duration.ofSeconds(15))
          .untilAsserted(() -> assertThat(gridEngine.left()).isEmpty());
    }
  }

  @Test
  void thirtyTasks() throws Exception {
    gridEngine
        .program("sge", "thirty")
        .assertResult(8555)
        .assertNeverSaid("submitted again")
        .assertNeverSaid("LEFT");
  }

  @Test
  void jobsHeldInTheErrorStateUntilTheirOutputCanBeWritten() throws Exception {
    gridEngine
        .program("sge", "unwritable")
        .assertResult(5)
        .assertSaid("HELD Eqw")
        .assertSaid("(chunk 0) is in the state Eqw; it is deleted")
        .assertSaid("Chunk 0 is submitted again, 1 of 10 times: it was held in the state Eqw");
  }

  @Test
  void aJobDeletedBehindThePoolsBack() throws Exception {
    gridEngine
        .program("sge", "deleted")
        .assertResult(14)
        .assertSaid("DELETED ")
        .assertSaid("Chunk 2 is submitted again, 1 of 10 times");
  }

  @Test
  void aWorkerKilled() throws Exception {
    gridEngine
        .program("sge", "killed")
        .assertResult(14)
        .assertSaid("Chunk 2 is submitted again, 1 of 10 times");
  }

  @Test
  void theMasterIsDownForTenSeconds() throws Exception {
    RealScheduler.Run run = gridEngine.program("sge", "slow");
    await().atMost(Duration.ofSeconds(60)).until(() -> run.text().contains("4 running"));
    gridEngine.stopController();
    try {
      await().atMost(Duration.ofSeconds(30)).until(() -> run.text().contains("does not answer"));
      Thread.sleep(10_000); // the time that it is to be down
    } finally {
      gridEngine.startController();
    }
    run.release();

    run.assertResult(506).assertSaid("answers again").assertNeverSaid("submitted again");
  }

  @Test
  void aThousandTasksInFiftyChunks() throws Exception {
    gridEngine.program("sge", "thousand").assertResult(332_833_500).assertSaid("of 50 done");
  }
}
