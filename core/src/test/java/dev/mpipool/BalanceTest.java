package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Workers that have nothing to do get what others hold and have not begun. */
@Timeout(60)
@ExtendWith(LocalPools.class)
class BalanceTest {

  /** Lets a worker hold many: its tasks so far have been short. */
  private static void shortTasks(MPIExecutor executor) throws Exception {
    List<CompletableFuture<Integer>> futures = new ArrayList<>();
    for (int i = 0; i < 20_000; i++) {
      futures.add(executor.submit(x -> x, i));
    }
    for (int i = 0; i < futures.size(); i++) {
      assertThat(futures.get(i).get(20, TimeUnit.SECONDS)).isEqualTo(i);
    }
  }

  @Test
  void tasksBehindALongOneAreRunByTheOtherWorker() throws Exception {
    try (MPIExecutor executor = new MPIExecutor()) {
      shortTasks(executor);
      int gate = Gate.make();
      CompletableFuture<Integer> stuck = executor.submit(() -> Gate.pass(gate));
      List<CompletableFuture<Integer>> others = new ArrayList<>();
      for (int i = 0; i < 1_000; i++) {
        others.add(executor.submit(x -> x, i));
      }
      for (int i = 0; i < others.size(); i++) {
        assertThat(others.get(i).get(20, TimeUnit.SECONDS)).isEqualTo(i);
      }
      assertThat(stuck).isNotDone();
      Gate.open(gate);
      assertThat(stuck.get(20, TimeUnit.SECONDS)).isEqualTo(gate);
    }
  }

  @Test
  void aLongChunkIsDividedAmongIdleWorkers() throws Exception {
    LocalPools.workers(4);
    try (MPIExecutor executor = new MPIExecutor()) {
      List<Integer> items = IntStream.range(0, 200).boxed().toList();
      List<Integer> ranks =
          executor
              .batch()
              .chunkSize(200)
              .submit(
                  x -> {
                    Thread.sleep(5);
                    return x * 10 + MPIExecutor.currentRank();
                  },
                  items)
              .results();
      assertThat(ranks.stream().map(x -> x / 10)).isEqualTo(items);
      assertThat(ranks.stream().map(x -> x % 10).distinct()).hasSize(4);
    }
  }
}
