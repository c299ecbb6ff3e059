package dev.mpipool.ranks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.launcher.programs.Script;
import dev.mpipool.launcher.testing.Mpjrun;
import dev.mpipool.ranks.programs.ExitPhases;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The exit of a worker's rank ends that rank; the job's exit code is that of main's. */
@Execution(ExecutionMode.CONCURRENT)
class ExitIT {

  @Test
  void aRankThatIsAThreadEndsAloneWheneverAndHoweverItExits() {
    Mpjrun.Result result = Mpjrun.on("multicore").np(8).run(ExitPhases.class, "all");
    result.assertExitCode(7).assertNothingLeft();
    assertThat(result.out())
        .containsExactlyInAnyOrder(
            "lost 1",
            "sum 4950",
            "hook 0",
            "hook 1",
            "hook 2",
            "hook 3",
            "hook 4",
            "hook 5",
            "hook 6",
            "hook 7");
    assertThat(result.err()).containsExactly("mpipool: rank 5 was lost: ended with exit code 3");
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void theCodeIsMainsWhereEachRankExitsWithItsOwn(String device) {
    Mpjrun.Result result = Mpjrun.on(device).np(4).run(ExitPhases.class, "failed");
    result.assertExitCode(5).assertNothingLeft();
    assertThat(result.err()).isEmpty();
  }

  @Test
  void aRankThatIsAThreadAndExitsBeforeThePoolKeepsMainWaitingForSecondsOnly() {
    Mpjrun.Result result = Mpjrun.on("multicore").np(3).run(ExitPhases.class, "beforePool");
    result.assertExitCode(1).assertNothingLeft();
    assertThat(result.err())
        .anyMatch(line -> line.matches(".*RankLostException: .* rank 1: ended with exit code 0"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"1:return", "1:exit:0", "1:halt:0"})
  void soDoesOneThatEndsBeforeTheOthersInitializeMpi(String end) {
    Mpjrun.Result result =
        Mpjrun.on("multicore").np(3).run(Script.class, end, "*:init", "*:finalize");
    result.assertExitCode(1).assertNothingLeft();
    assertThat(result.err())
        .contains(
            "mpipool: rank 1 (on localhost) did not join the job: ended without MPI.Init, where other"
                + " ranks wait for it");
  }

  @Test
  void mainsHaltEndsAllRanks() {
    Mpjrun.on("multicore")
        .np(3)
        .run(Script.class, "*:init", "*:barrier", "0:halt:6", "*:wait")
        .assertExitCode(6)
        .assertNothingLeft();
  }
}
