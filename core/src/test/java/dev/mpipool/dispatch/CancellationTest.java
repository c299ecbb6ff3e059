package dev.mpipool.dispatch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.FailureReport.Origin;
import dev.mpipool.testing.Ranks;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What workers hear of tasks that are no longer wanted, and when; they are played by the test. */
@Timeout(60)
class CancellationTest {

  private final Desk desk = new Desk(1);

  private static void pass(CountDownLatch latch) {
    try {
      assertThat(latch.await(20, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** What was sent, as text, when it comes. */
  private List<String> awaitNews(int count) {
    List<String> news = new ArrayList<>();
    await()
        .untilAsserted(
            () -> {
              news.addAll(desk.newsAsText());
              assertThat(news).hasSizeGreaterThanOrEqualTo(count);
            });
    return news;
  }

  @Test
  void aCallbackOfACancelledTaskFindsTheWorkerTold() throws Exception {
    Collection<String> told = new ConcurrentLinkedQueue<>();
    TaskFuture<Object> a = desk.submit("a");
    a.whenComplete(
        (value, failure) -> {
          try {
            told.addAll(desk.newsAsText());
          } catch (Exception e) {
            told.add(e.toString());
          }
        });
    a.cancel(true);

    assertThat(told).containsExactly("1 a", "1 CANCEL interrupt");
    assertThat(desk.newsAsText()).isEmpty();
  }

  @Test
  void aChunkThatIsCancelledWhileItIsSubmittedIsNotSent() throws Exception {
    Desk.Batch source = new Desk.Batch();
    desk.dispatcher.addSource(source);
    TaskFuture<Object> chunk = desk.chunk();
    // cancel has told the dispatcher, and is held up before it completes the future
    chunk.task.aboutToEnd(true, chunk::drop);
    desk.dispatcher.submitFrom(source, chunk);

    await().until(chunk::isCancelled);
    assertThat(desk.news()).isEmpty();
    desk.submit("a");
    assertThat(desk.newsAsText()).containsExactly("1 a");
  }

  @Test
  void aTaskThatFailsForTheInterruptIsStillCancelled() throws Exception {
    TaskFuture<Object> a = desk.submit("a");
    long id = desk.nextTask();
    // cancel has told the worker, and is held up before it completes the future
    a.task.aboutToEnd(true, a::drop);
    desk.fail(1, id, Origin.TASK, new InterruptedException());

    assertThatThrownBy(() -> Desk.result(a)).isInstanceOf(CancellationException.class);
    assertThat(a.cancel(true)).isTrue();
  }

  @Test
  void aCancelThatIsHeldUpInTheQueueKeepsNobody() throws Exception {
    desk.submit("a");
    long running = desk.nextTask();
    desk.submit("filler");
    desk.submit("filler");
    TaskFuture<Object> b = desk.submit("b");
    b.task.aboutToEnd(true, b::drop);
    desk.dispatcher.shutdown();
    for (String name : List.of("1 filler", "1 filler")) {
      desk.answer(1, running, 1);
      List<Desk.Sent> next = desk.news();
      assertThat(next).hasSize(1);
      running = next.get(0).id();
      assertThat(name).endsWith((String) Desk.called(next.get(0).body()));
    }
    desk.answer(1, running, 1);
    assertThat(desk.newsAsText()).containsExactly("1 RELEASE");
    desk.gone(1);

    desk.awaitTerminated();
    assertThat(b.isCancelled()).isTrue();
  }

  private static Stream<Consumer<TaskFuture<Object>>> timeouts() {
    return Stream.of(
        future -> future.orTimeout(1, TimeUnit.MILLISECONDS),
        future -> future.completeOnTimeout("instead", 1, TimeUnit.MILLISECONDS));
  }

  @ParameterizedTest
  @MethodSource("timeouts")
  void aTimeoutInterruptsTheTask(Consumer<TaskFuture<Object>> timeout) throws Exception {
    TaskFuture<Object> a = desk.submit("a");
    timeout.accept(a);

    assertThat(awaitNews(2)).containsExactly("1 a", "1 CANCEL interrupt");
    assertThat(a.handle((value, failure) -> "done")).succeedsWithin(20, TimeUnit.SECONDS);
    assertThat(desk.dispatcher.idling()).isZero();
  }

  @ParameterizedTest
  @MethodSource("timeouts")
  void aTimeoutKeepsAQueuedTaskFromBeginning(Consumer<TaskFuture<Object>> timeout)
      throws Exception {
    desk.submit("a");
    long a = desk.nextTask();
    TaskFuture<Object> b = desk.submit("b");
    desk.submit("c");
    timeout.accept(b);
    assertThat(b.handle((value, failure) -> "done")).succeedsWithin(20, TimeUnit.SECONDS);
    desk.answer(1, a, 1);

    assertThat(desk.newsAsText()).containsExactly("1 c");
  }

  @Test
  void callbacksOfATimeoutMayBlock() throws Exception {
    TaskFuture<Object> a = desk.submit("a");
    CountDownLatch go = new CountDownLatch(1);
    CompletableFuture<String> thread =
        a.handle(
            (value, failure) -> {
              pass(go);
              return Thread.currentThread().getName();
            });
    a.orTimeout(1, TimeUnit.MILLISECONDS);
    await().until(a::isDone);
    CompletableFuture<Object> other = new CompletableFuture<>();
    other.orTimeout(1, TimeUnit.MILLISECONDS);
    await().until(other::isDone); // the thread of the JDK's timers is not held
    go.countDown();

    await().until(thread::isDone);
    assertThat(thread.getNow("")).startsWith("mpipool-callbacks-");
  }

  @Test
  void timeoutsAskForAUnit() throws Exception {
    TaskFuture<Object> a = desk.submit("a");

    assertThatThrownBy(() -> a.orTimeout(1, null)).isInstanceOf(NullPointerException.class);
    assertThatThrownBy(() -> a.completeOnTimeout(1, 1, null))
        .isInstanceOf(NullPointerException.class);
    assertThat(a).isNotDone();
  }

  @Test
  void whateverElseCompletesItTellsTheWorker() throws Exception {
    TaskFuture<Object> async = desk.submit("async");
    long id = desk.nextTask();
    async.completeAsync(() -> 1);
    assertThat(awaitNews(1)).containsExactly("1 CANCEL");
    assertThat(async).isCompletedWithValue(1);
    desk.receive(1, new Entry(EntryKind.DROPPED, id));

    TaskFuture<Object> value = desk.submit("value");
    value.obtrudeValue(2);
    List<Desk.Sent> sent = desk.news();
    assertThat(sent).extracting(Desk.Sent::kind).containsExactly(EntryKind.TASK, EntryKind.CANCEL);
    desk.receive(1, new Entry(EntryKind.DROPPED, sent.get(0).id()));

    TaskFuture<Object> failure = desk.submit("failure");
    failure.obtrudeException(new IOException());
    assertThat(desk.newsAsText()).containsExactly("1 failure", "1 CANCEL");
    assertThat(value).isCompletedWithValue(2);
  }

  @Test
  void cancelledTasksLeaveTheQueueWhileOthersRun() throws Exception {
    desk.submit("running");
    List<WeakReference<TaskFuture<Object>>> cancelled = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      TaskFuture<Object> future = desk.submit("queued");
      future.cancel(true);
      cancelled.add(new WeakReference<>(future));
    }

    await()
        .untilAsserted(
            () -> {
              System.gc();
              assertThat(cancelled).allMatch(future -> future.refersTo(null));
            });
    assertThat(desk.dispatcher.idling()).isZero();
  }

  @Test
  void aTaskIsSubmittedOnce() throws Exception {
    Desk two = new Desk(2);
    TaskFuture<Object> a = two.submit("a");
    two.dispatcher.submit(a);
    assertThat(two.newsAsText()).containsExactly("1 a");
    assertThat(two.dispatcher.idling()).isEqualTo(1);
  }

  @Test
  void aBlockedCallbackOfOneTaskThatNeverStartedDoesNotKeepTheOthers() throws Exception {
    desk.submit("running");
    long running = desk.nextTask();
    CountDownLatch go = new CountDownLatch(1);
    TaskFuture<Object> first = desk.submit("first");
    TaskFuture<Object> second = desk.submit("second");
    first.whenComplete((value, failure) -> pass(go));
    second.whenComplete((value, failure) -> go.countDown());
    FutureTask<List<Unstarted>> stopping =
        Ranks.start("test-stopper", desk.dispatcher::shutdownNow);

    assertThat(Ranks.result(stopping))
        .extracting(Unstarted::future)
        .isEqualTo(List.of(first, second));
    desk.answer(1, running, 1);
    desk.gone(1);
    desk.awaitTerminated();
    assertThat(second.isCancelled()).isTrue();
  }

  @Test
  void aPoolThatIsTerminatedHasNoTaskThatShutdownNowIsStillCancelling() throws Exception {
    desk.submit("running");
    long running = desk.nextTask();
    CountDownLatch entered = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    TaskFuture<Object> first = desk.submit("first");
    TaskFuture<Object> second = desk.submit("second");
    first.whenComplete(
        (value, failure) -> {
          entered.countDown();
          pass(go);
        });
    FutureTask<List<Unstarted>> stopping =
        Ranks.start("test-stopper", desk.dispatcher::shutdownNow);
    pass(entered);
    desk.answer(1, running, 1);
    desk.gone(1);
    desk.awaitTerminated();
    boolean done = second.isDone();
    go.countDown();

    assertThat(done).isTrue();
    assertThat(Ranks.result(stopping)).hasSize(2);
  }
}
