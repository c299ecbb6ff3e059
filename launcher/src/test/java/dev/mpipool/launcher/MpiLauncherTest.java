package dev.mpipool.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mpipool.launcher.MpiLauncher.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which launcher is found, by what commands on the PATH answer. */
class MpiLauncherTest {

  @TempDir Path folder;

  private void command(String name, String answer) throws IOException {
    Path file = folder.resolve(name);
    Files.writeString(file, "#!/bin/sh\necho '" + answer + "'\n");
    assertThat(file.toFile().setExecutable(true)).isTrue();
  }

  private Map<String, String> environment(String... more) {
    return more.length == 0
        ? Map.of("PATH", folder.toString())
        : Map.of("PATH", folder.toString(), more[0], more[1]);
  }

  @ParameterizedTest
  @CsvSource({
    "mpirun (Open MPI) 4.1.4, OPEN_MPI, 4",
    "mpirun.openmpi (OpenRTE) 4.1.4, OPEN_MPI, 4",
    "mpirun (Open MPI) 5.0.7, OPEN_MPI, 5",
    "HYDRA build details:, HYDRA, 0",
    "Intel(R) MPI Library for Linux* OS, HYDRA, 0"
  })
  void mpirunByItsAnswer(String answer, Kind kind, int version) throws IOException {
    command("mpirun", answer);
    MpiLauncher found = MpiLauncher.find(environment());
    assertThat(found.kind()).isEqualTo(kind);
    assertThat(found.version()).isEqualTo(version);
    assertThat(found.command()).isEqualTo(folder.resolve("mpirun").toString());
  }

  @Test
  void srunOnlyWithinAnAllocation() throws IOException {
    command("mpirun", "mpirun (Open MPI) 4.1.4");
    command("srun", "slurm-wlm 22.05.8 none pmi2 pmix");
    assertThat(MpiLauncher.find(environment()).kind()).isEqualTo(Kind.OPEN_MPI);
    MpiLauncher found = MpiLauncher.find(environment("SLURM_JOB_ID", "7"));
    assertThat(found.kind()).isEqualTo(Kind.SRUN);
    assertThat(found.processManager()).isEqualTo("pmix");
    command("mpirun", "HYDRA build details:");
    assertThat(MpiLauncher.find(environment("SLURM_JOB_ID", "7")).processManager())
        .isEqualTo("pmi2");
  }

  @Test
  void whatIsMissingIsSaid() throws IOException {
    assertThatThrownBy(() -> MpiLauncher.find(environment()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("no mpirun on the PATH");
    command("mpirun", "mpjrun 0.44");
    assertThatThrownBy(() -> MpiLauncher.find(environment()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("mpjrun 0.44")
        .hasMessageContaining("MPIPOOL_MPIRUN");
  }
}
