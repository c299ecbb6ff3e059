package dev.mpipool.ranks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.launcher.testing.Mpjrun;
import dev.mpipool.ranks.programs.PoolScript;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** However a program with a pool ends: the workers end with it, and the exit code is right. */
class PoolLifecycleIT {

  private static final Duration PROMISED = Duration.ofSeconds(5);

  private static Mpjrun.Result run(String device, String name) {
    return Mpjrun.on(device).np(3).run(PoolScript.class, name).assertNothingLeft();
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void aBodyThatThrowsEndsTheProgramWithOne(String device) {
    Mpjrun.Result result = run(device, "bodyThrows").assertExitCode(1);
    assertThat(result.err())
        .startsWith("Exception in thread \"main\" java.io.IOException: no data");
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void aBodyThatExitsGivesItsCode(String device) {
    assertThat(run(device, "bodyExits").assertExitCode(7).err()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void mainThatThrowsStepByStepEndsTheProgramWithOne(String device) {
    Mpjrun.Result result = run(device, "stepsThrow").assertExitCode(1);
    assertThat(result.err())
        .startsWith("Exception in thread \"main\" java.io.IOException: no data");
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void mainThatDoesNotCloseThePoolEndsItsWorkers(String device) {
    Mpjrun.Result result = run(device, "notClosed").assertExitCode(0);
    assertThat(result.out()).containsExactly("not closed");
    assertThat(result.took()).isLessThan(PROMISED.plusSeconds(10));
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void workersThatDoNotCatchEndQuietly(String device) {
    Mpjrun.Result result = run(device, "notCaught").assertExitCode(0);
    assertThat(result.out()).containsExactly("not caught");
    assertThat(result.err()).noneMatch(line -> line.contains("WorkersExitException"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"tcpdev", "openmpi", "mpich"})
  void theCodeIsMainsThoughWorkersEndByTheirExceptionLater(String device) {
    Mpjrun.Result result = run(device, "notCaughtUntilMainEnds").assertExitCode(0);
    assertThat(result.out()).containsExactly("42");
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void workersThatAreNotToRejoinEndWithThePool(String device) {
    Mpjrun.Result result = run(device, "notRejoined").assertExitCode(0);
    assertThat(result.out()).containsExactly("not rejoined", "only main is here");
    assertThat(result.err()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void aProgramNeedNotInitializeAnything(String device) {
    Mpjrun.Result result = run(device, "uninitialized").assertExitCode(0);
    assertThat(result.out()).containsExactly("workers: 2, 42");
  }

  @Test
  void aDeadWorkerUnderTheStockDeviceFailsWhatIsPendingAndEndsTheJob() {
    Mpjrun.Result result = run("niodev", "workerDies").assertExitCode(1);
    assertThat(result.out())
        .hasSize(3)
        .allMatch(line -> line.matches("failed: (WorkerLost|BrokenExecutor)Exception"));
    assertThat(result.err()).anyMatch(line -> line.matches("mpipool: rank [12] .*lost.*"));
    assertThat(result.took()).isLessThan(Duration.ofSeconds(15));
  }

  @Test
  void aDeadWorkerOnOurDeviceIsOneDeadWorkerAndItsTaskRunsElsewhere() {
    Mpjrun.Result result = run("tcpdev", "oneWorkerDies").assertExitCode(0);
    assertThat(result.out()).containsExactly("sum 19900, 1 worker left");
    assertThat(result.err()).hasSize(1).first().asString().matches("mpipool: rank 1 .*lost.*");
  }

  @Test
  void aKilledIdleWorkerIsNoticedWithinASecondAndThePoolGoesOn() {
    Mpjrun.Running job = Mpjrun.on("tcpdev").np(3).start(PoolScript.class, "workerIsKilled");
    job.awaitLine("waiting");
    long killed = System.currentTimeMillis();
    job.signal("KILL", job.rank(2));
    Mpjrun.Result result = job.result().assertExitCode(0).assertNothingLeft();
    assertThat(result.out()).endsWith("left 1, 42");
    String noticed = result.out().get(1).replace("noticed ", "");
    assertThat(Long.parseLong(noticed) - killed).isLessThan(1_000);
  }

  @Tag("slow")
  @ParameterizedTest
  @ValueSource(strings = {"niodev", "tcpdev"})
  @Execution(ExecutionMode.CONCURRENT)
  void anIdlePoolCostsNoProcessorTime(String device) throws Exception {
    Mpjrun.Running job = Mpjrun.on(device).np(3).start(PoolScript.class, "idle");
    job.awaitLine("idle");
    Thread.sleep(1_000); // what the start still compiles in the background
    List<ProcessHandle> ranks = job.ranks();
    List<Duration> before = ranks.stream().map(PoolLifecycleIT::cpu).toList();
    Thread.sleep(10_000); // the time that is measured
    List<Duration> after = ranks.stream().map(PoolLifecycleIT::cpu).toList();
    job.result().assertExitCode(0).assertNothingLeft();
    assertThat(ranks).hasSize(3);
    for (int i = 0; i < ranks.size(); i++) {
      assertThat(after.get(i).minus(before.get(i))).isLessThan(Duration.ofMillis(100));
    }
  }

  private static Duration cpu(ProcessHandle process) {
    return process.info().totalCpuDuration().orElseThrow();
  }
}
