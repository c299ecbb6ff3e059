package dev.mpipool.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What batch schedulers say in the environment of a job. */
class AllocationTest {
  @TempDir Path folder;

  private static String hosts(Map<String, String> environment) throws UsageException {
    return Allocation.find(environment).orElseThrow().hosts().stream()
        .map(host -> host.name() + ":" + host.slots())
        .collect(Collectors.joining(","));
  }

  private static Map<String, String> slurm(String nodes, String tasks) {
    Map<String, String> environment =
        new HashMap<>(Map.of("SLURM_JOB_ID", "12", "SLURM_JOB_NODELIST", nodes));
    if (tasks != null) {
      environment.put("SLURM_TASKS_PER_NODE", tasks);
    }
    return environment;
  }

  @ParameterizedTest
  @CsvSource({
    "node7, 4, 'node7:4'",
    "'node[1-3],last', '2(x3),1', 'node1:2,node2:2,node3:2,last:1'",
    "'node[08-11]', '1(x4)', 'node08:1,node09:1,node10:1,node11:1'",
    "'n[1,3-4],m[2],k', '1,2(x2),3,4', 'n1:1,n3:2,n4:2,m2:3,k:4'",
    "'r[1-2]n[1-2]', '2(x4)', 'r1n1:2,r1n2:2,r2n1:2,r2n2:2'",
    "'n[1-2]-ib0', '3(x2)', 'n1-ib0:3,n2-ib0:3'",
    "'n[1-2]', , 'n1:1,n2:1'"
  })
  void slurmsLists(String nodes, String tasks, String expected) throws Exception {
    assertThat(hosts(slurm(nodes, tasks))).isEqualTo(expected);
  }

  @Test
  void aStepOfOneNodeInALargerJobOfSlurm() throws Exception {
    Map<String, String> environment = slurm("n[1-4]", "2");
    environment.put("SLURM_STEP_NODELIST", "n3");
    assertThat(hosts(environment)).isEqualTo("n3:2");
  }

  @ParameterizedTest
  @CsvSource({
    "'n[1-2]', '2(x3)', 'does not go with SLURM_TASKS_PER_NODE=2(x3)'",
    "'n[1-x]', '2', 'range'",
    "'n[1-2', '2', 'no host'",
    "'-oProxyCommand=x', '2', 'no host'",
    "'n1', 'many', 'SLURM_TASKS_PER_NODE=many'"
  })
  void whatSlurmCannotMeanIsSaidWithTheVariableAndTheCure(
      String nodes, String tasks, String message) {
    assertThatThrownBy(() -> Allocation.find(slurm(nodes, tasks)))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("Slurm job 12")
        .hasMessageContaining("SLURM_JOB_NODELIST=" + nodes)
        .hasMessageContaining(message)
        .hasMessageContaining("-np and -hosts");
  }

  @Test
  void pbsWritesAHostForEachRank() throws Exception {
    Path file = Files.write(folder.resolve("nodes"), List.of("a", "a", "b.example", "a", ""));
    Map<String, String> environment =
        Map.of("PBS_NODEFILE", file.toString(), "PBS_JOBID", "7.server");
    assertThat(hosts(environment)).isEqualTo("a:3,b.example:1");
    assertThat(Allocation.find(environment).orElseThrow().job()).isEqualTo("PBS job 7.server");
  }

  @Test
  void gridEngineWritesTheNumberNextToTheHost() throws Exception {
    Path file =
        Files.write(folder.resolve("pe"), List.of("a 2 all.q@a UNDEFINED", "b 4 all.q@b <NULL>"));
    assertThat(hosts(Map.of("PE_HOSTFILE", file.toString(), "SGE_ROOT", "/x", "NSLOTS", "6")))
        .isEqualTo("a:2,b:4");
  }

  @Test
  void aSerialJobOfGridEngineIsForOneRank() throws Exception {
    assertThat(hosts(Map.of("SGE_ROOT", "/x", "NSLOTS", "1", "JOB_ID", "5")))
        .isEqualTo("localhost:1");
  }

  @Test
  void lsfSaysHostsAndNumbersInTurn() throws Exception {
    assertThat(hosts(Map.of("LSB_MCPU_HOSTS", "a 2 b 1 ", "LSB_JOBID", "3"))).isEqualTo("a:2,b:1");
    assertThatThrownBy(() -> Allocation.find(Map.of("LSB_MCPU_HOSTS", "a 2 b")))
        .hasMessageContaining("without a number");
  }

  @Test
  void aFileThatIsGoneIsNamed() {
    assertThatThrownBy(() -> Allocation.find(Map.of("PBS_NODEFILE", "/no/nodes")))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("PBS_NODEFILE=/no/nodes cannot be read");
  }

  @Test
  void aTerminalIsNoAllocation() throws Exception {
    assertThat(Allocation.find(Map.of("SGE_ROOT", "/x", "PATH", "/bin"))).isEmpty();
    assertThat(Allocation.find(Map.of("SLURM_JOB_ID", "1"))).isEmpty();
  }
}
