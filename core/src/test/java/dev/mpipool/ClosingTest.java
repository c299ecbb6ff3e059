package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mpipool.testing.Ranks;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** How pools end, what tasks see, and MPIExecutor.run, on local workers. */
@Timeout(60)
@ExtendWith(LocalPools.class)
class ClosingTest {

  private static final AtomicInteger RUNS = new AtomicInteger();

  @Test
  void closeWaitsForTasksAndTheThreadsAreGone() throws Exception {
    MPIExecutor executor = new MPIExecutor();
    assertThat(LocalPools.threads()).isNotEmpty();
    List<CompletableFuture<Integer>> futures = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      int number = i;
      futures.add(executor.submit(() -> number * number));
    }
    executor.close();

    assertThat(executor.isTerminated()).isTrue();
    for (int i = 0; i < 100; i++) {
      assertThat(futures.get(i)).isCompletedWithValue(i * i);
    }
    LocalPools.awaitNoThreads();
    executor.close();
    assertThat(executor.shutdownNow()).isEmpty();
  }

  @Test
  void severalThreadsMayCloseAtOnce() throws Exception {
    MPIExecutor executor = new MPIExecutor();
    int gate = Gate.make();
    executor.submit(() -> Gate.pass(gate));
    List<FutureTask<Boolean>> closing = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      closing.add(
          Ranks.start(
              "test-closer-" + i,
              () -> {
                executor.close();
                return executor.isTerminated();
              }));
    }
    Gate.open(gate);
    for (FutureTask<Boolean> closer : closing) {
      assertThat(Ranks.result(closer)).isTrue();
    }
  }

  @Test
  void aCallbackMayClose() throws Exception {
    MPIExecutor executor = new MPIExecutor();
    CompletableFuture<Boolean> closed =
        executor
            .submit(() -> 1)
            .thenApply(
                value -> {
                  executor.close();
                  return executor.isTerminated();
                });

    assertThat(closed.get(20, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void anInterruptedCloseCancelsAndFinishesAndKeepsTheInterrupt() throws Exception {
    MPIExecutor executor = new MPIExecutor();
    int gate = Gate.make();
    List<CompletableFuture<Integer>> futures = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      futures.add(executor.submit(() -> Gate.pass(gate)));
    }
    Gate.awaitEntered(gate);
    Thread.currentThread().interrupt();
    executor.close();

    assertThat(Thread.interrupted()).isTrue();
    assertThat(executor.isTerminated()).isTrue();
    assertThat(futures).allMatch(CompletableFuture::isCompletedExceptionally);
    assertThat(futures.get(4).isCancelled()).isTrue();
  }

  @Test
  void shutdownNowCompletesEveryFutureHoweverFarItsTaskIs() throws Exception {
    for (int run = 0; run < 30; run++) {
      MPIExecutor executor = new MPIExecutor();
      int gate = Gate.make();
      List<CompletableFuture<Integer>> futures = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        futures.add(executor.submit(() -> Gate.pass(gate)));
      }
      executor.shutdownNow();
      executor.close();

      assertThat(futures).allMatch(CompletableFuture::isDone);
    }
  }

  @Test
  void shutdownNowReturnsWhatNeverStarted() throws Exception {
    LocalPools.workers(1);
    MPIExecutor executor = new MPIExecutor();
    int gate = Gate.make();
    CompletableFuture<Integer> running = executor.submit(() -> Gate.pass(gate));
    Gate.awaitEntered(gate);
    Runnable executed = (Runnable & Serializable) () -> RUNS.incrementAndGet();
    executor.execute(executed);
    CompletableFuture<Integer> submitted = executor.submit(() -> RUNS.incrementAndGet());
    CompletableFuture<Integer> applied = executor.submit(x -> RUNS.addAndGet(x), 10);
    List<Runnable> never = executor.shutdownNow();

    assertThat(never).hasSize(3);
    assertThat(never.get(0)).isSameAs(executed);
    assertThat(submitted.isCancelled()).isTrue();
    assertThat(applied.isCancelled()).isTrue();
    int before = RUNS.get();
    never.get(1).run();
    never.get(2).run();
    assertThat(RUNS).hasValue(before + 11);
    assertThatThrownBy(() -> running.get(20, TimeUnit.SECONDS))
        .hasCauseInstanceOf(InterruptedException.class);
    assertThat(executor.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
    executor.close();
  }

  @Test
  void poolsOneAfterTheOther() throws Exception {
    for (int i = 0; i < 10; i++) {
      int number = i;
      try (MPIExecutor executor = new MPIExecutor()) {
        assertThat(executor.isMain()).isTrue();
        assertThat(executor.isWorker()).isFalse();
        executor.workersExit();
        assertThat(executor.submit(() -> number).get(20, TimeUnit.SECONDS)).isEqualTo(number);
      }
    }
  }

  @Test
  void whatATaskCapturedWhenItWasSubmittedIsWhatRuns() throws Exception {
    LocalPools.workers(1);
    try (MPIExecutor executor = new MPIExecutor()) {
      int gate = Gate.make();
      executor.submit(() -> Gate.pass(gate));
      StringBuilder text = new StringBuilder("before");
      CompletableFuture<String> captured = executor.submit(() -> text.toString());
      text.append(" and after");
      Gate.open(gate);

      assertThat(captured.get(20, TimeUnit.SECONDS)).isEqualTo("before");
    }
  }

  static final class Unserializable extends RuntimeException {
    private static final long serialVersionUID = 1;
    final Object lock = new Object();

    Unserializable(String message) {
      super(message);
    }
  }

  @Test
  void exceptionsArriveAsPromised() throws Exception {
    try (MPIExecutor executor = new MPIExecutor()) {
      CompletableFuture<?> own =
          executor.submit(
              () -> {
                throw new IOException("own");
              });
      CompletableFuture<?> cancellation =
          executor.submit(
              () -> {
                throw new CancellationException("own");
              });
      CompletableFuture<?> remote =
          executor.submit(
              () -> {
                throw new Unserializable("text");
              });
      CompletableFuture<?> result = executor.submit(() -> List.of(1, new Object()));

      assertThat(cause(own))
          .isExactlyInstanceOf(IOException.class)
          .hasMessage("own")
          .satisfies(e -> assertThat(e.getStackTrace()[0].getClassName()).contains("ClosingTest"));
      assertThat(cause(cancellation)).isExactlyInstanceOf(CancellationException.class);
      assertThat(cause(remote))
          .isInstanceOfSatisfying(
              RemoteTaskException.class,
              e -> {
                assertThat(e.remoteType()).isEqualTo(Unserializable.class.getName());
                assertThat(e).hasMessageContaining("text");
                assertThat(e.remoteStackTrace()).contains("ClosingTest");
              });
      assertThat(cause(result))
          .isInstanceOf(TaskSerializationException.class)
          .hasMessageContaining("java.lang.Object")
          .hasMessageContaining("[1]");
      assertThat(executor.submit(() -> 1).get(20, TimeUnit.SECONDS)).isEqualTo(1);
    }
  }

  private static Throwable cause(CompletableFuture<?> future) throws Exception {
    try {
      throw new AssertionError("returned " + future.get(20, TimeUnit.SECONDS));
    } catch (ExecutionException e) {
      return e.getCause();
    }
  }

  @Test
  void runRunsTheBodyAndClosesThePool() {
    AtomicReference<MPIExecutor> seen = new AtomicReference<>();
    MPIExecutor.run(
        new String[] {"a", "b"},
        (executor, arguments) -> {
          seen.set(executor);
          assertThat(arguments).containsExactly("a", "b");
          assertThat(executor.submit(() -> 6 * 7).get(20, TimeUnit.SECONDS)).isEqualTo(42);
        });

    assertThat(seen.get().isTerminated()).isTrue();
  }

  @Test
  void whatTheBodyThrowsLeavesRunAndTasksAreCancelled() {
    int gate = Gate.make();
    AtomicReference<CompletableFuture<Integer>> pending = new AtomicReference<>();
    assertThatThrownBy(
            () ->
                MPIExecutor.run(
                    new String[0],
                    (executor, arguments) -> {
                      pending.set(executor.submit(() -> Gate.pass(gate)));
                      throw new IOException("body");
                    }))
        .isExactlyInstanceOf(IOException.class)
        .hasMessage("body");

    assertThat(pending.get()).isCompletedExceptionally();
  }

  @Test
  void withoutMpiTheRuntimeDoesNothing() {
    String[] args = {"x"};
    assertThat(MPIRuntime.init(args)).containsExactly("x").isNotSameAs(args);
    MPIRuntime.finish();
    MPIRuntime.finish();
  }

  @Test
  void wrongOptionsAreNamed() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> MPIExecutor.builder().main(-1))
        .withMessageContaining("-1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> MPIExecutor.builder().main(1).open())
        .withMessageContaining("rank 1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> MPIExecutor.builder().maxAttempts(0))
        .withMessageContaining("not 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> MPIExecutor.builder().heartbeatTimeout(java.time.Duration.ZERO))
        .withMessageContaining("PT0S");
    LocalPools.workers(0);
    assertThatIllegalArgumentException()
        .isThrownBy(MPIExecutor::new)
        .withMessageContaining("mpipool.local.workers=0");
  }
}
