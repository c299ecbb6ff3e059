package dev.mpipool.ranks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.launcher.testing.Mpjrun;
import dev.mpipool.ranks.programs.OnMachinesMpi;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How {@code -dev native} ends: its exit code, the hooks, and what it says. */
class NativeEndingsIT {

  private static final Duration MOMENT = Duration.ofSeconds(5);

  @TempDir private Path folder;

  private Mpjrun.Running waiting(String device) {
    return Mpjrun.on(device)
        .np(3)
        .ownGroup()
        .start(OnMachinesMpi.class, folder.toString(), "wait")
        .awaitLine("ready");
  }

  private static List<String> told(Mpjrun.Result result) {
    return result.err().stream().filter(line -> line.startsWith("mpipool:")).toList();
  }

  @ParameterizedTest
  @CsvSource({"openmpi,1", "openmpi,2", "openmpi,0", "mpich,2", "mpich,0"})
  void aRankThatIsKilledEndsTheJobWithALineThatSaysWhatWouldSurvive(String device, int rank) {
    Mpjrun.Running job = waiting(device);
    job.signal("KILL", OnMachinesMpi.processes(job.out()).get(rank));
    Mpjrun.Result result = job.result().assertExitCode(device.equals("mpich") ? 9 : 137);
    job.assertNothingLeft(MOMENT);
    assertThat(told(result))
        .singleElement()
        .asString()
        .startsWith(
            device.equals("openmpi") && rank > 0
                ? "mpipool: lost rank " + rank + ": "
                : "mpipool: a rank was killed or has halted, and ")
        .endsWith("survive the loss of a worker")
        .contains("tcpdev");
  }

  @ParameterizedTest
  @CsvSource({"openmpi,TERM,143", "mpich,TERM,143"})
  void allHooksRunAfterASignalToTheLauncher(String device, String signal, int code) {
    Mpjrun.Running job = waiting(device);
    job.signal(signal, job.launcher());
    Mpjrun.Result result = job.result().assertExitCode(code);
    job.assertNothingLeft(MOMENT);
    assertThat(told(result)).isEmpty();
    assertThat(Stream.of(0, 1, 2))
        .allMatch(rank -> folder.resolve("hook" + rank).toFile().exists());
  }

  @ParameterizedTest
  @ValueSource(strings = {"openmpi", "mpich"})
  void anInterruptOfTheTerminalIsNoLoss(String device) {
    Mpjrun.Running job = waiting(device);
    job.signalGroup("INT");
    Mpjrun.Result result = job.result().assertExitCode(130);
    job.assertNothingLeft(MOMENT);
    assertThat(told(result)).isEmpty();
  }

  /** 9 and 137 are also the exit codes of jobs of which a rank was killed. */
  @ParameterizedTest
  @CsvSource({
    "openmpi,exit 137,137", "openmpi,throw,1", "openmpi,return,0",
    "mpich,exit 9,9", "mpich,throw,1", "mpich,return,0"
  })
  void whatMainWantsIsNoLoss(String device, String way, int code) {
    String[] arguments = (folder + " " + way).split(" ", -1);
    Mpjrun.Result result = Mpjrun.on(device).np(3).run(OnMachinesMpi.class, arguments);
    result.assertExitCode(code).assertNothingLeft();
    assertThat(told(result)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"openmpi", "mpich"})
  void aWorkerThatIsSilentIsGivenUpThoughMpiTakesMessagesForIt(String device) {
    Mpjrun.Running job = waiting(device);
    job.signal("STOP", OnMachinesMpi.processes(job.out()).get(1));
    Mpjrun.Result result = job.result();
    job.assertNothingLeft(MOMENT);
    assertThat(result.out())
        .anyMatch(
            line -> line.startsWith("failed: ") && line.contains("no sign of life for 2.0 s"));
    assertThat(result.exitCode()).isNotZero();
  }
}
