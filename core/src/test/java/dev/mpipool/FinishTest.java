package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What {@link MPIRuntime#finish} does to a pool, in each phase of the pool's life. */
@Timeout(60)
class FinishTest {

  private static CountDownLatch running;
  private static CountDownLatch mayEnd;
  private static CountDownLatch callbackIsThere;

  private final PrintStream before = System.err;
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @BeforeEach
  void readErr() {
    running = new CountDownLatch(1);
    mayEnd = new CountDownLatch(1);
    callbackIsThere = new CountDownLatch(1);
    System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
  }

  @AfterEach
  void writeErr() {
    System.setErr(before);
    mayEnd.countDown();
  }

  private String said() {
    return err.toString(StandardCharsets.UTF_8);
  }

  private static int runUntilLet() throws InterruptedException {
    running.countDown();
    mayEnd.await();
    return 7;
  }

  private static int awaitCallback() throws InterruptedException {
    callbackIsThere.await();
    return 1;
  }

  private static int ignoreInterrupts() {
    running.countDown();
    while (mayEnd.getCount() > 0) {
      try {
        mayEnd.await();
      } catch (InterruptedException e) {
        // goes on
      }
    }
    return 7;
  }

  @Test
  void withoutAPoolNothingHappens() {
    MPIRuntime.finish();
    MPIRuntime.finish();
    assertThat(said()).isEmpty();
  }

  @Test
  void anIdlePoolEnds() throws Exception {
    MPIExecutor executor = new MPIExecutor();
    executor.submit(() -> 1).get();
    MPIRuntime.finish();
    assertThat(executor.isTerminated()).isTrue();
    assertThatThrownBy(() -> executor.submit(() -> 1))
        .isInstanceOf(RejectedExecutionException.class);
    assertThat(said()).endsWith("given up: 0 futures" + System.lineSeparator());
    executor.close();
    MPIRuntime.finish();
    assertThat(said().lines()).hasSize(1);
  }

  @Test
  void aBusyPoolEndsAndItsTaskIsInterrupted() throws Exception {
    MPIExecutor executor = new MPIExecutor();
    CompletableFuture<Integer> future = executor.submit(FinishTest::runUntilLet);
    running.await();
    MPIRuntime.finish();
    assertThat(executor.isTerminated()).isTrue();
    assertThat(future).isCompletedExceptionally();
    assertThat(said()).endsWith("given up: 1 future" + System.lineSeparator());
  }

  @Tag("slow")
  @Test
  void aTaskThatIgnoresInterruptsIsWaitedForSomeSecondsOnly() throws Exception {
    MPIExecutor executor = new MPIExecutor();
    CompletableFuture<Integer> future = executor.submit(FinishTest::ignoreInterrupts);
    running.await();
    MPIRuntime.finish();
    assertThat(executor.isShutdown()).isTrue();
    assertThat(executor.isTerminated()).isFalse();
    mayEnd.countDown();
    executor.close();
    assertThat(future).isDone();
  }

  @Test
  void aPoolThatWasShutDownEndsWhenItsTasksAreDone() throws Exception {
    MPIExecutor executor = new MPIExecutor();
    CompletableFuture<Integer> future = executor.submit(FinishTest::runUntilLet);
    running.await();
    executor.shutdown();
    CompletableFuture<Void> finish = CompletableFuture.runAsync(MPIRuntime::finish);
    assertThat(executor.awaitTermination(300, TimeUnit.MILLISECONDS)).isFalse();
    assertThat(finish).isNotDone();
    mayEnd.countDown();
    finish.get();
    assertThat(executor.isTerminated()).isTrue();
    assertThat(future.get()).isEqualTo(7);
    assertThat(said()).isEmpty();
  }

  @Test
  void aClosedPoolIsNoConcern() {
    new MPIExecutor().close();
    MPIRuntime.finish();
    assertThat(said()).isEmpty();
  }

  @Test
  void aCallbackMayEndMpi() throws Exception {
    MPIExecutor executor = new MPIExecutor();
    executor.submit(() -> 1).thenRun(MPIRuntime::finish).get();
    assertThat(executor.isTerminated()).isTrue();
  }

  @Test
  void aTaskMayNot() {
    try (MPIExecutor executor = new MPIExecutor()) {
      CompletableFuture<?> future = executor.submit(MPIRuntime::finish);
      assertThatThrownBy(future::get)
          .isInstanceOf(ExecutionException.class)
          .hasCauseInstanceOf(IllegalStateException.class);
      assertThat(executor.isOpen()).isTrue();
    }
  }

  @Test
  void aProgramThatRunsToItsEndLeavesOtherPoolsOfTheProcessAlone() throws Exception {
    try (MPIExecutor executor = new MPIExecutor()) {
      MPIExecutor.run(new String[0], (other, args) -> other.submit(() -> 1).get());
      assertThat(executor.submit(() -> 2).get()).isEqualTo(2);
    }
  }

  @Test
  void whatWasAcceptedKeepsTheProcessUntilItsCallbacksHaveReturned() throws Exception {
    Set<Thread> before = keepers();
    MPIExecutor executor = new MPIExecutor();
    CountDownLatch inCallback = new CountDownLatch(1);
    CompletableFuture<Integer> future = executor.submit(FinishTest::awaitCallback);
    future.thenRun( // before the task is done, else this thread would run it
        () -> {
          inCallback.countDown();
          ignoreInterrupts();
        });
    callbackIsThere.countDown();
    inCallback.await();
    executor.shutdown();
    assertThat(executor.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
    Set<Thread> mine = keepers();
    mine.removeAll(before);
    assertThat(mine).hasSize(1);
    Thread keeper = mine.iterator().next();
    assertThat(keeper.isDaemon()).isFalse();
    assertThat(keeper.isAlive()).isTrue();
    mayEnd.countDown();
    keeper.join(30_000);
    assertThat(keeper.isAlive()).isFalse();
  }

  private static Set<Thread> keepers() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("mpipool-shutdown"))
        .collect(Collectors.toSet());
  }
}
