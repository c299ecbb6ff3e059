package dev.mpipool.nativempi;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The walk over any transport, on each MPI library. */
class WalkIT {

  @ParameterizedTest
  @EnumSource
  void everyMessageArrivesOnceInOrderAndWhole(Mpi mpi) throws Exception {
    for (int ranks = 2; ranks <= 4; ranks++) {
      String seed = Long.toString(ThreadLocalRandom.current().nextLong());
      try (Job job = mpi.start(ranks, Walker.class, seed)) {
        assertThat(job.exitCode()).as("seed %s: %s", seed, job.output()).isZero();
        assertThat(job.output()).contains("rank " + (ranks - 1) + " has received");
      }
    }
  }
}
