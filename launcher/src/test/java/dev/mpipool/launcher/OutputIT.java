package dev.mpipool.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.launcher.programs.Script;
import dev.mpipool.launcher.testing.Mpjrun;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Output arrives whole, input where it belongs. */
class OutputIT {
  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev"})
  void linesOfSeveralRanksNeverMixAndNoneIsLost(String device) {
    int lines = 20_000;
    Mpjrun.Result result = Mpjrun.on(device).np(3).run(Script.class, "*:lines:" + lines);
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out()).allMatch(line -> line.matches("([012])\\1{19} \\1{20}"));
    assertThat(result.out()).hasSize(3 * lines);
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev"})
  void tagsNameTheRankOfEachLineAndAPartialLineArrivesAtTheEnd(String device) {
    Mpjrun.Result result =
        Mpjrun.on(device)
            .np(2)
            .options("-tag-output")
            .run(Script.class, "*:say:hello", "*:err:oh", "1:part:unfinished");
    result.assertExitCode(0);
    assertThat(result.out())
        .containsExactlyInAnyOrder("[0] hello 0", "[1] hello 1", "[1] unfinished");
    assertThat(result.err()).containsExactlyInAnyOrder("[0] oh 0", "[1] oh 1");
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev"})
  void standardInputGoesToMain(String device) {
    Mpjrun.Result result =
        Mpjrun.on(device).np(2).input("first\n".repeat(50_000)).run(Script.class, "0:cat");
    result.assertExitCode(0);
    assertThat(result.out()).containsExactly("rank 0 read first", "rank 0 read 50000 lines");
  }

  @ParameterizedTest
  @ValueSource(strings = {"niodev"})
  void otherRanksHaveNoInput(String device) {
    Mpjrun.Result result = Mpjrun.on(device).np(2).input("first\n").run(Script.class, "1:cat");
    assertThat(result.out()).containsExactly("rank 1 read 0 lines");
  }
}
