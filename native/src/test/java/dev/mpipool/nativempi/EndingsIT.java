package dev.mpipool.nativempi;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** How jobs end: with rank 0's exit code, and without a process that is left. */
class EndingsIT {

  private static final int RANKS = 3;

  /** What rank 0 says of a rank that was killed. */
  private static final String LOST = "mpipool: lost rank";

  private static void assertExitCode(Mpi mpi, int code, String... arguments) throws Exception {
    assertThat(exitCodeOf(mpi, "", arguments)).as(String.join(" ", arguments)).isEqualTo(code);
  }

  /** What the job prints contains a text. */
  private static int exitCodeOf(Mpi mpi, String text, String... arguments) throws Exception {
    try (Job job = mpi.start(RANKS, Endings.class, arguments)) {
      List<ProcessHandle> ranks = job.ranks(RANKS);
      int code = job.exitCode();
      assertGone(ranks);
      assertThat(job.output()).contains(text).doesNotContain(LOST);
      return code;
    }
  }

  private static void assertGone(List<ProcessHandle> ranks) {
    Awaitility.await()
        .atMost(Duration.ofSeconds(10))
        .untilAsserted(() -> assertThat(ranks).noneMatch(ProcessHandle::isAlive));
  }

  @ParameterizedTest
  @EnumSource
  void whetherRanksFinishOrReturn(Mpi mpi) throws Exception {
    assertExitCode(mpi, 0, "all-finish");
    assertExitCode(mpi, 0, "all-return");
    assertExitCode(mpi, 7, "finish-last", "0", "7");
  }

  @ParameterizedTest
  @EnumSource
  void rank0EndsTheOthersByWhateverEndsIt(Mpi mpi) throws Exception {
    assertExitCode(mpi, 0, "return", "0");
    assertExitCode(mpi, 0, "exit", "0", "0");
    assertExitCode(mpi, 7, "exit", "0", "7");
    assertExitCode(mpi, 1, "throw", "0");
    assertExitCode(mpi, 7, "finish-alone", "0", "7");
    assertExitCode(mpi, 0, "finish-alone", "0", "0");
  }

  @ParameterizedTest
  @EnumSource
  void theOthersAreThereUntilTheLastShutdownHookOfRank0(Mpi mpi) throws Exception {
    assertThat(exitCodeOf(mpi, "answered in a hook", "exit-with-hook", "0", "5")).isEqualTo(5);
  }

  @ParameterizedTest
  @EnumSource
  void anyRankCanAbortTheJob(Mpi mpi) throws Exception {
    assertExitCode(mpi, 9, "abort", "0", "9");
    assertExitCode(mpi, 9, "abort", "1", "9");
  }

  @ParameterizedTest
  @EnumSource
  void aRankThatExitsIsLostToTheOthers(Mpi mpi) throws Exception {
    String text = "rank 1 is lost: its process has ended";
    assertThat(exitCodeOf(mpi, text, "exit", "1", "0")).isEqualTo(4);
    assertThat(exitCodeOf(mpi, text, "exit", "1", "3")).isEqualTo(4);
    assertThat(exitCodeOf(mpi, text, "throw", "1")).isEqualTo(4);
  }

  @ParameterizedTest
  @EnumSource
  void aRankThatIsKilledEndsTheJob(Mpi mpi) throws Exception {
    for (int killed = 0; killed < RANKS; killed++) {
      try (Job job = mpi.start(RANKS, Endings.class, "wait", "-1")) {
        List<ProcessHandle> ranks = job.ranks(RANKS);
        assertThat(ranks).as(job.output()).hasSize(RANKS);
        ranks.get(killed).destroyForcibly();
        assertThat(job.exitCode()).isNotZero();
        assertGone(ranks);
        // MPICH's launcher kills rank 0 at once.
        if (mpi == Mpi.OPEN_MPI && killed > 0) {
          assertThat(job.output())
              .containsOnlyOnce(LOST + " " + killed + ": ")
              .containsOnlyOnce(LOST)
              .contains("--with-ft ulfm, survive the loss of a worker");
        } else {
          assertThat(job.output()).doesNotContain(LOST);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aRankThatHaltsIsLost(Mpi mpi) throws Exception {
    try (Job job = mpi.start(RANKS, Endings.class, "halt", "2", "3")) {
      List<ProcessHandle> ranks = job.ranks(RANKS);
      assertThat(job.exitCode()).isNotZero();
      assertGone(ranks);
      if (mpi == Mpi.OPEN_MPI) {
        assertThat(job.output()).containsOnlyOnce(LOST + " 2: ");
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void noRankOutlivesItsLauncher(Mpi mpi) throws Exception {
    try (Job job = mpi.start(RANKS, Endings.class, "wait", "-1")) {
      List<ProcessHandle> ranks = job.ranks(RANKS);
      job.launcher().destroyForcibly();
      assertGone(ranks);
    }
  }

  @ParameterizedTest
  @EnumSource
  void sigtermEndsTheJob(Mpi mpi) throws Exception {
    try (Job job = mpi.start(RANKS, Endings.class, "wait", "-1")) {
      List<ProcessHandle> ranks = job.ranks(RANKS);
      job.launcher().destroy();
      job.exitCode();
      assertGone(ranks);
      assertThat(job.output()).doesNotContain(LOST);
    }
  }
}
