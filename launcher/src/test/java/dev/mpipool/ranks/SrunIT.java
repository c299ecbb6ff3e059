package dev.mpipool.ranks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.launcher.testing.Mpjrun;
import dev.mpipool.launcher.testing.Schedulers;
import dev.mpipool.ranks.programs.OnMachinesMpi;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Pools that srun has started, on a real Slurm of one node: {@code --mpi=pmix} with Open MPI,
 * {@code --mpi=pmi2} with MPICH. Needs root and to be asked for: {@code
 * -Dmpipool.test.schedulers=true}.
 */
class SrunIT {

  private static final Duration MOMENT = Duration.ofSeconds(10);

  private static String configuration;

  @TempDir private Path folder;

  @BeforeAll
  static void start() throws Exception {
    configuration = Schedulers.start("slurm", "slurmctld").replaceFirst("SLURM_CONF=", "");
  }

  @AfterAll
  static void stop() throws Exception {
    if (configuration != null) {
      Schedulers.stop("slurm");
    }
  }

  private static Mpjrun slurm(String command, String... options) {
    return Mpjrun.plain()
        .script(Path.of("/usr/bin", command))
        .environment("SLURM_CONF", configuration)
        .options("-n", "3", "--overcommit")
        .options(options);
  }

  private static Mpjrun srun(String manager, String... options) throws Exception {
    Assumptions.assumeTrue(
        Schedulers.command(
                "/usr/bin/env", "SLURM_CONF=" + configuration, "/usr/bin/srun", "--mpi=list")
            .contains(manager),
        "Slurm lacks " + manager);
    String mpirun = manager.equals("pmix") ? "mpirun.openmpi" : "mpirun.mpich";
    Assumptions.assumeTrue(
        manager.equals("none") || Files.isExecutable(Path.of("/usr/bin", mpirun)),
        mpirun + " is not installed");
    return slurm("srun", "--mpi=" + manager)
        .options(options)
        .options(Mpjrun.newJdk().resolve("bin/java").toString())
        .options("--enable-native-access=ALL-UNNAMED")
        .classPath(Mpjrun.classes() + ":" + Mpjrun.home().resolve("examples/target/lib/*"));
  }

  private static List<String> told(Mpjrun.Result result) {
    return result.err().stream().filter(line -> line.startsWith("mpipool:")).toList();
  }

  private static Mpjrun.Result killWorker(Mpjrun.Running job) {
    job.awaitLine("ready");
    ProcessHandle worker = OnMachinesMpi.processes(job.out()).get(1);
    Mpjrun.Result result = job.signal("KILL", worker).result();
    job.assertNothingLeft(MOMENT);
    return result;
  }

  @ParameterizedTest
  @ValueSource(strings = {"pmix", "pmi2"})
  void aPoolRunsAndTheExitCodeIsMains(String manager) throws Exception {
    Mpjrun.Running job = srun(manager).start(OnMachinesMpi.class, folder.toString(), "exit", "7");
    Mpjrun.Result result = job.result().assertExitCode(7);
    job.assertNothingLeft(MOMENT);
    assertThat(result.out()).singleElement().asString().matches("processes( \\d+){3}");
    assertThat(told(result)).isEmpty();
    assertThat(folder).isDirectoryContaining("glob:**hook0");
  }

  @Test
  void withoutAProcessManagerNoRankRunsAlone() throws Exception {
    Mpjrun.Running job = srun("none").start(OnMachinesMpi.class, folder.toString(), "return");
    Mpjrun.Result result = job.result().assertExitCode(1);
    job.assertNothingLeft(MOMENT);
    assertThat(result.out()).isEmpty();
    assertThat(told(result))
        .hasSizeBetween(1, 3)
        .allMatch(line -> line.contains("add --mpi=pmix (for Open MPI) or --mpi=pmi2 (for MPICH)"));
    assertThat(result.took()).isLessThan(Duration.ofSeconds(10));
  }

  @Test
  void aWorkerThatIsKilledIsNamedBeforeTheJobEnds() throws Exception {
    Mpjrun job = srun("pmi2", "--kill-on-bad-exit=1");
    Mpjrun.Result result =
        killWorker(job.start(OnMachinesMpi.class, folder.toString(), "wait")).assertExitCode(137);
    assertThat(told(result)).singleElement().asString().startsWith("mpipool: lost rank 1: ");
  }

  @Test
  void theJobEndsWithoutAnOptionForIt() throws Exception {
    Mpjrun.Result result =
        killWorker(srun("pmi2").start(OnMachinesMpi.class, folder.toString(), "wait"));
    assertThat(result.exitCode()).isNotZero();
    assertThat(result.out()).anyMatch(line -> line.startsWith("failed: "));
    assertThat(told(result)).singleElement().asString().startsWith("mpipool: lost rank 1: ");
  }

  /** Main is killed at once, or by a signal that lets it name the rank: one line in any case. */
  @Test
  void inAnAllocationDevNativeCallsSrun() throws Exception {
    Mpjrun job =
        slurm("salloc", Mpjrun.home().resolve("bin/mpjrun.sh").toString())
            .options("-dev", "native", "-np", "3")
            .environment("JAVA_HOME", Mpjrun.newJdk().toString());
    Mpjrun.Result result =
        killWorker(job.start(OnMachinesMpi.class, folder.toString(), "wait")).assertExitCode(137);
    assertThat(told(result)).singleElement().asString().endsWith("survive the loss of a worker");
  }
}
