package dev.mpipool.ranks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.launcher.testing.Mpjrun;
import dev.mpipool.ranks.programs.Faults;
import dev.mpipool.ranks.programs.NoMemory;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What docs/faults.md promises, on real processes: killed, stopped, cut off, exiting. */
class FaultsIT {

  private static List<String> right(int points, Mpjrun.Result result) {
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out()).as("err: %s", result.err()).hasSize(points);
    assertThat(result.out()).allMatch(line -> line.endsWith(": true"));
    return result.err();
  }

  @Test
  void workersAreLostOneByOneUntilNoneIsLeftAndTheProgramEndsByItself() {
    right(8, Mpjrun.on("tcpdev").np(8).options("-Xmx200m").run(Faults.class, "lost"));
  }

  @Tag("slow")
  @Test
  void whoIsStoppedIsGivenUpAndLeavesWhenItWakesAndMainsOwnStopIsNobodysFault() {
    List<String> err =
        right(9, Mpjrun.on("tcpdev").np(4).options("-Xmx700m").run(Faults.class, "silent"));
    assertThat(err).isEmpty();
  }

  @Tag("slow")
  @Test
  void aWorkerThatNeverWakesKeepsNobody() {
    right(1, Mpjrun.on("tcpdev").np(3).run(Faults.class, "neverWakes"));
  }

  @Tag("slow")
  @Test
  void hardWorkIsNotSilenceAndAKilledMainEndsAll() {
    Mpjrun.Running job = Mpjrun.on("tcpdev").np(3).start(Faults.class, "busy");
    job.awaitLine("working");
    job.signal("KILL", job.rank(0));
    long begin = System.nanoTime();
    Mpjrun.Result result = job.result().assertExitCode(137).assertNothingLeft();
    assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(5));
    assertThat(result.out()).containsExactly("hard work: true", "working");
  }

  @ParameterizedTest
  @ValueSource(strings = {"niodev", "tcpdev"})
  void whatThereIsNoMemoryForFailsAlone(String device) {
    right(6, Mpjrun.on(device).np(3).options("-Xmx160m").run(Faults.class, "tooLong"));
  }

  @Test
  void resultsThatDoNotFitFailAlone() {
    right(2, Mpjrun.on("tcpdev").np(3).options("-Xmx40m").run(NoMemory.class, "long"));
  }

  @Tag("slow")
  @ParameterizedTest
  @CsvSource({"multicore,while", "multicore,kept", "tcpdev,while", "tcpdev,kept"})
  void everyFutureIsDoneThoughTheHeapIsFull(String device, String how) {
    right(
        1,
        Mpjrun.on(device)
            .np(3)
            .options("-Xmx64m")
            .timeout(Duration.ofMinutes(3))
            .run(NoMemory.class, how));
  }

  @Test
  void theExitOfATaskEndsAJobOfOneProcess() {
    Mpjrun.on("multicore").np(3).run(Faults.class, "taskExits").assertExitCode(5);
  }

  @Test
  void aWorkerThatIsCutOffIsOneWorkerLess() {
    right(1, Mpjrun.on("tcpdev").np(3).run(Faults.class, "closedSocket"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev"})
  void poolsWhereNoneMayBeAndInterrupts(String device) {
    assertThat(right(7, Mpjrun.on(device).np(3).run(Faults.class, "misuse"))).isEmpty();
  }
}
