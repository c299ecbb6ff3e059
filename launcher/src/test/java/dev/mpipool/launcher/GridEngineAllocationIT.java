package dev.mpipool.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.launcher.programs.Script;
import dev.mpipool.launcher.testing.Mpjrun;
import dev.mpipool.launcher.testing.Schedulers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * bin/mpjrun.sh in jobs of a real Grid Engine of one node, which takes none of root. Needs root and
 * to be asked for: {@code -Dmpipool.test.schedulers=true}.
 */
class GridEngineAllocationIT {
  private static final String USER = "mpipool-test";
  private static boolean started;

  @TempDir Path folder;

  @BeforeAll
  static void start() throws Exception {
    Schedulers.start("grid-engine", "sge_qmaster");
    started = true;
    if (!Schedulers.command("cat", "/etc/passwd").contains(USER + ":")) {
      Schedulers.command("useradd", "--create-home", USER);
    }
  }

  @AfterAll
  static void stop() throws Exception {
    if (started) {
      Schedulers.stop("grid-engine");
    }
  }

  /** Submits a job script of one line, waits for its end, and returns its output. */
  private List<String> qsub(int exitCode, List<String> options, String... arguments)
      throws Exception {
    Path out = folder.resolve("out");
    Path script = folder.resolve("job.sh");
    Files.writeString(
        script,
        "#!/bin/sh\nMPIPOOL_NO_BUILD=1 JAVA_HOME='%s' exec '%s' \"$@\"\n"
            .formatted(System.getProperty("java.home"), Mpjrun.home().resolve("bin/mpjrun.sh")));
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
    Schedulers.command("chown", "-R", USER, folder.toString());
    Mpjrun.Running job =
        Mpjrun.plain()
            .script(Path.of("/usr/sbin/runuser"))
            .folder(folder)
            .timeout(Duration.ofSeconds(90))
            .options("-u", USER, "--", "env", "SGE_ROOT=/var/lib/gridengine", "qsub")
            .options("-terse", "-sync", "y", "-cwd", "-j", "y", "-o", out.toString())
            .options(options.toArray(String[]::new))
            .options(script.toString())
            .start(Script.class, arguments);
    job.result().assertExitCode(exitCode);
    job.assertNothingLeft(Duration.ofSeconds(10));
    return Files.readAllLines(out);
  }

  @Test
  void aParallelEnvironmentGivesTheRanks() throws Exception {
    List<String> lines = qsub(0, List.of("-pe", "mpipool", "3"), "*:init", "*:sum", "*:finalize");
    assertThat(lines.get(0))
        .matches("mpipool: Grid Engine job \\d+ \\(PE_HOSTFILE\\): 3 ranks, 3 on \\S+");
    assertThat(lines.subList(1, lines.size()))
        .containsExactlyInAnyOrder(
            "sum 3 at rank 0 of 3", "sum 3 at rank 1 of 3", "sum 3 at rank 2 of 3");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 5})
  void aSerialJobIsOneRankAndTheExitCodeIsMains(int exitCode) throws Exception {
    List<String> lines = qsub(exitCode, List.of(), "*:say:rank", "0:exit:" + exitCode);
    assertThat(lines.get(0)).contains("(NSLOTS): 1 rank, ");
    assertThat(lines.subList(1, lines.size())).containsExactly("rank 0");
  }
}
