package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.LocalCommunicator;
import dev.mpipool.testing.Ranks;
import java.lang.ref.WeakReference;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** shutdown, shutdownNow, awaitTermination, and pools that nobody closes, on local workers. */
@Timeout(60)
@ExtendWith(LocalPools.class)
class TerminationTest {

  private static void awaitTermination(MPIExecutor executor) throws InterruptedException {
    assertThat(executor.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
    assertThat(executor.isTerminated()).isTrue();
  }

  @Test
  void aPoolThatIsShutDownAndNeverClosedLeavesNothingBehind() throws Exception {
    MPIExecutor executor = new MPIExecutor();
    Future<Integer> future = executor.submit(() -> 1);
    executor.shutdown();
    awaitTermination(executor);

    assertThat(future.get()).isEqualTo(1);
    assertThat(executor.size()).isZero();
    LocalPools.awaitNoThreads();
    executor.close();
  }

  @Test
  void aPoolThatIsStoppedAndNeverClosedLeavesNothingBehind() throws Exception {
    MPIExecutor executor = new MPIExecutor();
    executor.submit(() -> Gate.pass(Gate.make()));
    executor.shutdownNow();
    awaitTermination(executor);

    LocalPools.awaitNoThreads();
  }

  @Test
  void aClosedPoolIsGarbageHoweverSeldomItLooksAtItsWorkers() {
    List<WeakReference<Communicator>> closed = closedPools();
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(
            () -> {
              System.gc();
              assertThat(closed).allMatch(communicator -> communicator.refersTo(null));
            });
  }

  private static List<WeakReference<Communicator>> closedPools() {
    List<WeakReference<Communicator>> closed = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      List<Communicator> ranks = LocalCommunicator.create(2);
      MPIExecutor.Builder builder = MPIExecutor.builder().heartbeatTimeout(Duration.ofHours(10));
      FutureTask<Void> worker =
          Ranks.start(
              "test-worker",
              () -> {
                builder.communicator(ranks.get(1)).open().close();
                return null;
              });
      try (MPIExecutor executor =
          MPIExecutor.builder()
              .heartbeatTimeout(Duration.ofHours(10))
              .communicator(ranks.get(0))
              .open()) {
        assertThat(executor.submit(() -> 1).join()).isEqualTo(1);
      }
      assertThat(worker).succeedsWithin(Duration.ofSeconds(20));
      closed.add(new WeakReference<>(ranks.get(0)));
    }
    return closed;
  }

  /** The pool behind a wrapper, which knows ExecutorService and no more. */
  @Test
  void theJdksOwnCloseWaitsForTheTasksAndEndsThePool() throws Exception {
    MPIExecutor executor = new MPIExecutor();
    int gate = Gate.make();
    Future<Integer> future = executor.submit(() -> Gate.pass(gate));
    ExecutorService wrapped = Executors.unconfigurableExecutorService(executor);
    FutureTask<Boolean> closing =
        Ranks.start(
            "test-closer",
            () -> {
              closeAsJava21Does(wrapped);
              return future.isDone();
            });
    Gate.awaitEntered(gate);
    Gate.open(gate);

    assertThat(Ranks.result(closing)).isTrue();
    assertThat(executor.isTerminated()).isTrue();
    LocalPools.awaitNoThreads();
  }

  private static void closeAsJava21Does(ExecutorService service) throws Exception {
    if (service instanceof AutoCloseable closeable) {
      closeable.close();
      return;
    }
    service.shutdown();
    while (!service.awaitTermination(1, TimeUnit.DAYS)) {
      // as the JDK
    }
  }

  @Test
  void closeIsThePoolsOwnAlsoThroughTheInterface() throws Exception {
    Method close = MPIExecutor.class.getMethod("close");
    assertThat(close.getDeclaringClass()).isSameAs(MPIExecutor.class);
    MPIExecutor executor = new MPIExecutor();
    closeAsJava21Does(executor);

    assertThat(executor.isTerminated()).isTrue();
  }

  @Test
  void waitingForTheEndOfAPoolThatIsInUse() throws Exception {
    try (MPIExecutor executor = new MPIExecutor()) {
      assertThat(executor.isTerminated()).isFalse();
      assertThat(executor.awaitTermination(Long.MIN_VALUE, TimeUnit.NANOSECONDS)).isFalse();
      assertThat(executor.awaitTermination(0, TimeUnit.NANOSECONDS)).isFalse();
      assertThat(executor.awaitTermination(1, TimeUnit.MILLISECONDS)).isFalse();
      assertThatNullPointerException().isThrownBy(() -> executor.awaitTermination(1, null));
      Thread.currentThread().interrupt();
      assertThatThrownBy(() -> executor.awaitTermination(20, TimeUnit.SECONDS))
          .isInstanceOf(InterruptedException.class);
      assertThat(executor.submit(() -> 1).get(20, TimeUnit.SECONDS)).isEqualTo(1);
    }
  }

