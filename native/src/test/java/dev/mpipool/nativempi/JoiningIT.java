package dev.mpipool.nativempi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A rank joins the others or ends with a line that says why, but never runs alone. */
class JoiningIT {

  private static final Path BUILD_JDK = Path.of(System.getProperty("java.home"));

  private static void assertRefused(Job job, String... texts) throws Exception {
    assertThat(job.exitCode()).as(job.output()).isEqualTo(1);
    List<String> lines = job.output().lines().filter(line -> line.startsWith("mpipool:")).toList();
    assertThat(lines).hasSizeBetween(1, 2).allSatisfy(line -> assertThat(line).contains(texts));
    assertThat(job.output()).doesNotContain("pid");
  }

  @ParameterizedTest
  @EnumSource
  void olderJavaIsTold(Mpi mpi) throws Exception {
    assumeTrue(Runtime.version().feature() < 22, "the build runs on a newer JDK");
    try (Job job = mpi.start(BUILD_JDK, 2, List.of(), Map.of(), Endings.class, "all-finish")) {
      assertRefused(job, "needs Java 22 or later", "this is Java " + Runtime.version());
    }
  }

  @ParameterizedTest
  @EnumSource
  void aLibraryOfAnotherMpiIsTold(Mpi mpi) throws Exception {
    Mpi other = mpi == Mpi.MPICH ? Mpi.OPEN_MPI : Mpi.MPICH;
    assumeTrue(other.isInstalled(), "one MPI is not installed");
    List<String> library = List.of("-Dmpipool.mpi.library=" + other.library);
    try (Job job = mpi.start(Mpi.jdk(), 2, library, Map.of(), Endings.class, "all-finish")) {
      assertRefused(job, "as 2 processes", other.library, "finds 1", "-Dmpipool.mpi.library=/path");
    }
  }

  @ParameterizedTest
  @EnumSource
  void aLibraryThatIsNotThereIsTold(Mpi mpi) throws Exception {
    Map<String, String> missing = Map.of("MPIPOOL_MPI_LIBRARY", "/nowhere/libmpi.so");
    try (Job job = mpi.start(Mpi.jdk(), 2, List.of(), missing, Endings.class, "all-finish")) {
      assertRefused(job, "/nowhere/libmpi.so", "MPIPOOL_MPI_LIBRARY");
    }
  }

  @Test
  void srunWithoutAProcessManagerIsTold() throws Exception {
    Map<String, String> step =
        Map.of("SLURM_STEP_ID", "0", "SLURM_STEP_NUM_TASKS", "4", "SLURM_PROCID", "0");
    try (Job job = Mpi.startAlone(Mpi.jdk(), step, Endings.class, "all-finish")) {
      assertRefused(job, "srun started this program as 4 processes", "--mpi=pmix", "--mpi=pmi2");
    }
  }

  @ParameterizedTest
  @EnumSource
  void nullPointersAreExceptionsStill(Mpi mpi) throws Exception {
    try (Job job = mpi.start(2, NullPointers.class)) {
      assertThat(job.exitCode()).as(job.output()).isZero();
      assertThat(job.output()).contains("1000 of 1000").doesNotContain("mpipool:");
    }
  }

  /** UCX takes the JVM's signals where the user asks for that. */
  @ParameterizedTest
  @EnumSource
  void signalHandlersArePutBack(Mpi mpi) throws Exception {
    Map<String, String> taken = Map.of("UCX_ERROR_SIGNALS", "SIGILL,SIGSEGV,SIGBUS,SIGFPE");
    try (Job job = mpi.start(Mpi.jdk(), 2, List.of(), taken, NullPointers.class)) {
      assertThat(job.exitCode()).as(job.output()).isZero();
      assertThat(job.output()).contains("1000 of 1000");
    }
  }

  @ParameterizedTest
  @EnumSource
  void aRankThatWaitsCostsNoProcessorTime(Mpi mpi) throws Exception {
    try (Job job = mpi.start(2, Idle.class)) {
      assertThat(job.exitCode()).as(job.output()).isZero();
      String percent = job.output().replaceAll("(?s).*idle ([0-9.]+) %.*", "$1");
      assertThat(Double.parseDouble(percent)).isLessThan(3);
    }
  }
}
