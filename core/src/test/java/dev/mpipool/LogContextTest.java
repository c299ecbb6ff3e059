package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.slf4j.MDC;

/** What a log line can tell of the rank on which a task runs. */
@ExtendWith(LocalPools.class)
class LogContextTest {

  private static final String RANK = "mpipool.rank";

  @Test
  void theNameOfATasksThreadAndTheContextOfItsLogLinesHaveTheRank() throws Exception {
    try (MPIExecutor executor = new MPIExecutor()) {
      List<String> told =
          executor
              .submitToAll(
                  () ->
                      MPIExecutor.currentRank()
                          + " "
                          + Thread.currentThread().getName()
                          + " "
                          + MDC.get(RANK))
              .get();
      assertThat(told).containsExactlyInAnyOrder("1 mpipool-1-task-1 1", "2 mpipool-2-task-1 2");
    }
  }

  @Test
  void aTaskThatClearsTheContextClearsItForItselfOnly() throws Exception {
    LocalPools.workers(1);
    try (MPIExecutor executor = new MPIExecutor()) {
      executor.execute(MDC::clear);
      assertThat(executor.submit(() -> MDC.get(RANK)).get()).isEqualTo("1");
    }
  }
}
