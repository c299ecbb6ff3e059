package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.LocalCommunicator;
import dev.mpipool.testing.Ranks;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Main and workers on ranks of a communicator, each on a thread of its own. */
@Timeout(60)
@ExtendWith(LocalPools.class)
class WorkerRoleTest {

  private static int product(MPIExecutor executor) throws Exception {
    return executor.submit(() -> 6 * 7).get(20, TimeUnit.SECONDS);
  }

  @Test
  void workersComeOutWhenMainHasClosedThePool() throws Exception {
    List<String> seen =
        Ranks.onAll(
            3,
            own -> {
              try (MPIExecutor executor = MPIExecutor.builder().communicator(own).open()) {
                executor.workersExit();
                assertThat(executor.isMain()).isTrue();
                assertThat(executor.size()).isEqualTo(2);
                return "main " + product(executor);
              } catch (WorkersExitException e) {
                assertThat(e.getStackTrace()).isEmpty();
                return "worker";
              }
            });

    assertThat(seen).containsExactly("main 42", "worker", "worker");
  }

  @Test
  void everyTaskMethodOfAWorkerSaysToLeave() throws Exception {
    Ranks.onAll(
        2,
        own -> {
          try (MPIExecutor executor = MPIExecutor.builder().communicator(own).open()) {
            if (own.rank() == 1) {
              assertThat(executor.isWorker()).isTrue();
              assertThat(executor.isMain()).isFalse();
              assertThat(executor.isOpen()).isFalse();
              List<Callable<Object>> calls =
                  List.of(
                      () -> executor.submit(() -> 1),
                      () -> executor.submit(x -> x, 1),
                      executor::size,
                      executor::idling,
                      executor::shutdownNow,
                      executor::isShutdown,
                      executor::isTerminated,
                      () -> executor.awaitTermination(1, TimeUnit.SECONDS));
              for (Callable<Object> call : calls) {
                assertThatThrownBy(call::call)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("workersExit()");
              }
              assertThatThrownBy(() -> executor.execute(() -> {}))
                  .isInstanceOf(IllegalStateException.class);
              assertThatThrownBy(executor::shutdown).isInstanceOf(IllegalStateException.class);
            }
          }
          return null;
        });
  }

  @Test
  void anyRankCanBeMain() throws Exception {
    List<Integer> ranks =
        Ranks.onAll(
            3,
            own -> {
              try (MPIExecutor executor = MPIExecutor.builder().main(2).communicator(own).open()) {
                executor.workersExit();
                return executor.submit(() -> MPIExecutor.currentRank()).get(20, TimeUnit.SECONDS);
              } catch (WorkersExitException e) {
                return -1;
              }
            });

    assertThat(ranks.subList(0, 2)).containsOnly(-1);
    assertThat(ranks.get(2)).isBetween(0, 1);
  }

  @Test
  void poolsOneAfterTheOtherWithTheProgramsOwnMessagesBetween() throws Exception {
    List<Integer> results =
        Ranks.onAll(
            3,
            own -> {
              int sum = 0;
              for (int round = 0; round < 3; round++) {
                try (MPIExecutor executor = MPIExecutor.builder().communicator(own).open()) {
                  if (executor.isMain()) {
                    sum += product(executor);
                  }
                }
                byte[] value = own.broadcast(new byte[] {(byte) round}, 0);
                assertThat(value).containsExactly((byte) round);
              }
              return sum;
            });

    assertThat(results).containsExactly(126, 0, 0);
  }

  @Test
  void poolsOnDisjointCommunicatorsSideBySide() throws Exception {
    List<Integer> sizes =
        Ranks.onAll(
            5,
            own -> {
              Communicator part = own.split(own.rank() % 2, own.rank());
              try (MPIExecutor executor = MPIExecutor.builder().communicator(part).open()) {
                executor.workersExit();
                List<CompletableFuture<Integer>> futures = new ArrayList<>();
                for (int i = 0; i < 50; i++) {
                  int number = i;
                  futures.add(executor.submit(() -> number));
                }
                int sum = 0;
                for (CompletableFuture<Integer> future : futures) {
                  sum += future.get(20, TimeUnit.SECONDS);
                }
                assertThat(sum).isEqualTo(1225);
                return executor.size();
              } catch (WorkersExitException e) {
                return -1;
              } finally {
                part.close();
              }
            });

    assertThat(sizes).containsExactly(2, 1, -1, -1, -1);
  }

  @Test
  void withoutRejoinAWorkerDoesNotComeBack() {
    List<Communicator> ranks = LocalCommunicator.create(2);
    FutureTask<String> worker =
        Ranks.start(
            "test-rank-1",
            () -> {
              try {
                MPIExecutor.builder().rejoin(false).communicator(ranks.get(1)).open();
                return "came back";
              } catch (Exception e) {
                return "caught " + e;
              }
            });
    MPIExecutor.builder().rejoin(false).communicator(ranks.get(0)).open().close();

    assertThatThrownBy(() -> Ranks.result(worker)).hasCauseInstanceOf(RankEndedError.class);
  }

  @Test
  void aWorkerThatIsInterruptedServesAllTheSame() throws Exception {
    List<Boolean> interrupted =
        Ranks.onAll(
            2,
            own -> {
              if (own.rank() == 1) {
                Thread.currentThread().interrupt();
              }
              try (MPIExecutor executor = MPIExecutor.builder().communicator(own).open()) {
                if (executor.isMain()) {
                  assertThat(product(executor)).isEqualTo(42);
                }
              }
              return Thread.currentThread().isInterrupted();
            });

    assertThat(interrupted).containsExactly(false, true);
  }
}
