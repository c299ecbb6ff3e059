package dev.mpipool.queue;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Stream;

/** Finds out what kind of scheduler there is. */
final class Detection {

  private Detection() {}

  static Scheduler detect(Map<String, String> environment) {
    String wanted = environment.get("MPIPOOL_SCHEDULER");
    if (wanted != null && !wanted.isBlank()) {
      return switch (wanted) {
        case "slurm-array" -> SlurmScheduler.builder().jobArrays(true).build();
        case "slurm" -> SlurmScheduler.builder().build();
        case "sge" -> GridEngineScheduler.builder().build();
        case "local" -> new LocalScheduler();
        default ->
            throw new IllegalArgumentException(
                "MPIPOOL_SCHEDULER=%s: it may be slurm-array, slurm, sge or local"
                    .formatted(wanted));
      };
    }
    String path = environment.getOrDefault("PATH", "");
    if (has(path, "sbatch", "squeue", "scancel")) {
      return SlurmScheduler.builder().jobArrays(true).build();
    }
    // PBS has commands of the same names, but other answers
    if (environment.containsKey("SGE_ROOT") && has(path, "qsub", "qstat", "qdel")) {
      return GridEngineScheduler.builder().build();
    }
    return new LocalScheduler();
  }

  private static boolean has(String path, String... programs) {
    return Arrays.stream(programs)
        .allMatch(
            program ->
                Stream.of(path.split(File.pathSeparator))
                    .filter(folder -> !folder.isEmpty())
                    .anyMatch(folder -> Files.isExecutable(Path.of(folder, program))));
  }
}
