package dev.mpipool.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.mpipool.launcher.programs.Script;
import dev.mpipool.launcher.testing.Mpjrun;
import dev.mpipool.launcher.testing.Schedulers;
import dev.mpipool.ranks.programs.Terminated;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * bin/mpjrun.sh in jobs of a real Slurm, whose three nodes are three slurmd of this host. Needs
 * root and to be asked for: {@code -Dmpipool.test.schedulers=true}.
 */
class AllocationIT {
  private static final Duration MOMENT = Duration.ofSeconds(10);
  private static String configuration;

  @TempDir Path folder;
  private Path out;
  private Path jobScript;

  @BeforeAll
  static void start() throws Exception {
    configuration = Schedulers.start("slurm", "slurmctld", "3").replaceFirst("SLURM_CONF=", "");
  }

  @AfterAll
  static void stop() throws Exception {
    if (configuration != null) {
      Schedulers.stop("slurm");
    }
  }

  @BeforeEach
  void writeScript() throws IOException {
    out = folder.resolve("out");
    jobScript = folder.resolve("job.sh");
    Files.writeString(
        jobScript, "#!/bin/sh\nexec '" + Mpjrun.home().resolve("bin/mpjrun.sh") + "' \"$@\"\n");
    Files.setPosixFilePermissions(jobScript, PosixFilePermissions.fromString("rwx------"));
  }

  /** A job of four tasks, two of them on the first node; the options follow the script. */
  private Mpjrun sbatch(String... options) {
    return Mpjrun.plain()
        .script(Path.of("/usr/bin/sbatch"))
        .environment("SLURM_CONF", configuration)
        .timeout(Duration.ofSeconds(90))
        .options("--wait", "--quiet", "--nodes=3", "--ntasks=4", "--overcommit")
        .options("--output", out.toString(), jobScript.toString())
        .options(options);
  }

  private List<String> lines() throws IOException {
    return Files.readAllLines(out);
  }

  @Test
  void aJobScriptNeedsNoNumberAndNoHosts() throws Exception {
    Mpjrun.Running job =
        sbatch("-tag-output")
            .start(Script.class, "*:init", "*:sum", "*:environment:SLURMD_NODENAME", "*:finalize");
    job.result().assertExitCode(0);
    job.assertNothingLeft(MOMENT);
    assertThat(lines().get(0))
        .matches(
            "mpipool: Slurm job \\d+ \\(SLURM_JOB_NODELIST\\): 4 ranks,"
                + " 2 on n1, 1 on n2, 1 on n3");
    assertThat(lines().subList(1, lines().size()))
        .containsExactlyInAnyOrder(
            "[0] sum 6 at rank 0 of 4",
            "[1] sum 6 at rank 1 of 4",
            "[2] sum 6 at rank 2 of 4",
            "[3] sum 6 at rank 3 of 4",
            "[0] SLURMD_NODENAME=n1",
            "[1] SLURMD_NODENAME=n1",
            "[2] SLURMD_NODENAME=n2",
            "[3] SLURMD_NODENAME=n3");
  }

  @Test
  void explicitHostsWinAndTheExitCodeIsMainsWithoutAWordOfSlurm() throws Exception {
    Mpjrun.Running job =
        sbatch("-hosts", "n3,n1")
            .start(Script.class, "*:environment:SLURMD_NODENAME", "*:init", "0:exit:7", "*:wait");
    job.result().assertExitCode(7);
    job.assertNothingLeft(MOMENT);
    assertThat(lines()).containsExactlyInAnyOrder("SLURMD_NODENAME=n3", "SLURMD_NODENAME=n1");
  }

  @Test
  void aWorkerThatIsKilledOnAnotherNodeIsNamed() throws Exception {
    Mpjrun.Running job =
        sbatch("-np=3").start(Script.class, "*:init", "1:kill", "2:kill", "0:wait");
    awaitLines("mpipool: rank 1 \\(pid \\d+\\) was lost: .*SIGKILL.*", 1);
    awaitLines("mpipool: rank 2 \\(on n2\\) was lost: .*SIGKILL.*", 1);
    cancel(job);
  }

  @Test
  void fromOutsideTheNodesEachRankStartsThroughSrunAndMainReadsTheInput() {
    Mpjrun.Running job =
        Mpjrun.plain()
            .script(Path.of("/usr/bin/salloc"))
            .environment("SLURM_CONF", configuration)
            .options("--quiet", "--nodes=2", "--ntasks=2", "--overcommit")
            .options(Mpjrun.home().resolve("bin/mpjrun.sh").toString())
            .input("a\nb\n")
            .start(Script.class, "*:environment:SLURMD_NODENAME", "0:cat", "0:exit:3");
    Mpjrun.Result result = job.result().assertExitCode(3);
    job.assertNothingLeft(MOMENT);
    assertThat(result.out())
        .containsExactlyInAnyOrder(
            "SLURMD_NODENAME=n1", "SLURMD_NODENAME=n2", "rank 0 read a", "rank 0 read 2 lines");
    assertThat(result.err()).hasSize(1).allMatch(line -> line.endsWith("1 on n1, 1 on n2"));
  }

  @Test
  void aCancelledJobLeavesNothingBehind() throws Exception {
    Mpjrun.Running job = sbatch("-np", "4").start(Script.class, "*:init", "*:say:ready", "*:spin");
    awaitLines("ready \\d", 4);
    cancel(job);
  }

  /** As Slurm does by {@code --signal=B:USR1@60}. */
  @Test
  void theAnnouncementOfTheTimeLimitReachesTheProgram() throws Exception {
    Mpjrun.Running job = sbatch("-np", "3").start(Terminated.class, folder.toString(), "announced");
    awaitLines("ready", 1);
    Schedulers.command(
        "env", "SLURM_CONF=" + configuration, "scancel", "--batch", "--signal=USR1", "--user=root");
    job.result().assertExitCode(0);
    job.assertNothingLeft(MOMENT);
    assertThat(lines()).contains("ready", "answered 42").hasSize(3);
  }

  private void awaitLines(String pattern, int times) {
    await("%d lines like %s".formatted(times, pattern))
        .atMost(Duration.ofSeconds(60))
        .until(
            () ->
                Files.exists(out)
                    && lines().stream().filter(line -> line.matches(pattern)).count() == times);
  }

  private static void cancel(Mpjrun.Running job) throws Exception {
    Schedulers.command("env", "SLURM_CONF=" + configuration, "scancel", "--user=root");
    job.result();
    job.assertNothingLeft(MOMENT);
  }
}
