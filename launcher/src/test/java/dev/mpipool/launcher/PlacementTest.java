package dev.mpipool.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mpipool.launcher.Machines.Host;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is taken from the command line, and what from an allocation. */
class PlacementTest {
  private static final Map<String, String> SLURM =
      Map.of(
          "SLURM_JOB_ID", "12",
          "SLURM_JOB_NODELIST", "node[1-3]",
          "SLURM_TASKS_PER_NODE", "2,1(x2)");

  @TempDir Path folder;

  private static Placement place(Integer np, String hosts, Map<String, String> environment)
      throws UsageException {
    return place(np, hosts, Device.TCPDEV, environment);
  }

  private static Placement place(
      Integer np, String hosts, Device device, Map<String, String> environment)
      throws UsageException {
    List<Host> named = hosts == null ? List.of() : Machines.parse(hosts);
    return Placement.of(np, named, device, environment, "node1.cluster");
  }

  @Test
  void anAllocationGivesRanksAndHostsAndOneLineSaysSo() throws Exception {
    Placement all = place(null, null, SLURM);
    assertThat(all.np()).isEqualTo(4);
    assertThat(all.hosts()).containsExactly("localhost", "localhost", "node2", "node3");
    assertThat(all.notice())
        .isEqualTo(
            "Slurm job 12 (SLURM_JOB_NODELIST): 4 ranks, 2 on node1, 1 on node2, 1 on node3");
  }

  @Test
  void anExplicitNumberWins() throws Exception {
    Placement three = place(3, null, SLURM);
    assertThat(three.hosts()).containsExactly("localhost", "localhost", "node2");
    assertThat(three.notice()).contains("3 ranks (-np), 2 on node1, 1 on node2");
  }

  @Test
  void explicitHostsWin() throws Exception {
    Placement named = place(null, "node3:2,node1", SLURM);
    assertThat(named.hosts()).containsExactly("node3", "node3", "localhost");
    assertThat(named.notice()).isEmpty();
    assertThat(place(null, "a", Map.of("PBS_NODEFILE", "/gone")).hosts()).containsExactly("a");
  }

  @Test
  void theMachinesMpiFindsTheHostsItself() throws Exception {
    Placement mpi = place(null, null, Device.NATIVE, SLURM);
    assertThat(mpi.np()).isEqualTo(4);
    assertThat(mpi.hosts()).isEmpty();
    assertThat(mpi.notice()).contains("4 ranks");
    assertThat(place(2, null, Device.NATIVE, SLURM).notice()).isEmpty();
  }

  @Test
  void threadsAreAsManyAsThisHostIsFor() throws Exception {
    Placement threads = place(null, null, Device.MULTICORE, SLURM);
    assertThat(threads.np()).isEqualTo(2);
    assertThat(threads.hosts()).isEmpty();
    assertThat(threads.notice()).endsWith("2 ranks, 2 on node1");
    assertThat(place(8, null, Device.MULTICORE, SLURM).notice()).isEmpty();
  }

  @Test
  void manyHostsAreCounted() throws Exception {
    Map<String, String> environment = new HashMap<>(SLURM);
    environment.put("SLURM_JOB_NODELIST", "n[001-256]");
    environment.put("SLURM_TASKS_PER_NODE", "2(x256)");
    assertThat(place(null, null, environment).notice())
        .endsWith("512 ranks, 2 on n001, 2 on n002, 2 on n003, 2 on n004 and so on, 256 hosts");
  }

  @Test
  void withoutAnAllocationNothingIsSaid() throws Exception {
    Placement here = place(null, null, Map.of());
    assertThat(here.np()).isEqualTo(Runtime.getRuntime().availableProcessors());
    assertThat(here.hosts()).isEmpty();
    assertThat(here.notice()).isEmpty();
  }

  @Test
  void aLauncherStartedByEachTaskOfSrunIsRefused() {
    Map<String, String> step = new HashMap<>(SLURM);
    step.put("SLURM_STEP_NUM_TASKS", "4");
    assertThatThrownBy(() -> place(null, null, step))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("leave out srun");
  }

  @Test
  void srunStartsRanksWithinAJobOfSlurmUnlessAnotherCommandIsNamed() throws Exception {
    Path srun = Files.createFile(folder.resolve("srun"));
    assertThat(srun.toFile().setExecutable(true)).isTrue();
    Map<String, String> environment = new HashMap<>(SLURM);
    environment.put("PATH", "/none:" + folder);
    List<String> bySrun = place(null, null, environment).shell().command("node2", "run it");
    assertThat(bySrun).contains("srun", "--overlap", "--ntasks=1");
    assertThat(bySrun).endsWith("--nodelist", "node2", "sh", "-c", "run it");

    environment.put("MPIPOOL_SSH", "ssh -i key");
    assertThat(place(null, null, environment).shell().command("node2", "run it"))
        .endsWith("ssh", "-i", "key", "node2", "run it");
    assertThat(place(null, "a", Map.of("PATH", folder.toString())).shell().command("a", "x"))
        .endsWith("ssh", "-o", "BatchMode=yes", "a", "x");
  }

  @Test
  void whatSrunSaysOfTheEndOfARankIsLeftOutAndNothingElse() throws Exception {
    Path srun = Files.createFile(folder.resolve("srun"));
    assertThat(srun.toFile().setExecutable(true)).isTrue();
    Map<String, String> environment = new HashMap<>(SLURM);
    environment.put("PATH", folder.toString());
    String said =
        """
        srun: cluster configuration lacks support for cpu binding
        a line
        [1] srun: error: n3: task 0: Exited with exit code 7
        srun: error: Unable to create step for job 3: Invalid node name
        not srun: error: n3: task 0: x
        srun: error: n3: task 0: Killed
        """;
    String kept =
        """
        a line
        srun: error: Unable to create step for job 3: Invalid node name
        not srun: error: n3: task 0: x
        """;
    assertThat(filtered(place(null, null, environment), said)).isEqualTo(kept);
    assertThat(filtered(place(null, "a", Map.of()), said)).isEqualTo(said);
  }

  private static String filtered(Placement placement, String said) {
    byte[] lines = said.getBytes(StandardCharsets.UTF_8);
    return new String(placement.shell().filter().apply(lines), StandardCharsets.UTF_8);
  }
}