  @Test
  void shutdownLetsQueuedTasksFinish() throws Exception {
    LocalPools.workers(1);
    MPIExecutor executor = new MPIExecutor();
    int gate = Gate.make();
    executor.submit(() -> Gate.pass(gate));
    List<CompletableFuture<Integer>> queued = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      int number = i;
      queued.add(executor.submit(() -> number));
    }
    executor.shutdown();
    executor.shutdown();
    Gate.open(gate);
    awaitTermination(executor);

    for (int i = 0; i < 50; i++) {
      assertThat(queued.get(i)).isCompletedWithValue(i);
    }
  }

  @Test
  void shutdownNowAfterShutdownCancelsTheQueue() throws Exception {
    LocalPools.workers(1);
    MPIExecutor executor = new MPIExecutor();
    int gate = Gate.make();
    CompletableFuture<Integer> running = executor.submit(() -> Gate.pass(gate));
    Gate.awaitEntered(gate);
    CompletableFuture<Integer> queued = executor.submit(() -> 1);
    executor.shutdown();
    assertThat(queued).isNotDone();

    assertThat(executor.shutdownNow()).hasSize(1);
    assertThat(queued).isCancelled();
    assertThat(executor.shutdownNow()).isEmpty();
    awaitTermination(executor);
    assertThatThrownBy(() -> running.get(20, TimeUnit.SECONDS))
        .hasCauseInstanceOf(InterruptedException.class);
  }

  @Test
  void aCallbackOfATaskThatNeverStartedMayCloseThePool() throws Exception {
    LocalPools.workers(1);
    MPIExecutor executor = new MPIExecutor();
    int gate = Gate.make();
    executor.submit(() -> Gate.pass(gate));
    Gate.awaitEntered(gate);
    List<CompletableFuture<Boolean>> allDone = new ArrayList<>();
    List<CompletableFuture<Integer>> queued = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      queued.add(executor.submit(() -> 1));
    }
    for (CompletableFuture<Integer> future : queued) {
      allDone.add(
          future.handle(
              (value, failure) -> {
                executor.close();
                return queued.stream().allMatch(CompletableFuture::isCancelled);
              }));
    }
    FutureTask<List<Runnable>> stopping = Ranks.start("test-stopper", executor::shutdownNow);

    assertThat(Ranks.result(stopping)).hasSize(5);
    for (CompletableFuture<Boolean> done : allDone) {
      assertThat(done.get(20, TimeUnit.SECONDS)).isTrue();
    }
  }

  @Test
  void callbacksMayNeedALockThatWhoeverStopsThePoolHolds() throws Exception {
    LocalPools.workers(1);
    MPIExecutor executor = new MPIExecutor();
    int gate = Gate.make();
    executor.submit(() -> Gate.pass(gate));
    Gate.awaitEntered(gate);
    Object lock = new Object();
    CountDownLatch left = new CountDownLatch(3_000);
    for (int i = 0; i < 3_000; i++) {
      executor
          .submit(() -> 1)
          .whenComplete(
              (value, failure) -> {
                synchronized (lock) {
                  left.countDown();
                }
              });
    }
    synchronized (lock) {
      assertThat(executor.shutdownNow()).hasSize(3_000);
    }

    assertThat(left.await(20, TimeUnit.SECONDS)).isTrue();
    awaitTermination(executor);
  }

  @ParameterizedTest
  @ValueSource(strings = {"abc", "", "2.5", "-1", "0", "00", "1000000", "4 "})
  void theNumberOfLocalWorkersIsCheckedAndNamed(String number) {
    System.setProperty("mpipool.local.workers", number);

    assertThatIllegalArgumentException()
        .isThrownBy(MPIExecutor::new)
        .withMessageContaining("-Dmpipool.local.workers=" + number + ":");
  }

  @Test
  void withoutANumberThereIsAWorkerForEachProcessor() {
    System.clearProperty("mpipool.local.workers");
    try (MPIExecutor executor = new MPIExecutor()) {
      assertThat(executor.size()).isEqualTo(Runtime.getRuntime().availableProcessors());
    }
  }
}
