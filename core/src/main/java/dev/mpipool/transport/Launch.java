package dev.mpipool.transport;

import java.util.Map;
import java.util.Optional;

/**
 * What another MPI's launcher, or a scheduler, says in the environment of each process that it
 * starts. A process that is no rank itself has it too if a rank started it.
 *
 * @param launcher for people: what started the process
 * @param rank the number of the process, from 0
 * @param size how many processes were started together; 0 if the environment does not say
 */
public record Launch(String launcher, int rank, int size) {

  /**
   * Finds out which launcher started a process. The innermost launcher decides: within a job of
   * Slurm, {@code mpirun} sets its own variables beside those of Slurm, which then describe
   * mpirun's helpers.
   *
   * @param environment the environment of the process
   * @return empty if none of these launchers did
   */
  public static Optional<Launch> of(Map<String, String> environment) {
    int size = number(environment, "OMPI_COMM_WORLD_SIZE");
    if (size >= 0) {
      return launch("mpirun (Open MPI)", environment, "OMPI_COMM_WORLD_RANK", size);
    }
    boolean step = environment.containsKey("SLURM_STEP_ID");
    int tasks = step ? number(environment, "SLURM_STEP_NUM_TASKS") : -1;
    size = number(environment, "PMI_SIZE");
    if (size >= 0) {
      boolean srun = step && environment.getOrDefault("SLURM_MPI_TYPE", "").startsWith("pmi");
      return launch(srun ? "srun" : "mpiexec (MPICH)", environment, "PMI_RANK", size);
    }
    if (number(environment, "PMIX_RANK") >= 0) {
      String launcher = step ? "srun" : "a launcher that speaks PMIx";
      return launch(launcher, environment, "PMIX_RANK", Math.max(0, tasks));
    }
    // The script of sbatch has SLURM_NTASKS and SLURM_PROCID=0, and is no rank: it belongs to no
    // step.
    return tasks >= 0 ? launch("srun", environment, "SLURM_PROCID", tasks) : Optional.empty();
  }

  /**
   * Whether the process is one of several that are to do one job together.
   *
   * @return false for a lone process
   */
  public boolean oneOfSeveral() {
    return size > 1 || rank > 0;
  }

  private static Optional<Launch> launch(
      String launcher, Map<String, String> environment, String rank, int size) {
    return Optional.of(new Launch(launcher, Math.max(0, number(environment, rank)), size));
  }

  /** A number that is not negative; -1 if there is none. */
  private static int number(Map<String, String> environment, String name) {
    String value = environment.getOrDefault(name, "").strip();
    return value.matches("\\d{1,9}") ? Integer.parseInt(value) : -1;
  }
}
