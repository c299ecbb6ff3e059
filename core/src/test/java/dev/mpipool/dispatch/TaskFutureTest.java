package dev.mpipool.dispatch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(30)
class TaskFutureTest {

  private final Desk desk = new Desk(1);

  private TaskFuture<Object> future() {
    return TaskFuture.of(desk.dispatcher, new Desk.Job("job"), "original");
  }

  static Stream<Throwable> failures() {
    return Stream.of(
        new IOException("checked"),
        new IllegalStateException("unchecked"),
        new AssertionError("error"),
        new CancellationException("the task's own"),
        new CompletionException("the task's own", new IOException("inner")),
        new CompletionException("without cause", null),
        new ExecutionException("the task's own", new IOException("inner")),
        new InterruptedException("interrupted"),
        new TimeoutException("the task's own"));
  }

  @ParameterizedTest
  @MethodSource("failures")
  void whateverATaskThrowsIsTheCauseOfAnExecutionException(Throwable thrown) {
    TaskFuture<Object> future = future();
    future.fail(thrown);

    assertThat(Desk.failure(future)).isSameAs(thrown);
    assertThat(future.isCompletedExceptionally()).isTrue();
    assertThat(future.isCancelled()).isFalse();
    assertThatThrownBy(future::join)
        .isInstanceOf(CompletionException.class)
        .extracting(Throwable::getCause)
        .isSameAs(thrown);
  }

  @Test
  void onlyTheFirstCompletionCounts() throws Exception {
    TaskFuture<Object> future = future();
    future.succeed("first");
    future.succeed("second");
    future.fail(new IOException());

    assertThat(future.complete("third")).isFalse();
    assertThat(future.completeExceptionally(new IOException())).isFalse();
    assertThat(future.cancel(true)).isFalse();
    assertThat(Desk.result(future)).isEqualTo("first");
  }

  @Test
  void aCancelledFutureStaysCancelled() {
    TaskFuture<Object> future = future();
    assertThat(future.cancel(false)).isTrue();
    assertThat(future.cancel(true)).isTrue();
    future.succeed("late");

    assertThat(future.isCancelled()).isTrue();
    assertThatThrownBy(future::get).isInstanceOf(CancellationException.class);
  }

  @Test
  void orTimeoutFailsItAndCompleteOnTimeoutCompletesIt() throws Exception {
    TaskFuture<Object> late = future();
    late.orTimeout(1, TimeUnit.MILLISECONDS);
    assertThat(Desk.failure(late)).isInstanceOf(TimeoutException.class);

    TaskFuture<Object> replaced = future();
    replaced.completeOnTimeout("instead", 1, TimeUnit.MILLISECONDS);
    assertThat(Desk.result(replaced)).isEqualTo("instead");
  }

  @Test
  void anAnswerInTimeMakesTheTimeoutForgotten() throws Exception {
    TaskFuture<Object> future = future();
    CompletableFuture<Object> same = future.orTimeout(1, TimeUnit.DAYS);
    future.succeed(1);

    assertThat(Desk.result(same)).isEqualTo(1);
  }

  @Test
  void whoeverRunsItAsARunnableChangesNothing() {
    TaskFuture<Object> future = future();
    future.run();

    assertThat(future).isNotDone();
  }

  @Test
  void everyWayInWhichTheUserCompletesItFreesTheQueue() throws Exception {
    desk.submit("running");
    long running = desk.nextTask();
    TaskFuture<Object> completed = desk.submit("completed");
    TaskFuture<Object> failed = desk.submit("failed");
    TaskFuture<Object> cancelled = desk.submit("cancelled");
    TaskFuture<Object> async = desk.submit("async");
    desk.submit("wanted");
    completed.complete(1);
    failed.completeExceptionally(new IOException());
    cancelled.cancel(true);
    Desk.result(async.completeAsync(() -> 1));

    desk.answer(1, running, 1);
    assertThat(desk.newsAsText()).isEqualTo(List.of("1 wanted"));
  }

  @Test
  void whoeverCompletesItIsToldWhetherItWasTheFirst() throws Exception {
    TaskFuture<Object> failed = future();
    assertThat(failed.completeExceptionally(new IOException("mine"))).isTrue();
    assertThat(failed.completeExceptionally(new IOException("again"))).isFalse();
    assertThat(Desk.failure(failed)).hasMessage("mine");

    TaskFuture<Object> completed = future();
    assertThat(completed.complete("mine")).isTrue();
    assertThat(completed.complete("again")).isFalse();
    assertThat(Desk.result(completed)).isEqualTo("mine");
  }

  @Test
  void whatIsForcedUponItReplacesItsResultAndTellsTheWorker() throws Exception {
    TaskFuture<Object> failed = desk.submit("failed");
    failed.obtrudeException(new IOException("forced"));
    assertThat(Desk.failure(failed)).hasMessage("forced");
    failed.obtrudeValue("forced");
    assertThat(Desk.result(failed)).isEqualTo("forced");

    assertThat(desk.newsAsText()).containsExactly("1 failed", "1 CANCEL", "1 CANCEL");
  }

  @Test
  void whatSetsATimeoutOrAResultReturnsTheFutureItself() {
    TaskFuture<Object> future = future();
    assertThat(future.orTimeout(1, TimeUnit.DAYS)).isSameAs(future);
    assertThat(future.completeOnTimeout(1, 1, TimeUnit.DAYS)).isSameAs(future);
    assertThat(future.completeAsync(() -> 1)).isSameAs(future);
  }

  @Test
  void itKnowsWhatWasSubmittedAndWhere() {
    TaskFuture<Object> future = future();
    assertThat(future.original()).isEqualTo("original");
    assertThat(future.call()).isEqualTo(new Desk.Job("job"));
    assertThat(future.isFor(desk.dispatcher)).isTrue();
    assertThat(future.isFor(new Desk(1).dispatcher)).isFalse();
  }

  /** A way in which a future ends. */
  private interface Ending {
    void end(TaskFuture<Object> future);
  }

  static Stream<Ending> endings() {
    return Stream.of(
        future -> future.succeed("value"),
        future -> future.fail(new IOException()),
        TaskFuture::drop,
        future -> future.cancel(true),
        future -> future.complete("value"),
        future -> future.completeExceptionally(new IOException()),
        future -> future.obtrudeValue("value"),
        future -> future.orTimeout(1, TimeUnit.NANOSECONDS),
        future -> future.completeOnTimeout("value", 1, TimeUnit.NANOSECONDS));
  }

  @ParameterizedTest
  @MethodSource("endings")
  void aFutureThatIsDoneKeepsNothingOfItsTask(Ending ending) {
    TaskFuture<Object> future = future();
    assertThat(future.call()).isNotNull();
    ending.end(future);

    await().untilAsserted(() -> assertThat(future.isDone()).isTrue());
    await().untilAsserted(() -> assertThat(future.call()).isNull());
    assertThat(future.original()).isNull();
  }

  @Test
  void everyWayToWaitReturnsTheValue() throws Exception {
    TaskFuture<Object> future = desk.submit("a");
    long id = desk.nextTask();
    List<CompletableFuture<Object>> waiting =
        List.of(
            CompletableFuture.supplyAsync(future::join),
            CompletableFuture.supplyAsync(() -> got(future)));
    desk.answer(1, id, 5);
    for (CompletableFuture<Object> one : waiting) {
      assertThat(one.get(20, TimeUnit.SECONDS)).isEqualTo(5);
    }
  }

  private static Object got(TaskFuture<Object> future) {
    try {
      return future.get();
    } catch (InterruptedException | ExecutionException e) {
      throw new IllegalStateException(e);
    }
  }
}
