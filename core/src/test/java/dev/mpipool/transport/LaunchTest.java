package dev.mpipool.transport;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Who started a process, by what each launcher sets for its ranks. */
class LaunchTest {

  private static Map<String, String> environment(String variables) {
    return Stream.of(variables.split(" "))
        .map(variable -> variable.split("=", 2))
        .collect(Collectors.toMap(parts -> parts[0], parts -> parts[1]));
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=3 PMIX_RANK=3 PMIX_NAMESPACE=x, mpirun (Open MPI), 3, 4
          PMI_SIZE=4 PMI_RANK=1 PMI_FD=8 MPI_LOCALNRANKS=4, mpiexec (MPICH), 1, 4
          PMI_SIZE=4 PMI_RANK=1 SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=4 SLURM_MPI_TYPE=pmi2, srun, 1, 4
          PMIX_RANK=2 SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=4 SLURM_PROCID=2 SLURM_MPI_TYPE=pmix, srun, 2, 4
          PMIX_RANK=2 PMIX_NAMESPACE=x, a launcher that speaks PMIx, 2, 0
          SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=2 SLURM_PROCID=1 SLURM_NTASKS=4, srun, 1, 2
          # mpirun in a job of Slurm: its helpers are the tasks of the step
          OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=3 SLURM_STEP_ID=1 SLURM_STEP_NUM_TASKS=2 SLURM_PROCID=0, mpirun (Open MPI), 3, 4
          PMI_SIZE=4 PMI_RANK=3 SLURM_STEP_ID=1 SLURM_STEP_NUM_TASKS=1 SLURM_PROCID=0 SLURM_MPI_TYPE=none, mpiexec (MPICH), 3, 4
          """)
  void oneOfSeveral(String variables, String launcher, int rank, int size) {
    Launch launch = Launch.of(environment(variables)).orElseThrow();
    assertThat(launch).isEqualTo(new Launch(launcher, rank, size));
    assertThat(launch.oneOfSeveral()).isTrue();
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          HOME=/root
          # the script of sbatch, a shell of salloc
          SLURM_JOB_ID=7 SLURM_NTASKS=4 SLURM_NPROCS=4 SLURM_PROCID=0 SLURM_NNODES=2
          SLURM_STEP_NUM_TASKS=4
          # one process, in a step of several helpers, too
          SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=1 SLURM_PROCID=0
          OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=0 SLURM_STEP_ID=1 SLURM_STEP_NUM_TASKS=2 SLURM_PROCID=1
          PMI_SIZE=1 PMI_RANK=0 SLURM_STEP_ID=1 SLURM_STEP_NUM_TASKS=2
          # a program that initialized MPI without a launcher
          PMIX_RANK=0 PMIX_NAMESPACE=singleton
          # no numbers
          OMPI_COMM_WORLD_SIZE=many PMI_SIZE=-1 PMIX_RANK=
          """)
  void alone(String variables) {
    assertThat(Launch.of(environment(variables)).filter(Launch::oneOfSeveral)).isEmpty();
  }
}
