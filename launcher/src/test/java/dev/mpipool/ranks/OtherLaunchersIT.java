package dev.mpipool.ranks;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.launcher.testing.Mpjrun;
import dev.mpipool.ranks.programs.Asks;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Programs that mpirun or srun started as one of several processes, which the tests do by the
 * variables that these set, without the module that could join them.
 */
@Timeout(120)
class OtherLaunchersIT {
  private static final Map<String, String> OPEN_MPI =
      Map.of("OMPI_COMM_WORLD_SIZE", "4", "OMPI_COMM_WORLD_RANK", "0", "PMIX_RANK", "0");
  private static final Map<String, String> SRUN =
      Map.of("SLURM_STEP_ID", "0", "SLURM_STEP_NUM_TASKS", "4", "SLURM_PROCID", "0");

  @TempDir Path folder;

  private record Ended(int code, List<String> out, List<String> err) {}

  @ParameterizedTest
  @ValueSource(
      strings = {
        "run",
        "executor",
        "init",
        "world",
        "choose",
        "tasker",
        "shared",
        "lock",
        "queue",
        "resume"
      })
  void whateverAsksForRanksEndsTheProgram(String how) throws Exception {
    Ended ended = run(OPEN_MPI, how);
    assertThat(ended.out()).isEmpty();
    assertThat(ended.err())
        .containsExactly(
            "mpipool: mpirun (Open MPI) started this program as 4 processes, each of which would"
                + " do the whole work alone. Start it with bin/mpjrun.sh -np 4 instead, or set"
                + " MPI_DISABLE=1 if 4 separate programs are what you want.");
    assertThat(ended.code()).isEqualTo(1);
  }

  @Test
  void theOtherRanksEndWithoutAWord() throws Exception {
    Ended ended =
        run(
            Map.of("PMI_SIZE", "4", "PMI_RANK", "3", "PMI_FD", "9", "MPI_LOCALNRANKS", "4"),
            "world");
    assertThat(ended).isEqualTo(new Ended(1, List.of(), List.of()));
  }

  @Test
  void whereSeveralProgramsAreWantedTheyRun() throws Exception {
    Map<String, String> apart = Map.of("MPI_DISABLE", "1", "PMI_SIZE", "4", "PMI_RANK", "1");
    assertThat(run(apart, "run")).isEqualTo(new Ended(0, List.of("run 1", "got ran"), List.of()));
  }

  @Test
  void theScriptOfABatchJobIsNoRank() throws Exception {
    Map<String, String> batch = Map.of("SLURM_NTASKS", "4", "SLURM_PROCID", "0");
    assertThat(run(batch, "world")).isEqualTo(new Ended(0, List.of("got 1"), List.of()));
  }

  @Test
  void theJobsOfAQueuePoolAreNoRanks() throws Exception {
    Ended ended = run(SRUN, "queue", "-DMPI_DISABLE=1"); // the property is this process's alone
    assertThat(ended.out()).containsExactly("got [2, 3]");
    assertThat(ended.code()).isZero();
  }

  @ParameterizedTest
  @ValueSource(strings = {"tcpdev", "multicore"})
  void ranksOfOurLauncherWorkWhereverItRuns(String device) {
    Mpjrun job = Mpjrun.on(device).np(2);
    OPEN_MPI.forEach(job::environment);
    SRUN.forEach(job::environment);
    Mpjrun.Result result = job.run(Asks.class, "run").assertExitCode(0).assertNothingLeft();
    assertThat(result.out()).contains("run 1").containsOnlyOnce("run 1");
    assertThat(result.err()).isEmpty();
  }

  private Ended run(Map<String, String> environment, String how, String... options)
      throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"));
    command.addAll(List.of(options));
    command.addAll(
        List.of("-cp", Mpjrun.classes() + File.pathSeparator + librariesWithoutNative()));
    command.addAll(List.of(Asks.class.getName(), how));
    Path out = folder.resolve("out");
    Path err = folder.resolve("err");
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectOutput(out.toFile())
            .redirectError(err.toFile());
    builder
        .environment()
        .keySet()
        .removeIf(name -> name.matches("(OMPI|PMI|PMIX|SLURM)_.*|MPI_DISABLE|.*JAVA.*OPTIONS"));
    builder.environment().putAll(environment);
    Process process = builder.start();
    try {
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("ended").isTrue();
    } finally {
      process.destroyForcibly();
    }
    return new Ended(process.exitValue(), lines(out), lines(err));
  }

  /** The module native would join the ranks. */
  private static String librariesWithoutNative() throws Exception {
    try (Stream<Path> jars = Files.list(Mpjrun.home().resolve("examples/target/lib"))) {
      return jars.map(Path::toString)
          .filter(jar -> !jar.endsWith("mpipool-native.jar"))
          .collect(Collectors.joining(File.pathSeparator));
    }
  }

  private static List<String> lines(Path file) throws Exception {
    try (Stream<String> lines = Files.lines(file, UTF_8)) {
      return lines.toList();
    }
  }
}
