package dev.mpipool.dispatch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.mpipool.WorkerLostException;
import dev.mpipool.memory.Uninterruptibles;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.testing.Ranks;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class DispatcherShutdownTest {

  private final Desk desk = new Desk(2);
  private final Dispatcher dispatcher = desk.dispatcher;

  @Test
  void anIdlePoolReleasesItsWorkersAtOnceAndEndsWhenTheyAreGone() throws Exception {
    dispatcher.shutdown();
    assertThat(desk.newsAsText()).containsExactly("1 RELEASE", "2 RELEASE");
    desk.gone(1);
    assertThat(dispatcher.isTerminated()).isFalse();
    assertThat(dispatcher.isEnded()).isFalse();
    desk.gone(2);

    desk.awaitTerminated();
    assertThat(dispatcher.isEnded()).isTrue();
    assertThat(dispatcher.size()).isZero();
  }

  private static Set<Thread> heartbeats() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("mpipool-heartbeat"))
        .collect(Collectors.toSet());
  }

  @Test
  void heartbeatsEndWithThePoolHoweverLongTheTimeout() throws Exception {
    Set<Thread> others = heartbeats();
    dispatcher.watch(Duration.ofHours(10), rank -> 0);
    Set<Thread> started = heartbeats();
    started.removeAll(others);
    assertThat(started).hasSize(1);
    dispatcher.shutdown();
    desk.gone(1, 2);
    desk.awaitTerminated();

    Thread heartbeat = started.iterator().next();
    heartbeat.join(20_000);
    assertThat(heartbeat.isAlive()).isFalse();
  }

  @Test
  void heartbeatsOfABrokenPoolEndBeforeItIsClosed() throws Exception {
    Set<Thread> others = heartbeats();
    dispatcher.watch(Duration.ofMillis(200), rank -> System.nanoTime());
    Set<Thread> started = heartbeats();
    started.removeAll(others);
    assertThat(started).hasSize(1);
    dispatcher.breakDown("staged", null);

    Thread heartbeat = started.iterator().next();
    heartbeat.join(20_000);
    assertThat(heartbeat.isAlive()).isFalse();
  }

  @Test
  void shutdownNowReturnsNoTaskThatTheUserHasEnded() throws Exception {
    desk.submit("runs on 1");
    desk.submit("runs on 2");
    List<TaskFuture<Object>> waiting = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      waiting.add(desk.submit("waits " + i));
    }
    desk.news();
    TaskFuture<Object> completed = waiting.get(197);
    TaskFuture<Object> cancelled = waiting.get(198);
    TaskFuture<Object> last = waiting.get(199);
    completed.complete("by the user");
    cancelled.cancel(false);

    List<Unstarted> returned = dispatcher.shutdownNow();
    assertThat(returned)
        .extracting(Unstarted::future)
        .contains(last)
        .doesNotContain(completed, cancelled);
    assertThat(completed).isCompletedWithValue("by the user");
    assertThat(last).isDone();
  }

  @Test
  void acceptedTasksAreDoneBeforeWorkersAreReleased() throws Exception {
    TaskFuture<Object> a = desk.submit("a");
    desk.submit("b");
    List<Desk.Sent> sent = desk.news();
    TaskFuture<Object> c = desk.submit("c");
    dispatcher.shutdown();
    assertThat(dispatcher.isShutdown()).isTrue();
    assertThat(dispatcher.isOpen()).isFalse();
    assertThatThrownBy(() -> desk.submit("d"))
        .isExactlyInstanceOf(RejectedExecutionException.class);

    desk.answer(1, sent.get(0).id(), 1);
    long idC = desk.nextTask();
    desk.answer(2, sent.get(1).id(), 2);
    assertThat(desk.news()).isEmpty();
    desk.answer(1, idC, 3);
    assertThat(desk.newsAsText()).containsExactly("1 RELEASE", "2 RELEASE");
    assertThat(Desk.result(a)).isEqualTo(1);
    assertThat(Desk.result(c)).isEqualTo(3);
    desk.gone(1, 2);
    desk.awaitTerminated();
  }

  @Test
  void anAnswerThatSharesItsMessageWithTheNewsOfALossIsDoneBeforeTheEnd() throws Exception {
    TaskFuture<Object> a = desk.submit("a");
    TaskFuture<Object> b = desk.submit("b");
    List<Desk.Sent> sent = desk.news();
    AtomicBoolean bothDone = new AtomicBoolean();
    dispatcher.atTermination(() -> bothDone.set(a.isDone() && b.isDone()));
    dispatcher.shutdown();
    dispatcher.workerLost(2, "it was killed");
    desk.receive(
        1,
        new Entry(EntryKind.RESULT, sent.get(0).id(), desk.serializer.encode(5)),
        new Entry(EntryKind.LEFT, 0));

    desk.awaitTerminated();
    assertThat(bothDone).isTrue();
    assertThat(Desk.result(a)).isEqualTo(5);
  }

  @Test
  void aSecondShutdownReleasesNobodyTwice() throws Exception {
    dispatcher.shutdown();
    dispatcher.shutdown();
    assertThat(dispatcher.shutdownNow()).isEmpty();

    assertThat(desk.news()).hasSize(2);
  }

  @Test
  void cancelledTasksInTheQueueDoNotKeepThePool() throws Exception {
    desk.submit("a");
    desk.submit("b");
    TaskFuture<Object> c = desk.submit("c");
    List<Desk.Sent> sent = desk.news();
    c.cancel(true);
    dispatcher.shutdown();
    desk.answer(1, sent.get(0).id(), 1);
    desk.answer(2, sent.get(1).id(), 1);

    assertThat(desk.newsAsText()).containsExactly("1 RELEASE", "2 RELEASE");
  }

  @Test
  void shutdownNowCancelsWhatIsQueuedAndInterruptsWhatRuns() throws Exception {
    TaskFuture<Object> a = desk.submit("a");
    desk.submit("b");
    List<Desk.Sent> sent = desk.news();
    TaskFuture<Object> c = desk.submit("c");
    TaskFuture<Object> d = desk.submit("d");
    TaskFuture<Object> e = desk.submit("e");
    d.cancel(false);

    assertThat(dispatcher.shutdownNow())
        .extracting(Unstarted::future)
        .hasSize(2)
        .containsExactly(c, e);
    assertThat(c.isCancelled()).isTrue();
    assertThat(e.isCancelled()).isTrue();
    assertThat(a).isNotDone();
    assertThat(desk.newsAsText()).containsExactly("1 CANCEL interrupt", "2 CANCEL interrupt");
    desk.answer(1, sent.get(0).id(), "finished all the same");
    desk.answer(2, sent.get(1).id(), "too");
    assertThat(Desk.result(a)).isEqualTo("finished all the same");
    assertThat(desk.newsAsText()).containsExactly("1 RELEASE", "2 RELEASE");
  }

  @Test
  void aTaskThatItsWorkerHadNotBegunAtShutdownNowIsCancelled() throws Exception {
    TaskFuture<Object> a = desk.submit("a");
    long id = desk.nextTask();
    assertThat(dispatcher.shutdownNow()).isEmpty();
    desk.receive(1, new Entry(EntryKind.DROPPED, id));

    assertThatThrownBy(() -> Desk.result(a)).isInstanceOf(CancellationException.class);
    desk.gone(1, 2);
    desk.awaitTerminated();
  }

  @Test
  void aPoolEndsWhenItsLastWorkerDiesInsteadOfLeaving() throws Exception {
    dispatcher.shutdown();
    desk.gone(1);
    dispatcher.workerLost(2, "staged");

    desk.awaitTerminated();
  }

  @Test
  void terminationWaitsForFuturesWhoseAnswersHaveCome() throws Exception {
    CountDownLatch go = new CountDownLatch(1);
    TaskFuture<Object> a = desk.submit("a");
    TaskFuture<Object> b = desk.submit("b");
    a.thenRun(() -> uninterruptibly(go));
    List<Desk.Sent> sent = desk.news();
    dispatcher.shutdown();
    desk.answer(1, sent.get(0).id(), 1);
    desk.answer(2, sent.get(1).id(), 2);
    desk.gone(1, 2);

    // a is done, and its callback still runs: that may not keep b or the pool
    assertThat(Desk.result(b)).isEqualTo(2);
    desk.awaitTerminated();
    go.countDown();
  }

  private static void uninterruptibly(CountDownLatch latch) {
    try {
      latch.await(20, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void whoeverFindsThePoolTerminatedFindsAllFuturesDone() throws Exception {
    for (int run = 0; run < 300; run++) {
      Desk own = new Desk(2);
      TaskFuture<Object> a = own.submit("a");
      TaskFuture<Object> b = own.submit("b");
      List<Desk.Sent> sent = own.news();
      own.dispatcher.shutdown();
      own.answer(1, sent.get(0).id(), 1);
      own.answer(2, sent.get(1).id(), 2);
      own.gone(1, 2);
      own.awaitTerminated();

      assertThat(a.isDone() && b.isDone()).isTrue();
    }
  }

  @Test
  void abandonTellsLivingWorkers() throws Exception {
    dispatcher.workerLost(1, "staged");
    dispatcher.abandon();

    assertThat(desk.newsAsText()).containsExactly("2 ABANDON");
  }

  @Test
  void afterShutdownNowNothingBeginsThatALostWorkerHeldOrThatIsGivenBack() throws Exception {
    Desk desk = new Desk(3);
    TaskFuture<Object> lost = desk.submit("lost");
    TaskFuture<Object> back = desk.submit("given back");
    List<Desk.Sent> sent = desk.news();
    desk.dispatcher.shutdownNow();
    desk.dispatcher.workerLost(1, "killed");
    ByteBuffer number = ByteBuffer.allocate(Long.BYTES).putLong(0, sent.get(1).id());
    desk.receive(2, new Entry(EntryKind.RETURNED, 0, number));

    assertThat(desk.news()).noneMatch(entry -> entry.kind() == EntryKind.TASK);
    assertThat(Desk.failure(lost)).isInstanceOf(WorkerLostException.class);
    assertThatThrownBy(() -> Desk.result(back)).isInstanceOf(CancellationException.class);
    desk.gone(2, 3);
    desk.awaitTerminated();
  }

  /** A desk whose one worker is given many tasks, since they are short. */
  private static Desk holding() throws Exception {
    Desk desk = new Desk(1);
    desk.submit("short");
    long id = desk.nextTask();
    desk.receive(
        1,
        new Entry(EntryKind.RESULT, id, desk.serializer.encode(1)),
        new Entry(EntryKind.BUSY_TIME, 1_000));
    return desk;
  }

  private static List<String> names(List<Unstarted> tasks) {
    return tasks.stream().map(task -> (String) task.original()).toList();
  }

  @Test
  void shutdownNowReturnsWhatAWorkerGivesBackAndWhatItDrops() throws Exception {
    Desk desk = holding();
    List<TaskFuture<Object>> futures = new ArrayList<>();
    for (String name : List.of("a", "b", "c", "d")) {
      futures.add(desk.submit(name));
    }
    List<Long> ids = desk.news().stream().map(Desk.Sent::id).toList();
    assertThat(ids).hasSize(4);
    FutureTask<List<Unstarted>> stopping =
        Ranks.start("test-stopper", desk.dispatcher::shutdownNow);
    await().until(() -> !desk.dispatcher.isOpen());
    ByteBuffer numbers = ByteBuffer.allocate(2 * Long.BYTES);
    numbers.putLong(ids.get(3)).putLong(ids.get(2)).flip();
    desk.receive(
        1, new Entry(EntryKind.DROPPED, ids.get(1)), new Entry(EntryKind.RETURNED, 0, numbers));

    assertThat(names(Ranks.result(stopping))).containsExactly("b", "c", "d");
    assertThat(futures.subList(1, 4)).allMatch(TaskFuture::isCancelled);
    assertThat(futures.get(0)).isNotDone();
    assertThat(desk.newsAsText())
        .startsWith("1 RECALL", "1 CANCEL interrupt")
        .doesNotContain("1 RELEASE");
    assertThat(desk.dispatcher.shutdownNow()).as("what was returned already").isEmpty();
  }

  @Tag("slow")
  @Test
  void shutdownNowDoesNotWaitForASilentWorkerForLong() throws Exception {
    Desk desk = holding();
    desk.submit("begun");
    TaskFuture<Object> held = desk.submit("held");
    List<Desk.Sent> sent = desk.news();
    long begin = System.nanoTime();
    assertThat(desk.dispatcher.shutdownNow()).isEmpty();

    assertThat(Duration.ofNanos(System.nanoTime() - begin))
        .isBetween(Duration.ofMillis(1_900), Duration.ofSeconds(10));
    desk.receive(1, new Entry(EntryKind.DROPPED, sent.get(1).id()));
    assertThatThrownBy(() -> Desk.result(held)).isInstanceOf(CancellationException.class);
    assertThat(desk.dispatcher.shutdownNow()).isEmpty();
  }

  @Test
  void shutdownNowDoesNotWaitForALostWorkerOrABrokenPool() throws Exception {
    assertThat(isQuickOnce(dispatcher -> dispatcher.workerLost(1, "staged"))).isTrue();
    assertThat(isQuickOnce(dispatcher -> dispatcher.breakDown("staged", null))).isTrue();
  }

  /** Of some attempts, for a busy machine may take its time over one. */
  private static boolean isQuickOnce(Consumer<Dispatcher> event) throws Exception {
    boolean quick = false;
    for (int attempt = 0; !quick && attempt < 5; attempt++) {
      Desk desk = holding();
      desk.submit("begun");
      TaskFuture<Object> held = desk.submit("held");
      long begin = System.nanoTime();
      FutureTask<List<Unstarted>> stopping =
          Ranks.start("test-stopper", desk.dispatcher::shutdownNow);
      await().until(() -> !desk.dispatcher.isOpen());
      event.accept(desk.dispatcher);

      assertThat(Ranks.result(stopping)).isEmpty();
      quick = System.nanoTime() - begin < TimeUnit.MILLISECONDS.toNanos(1_500);
      assertThat(Desk.failure(held)).isNotNull();
      desk.awaitTerminated();
    }
    return quick;
  }

  @Test
  void waitingForTheEndIsLimited() throws Exception {
    assertThat(dispatcher.awaitTermination(1, TimeUnit.MILLISECONDS)).isFalse();
    dispatcher.shutdown();
    assertThat(dispatcher.awaitTermination(1, TimeUnit.MILLISECONDS)).isFalse();
    desk.gone(1, 2);
    desk.awaitTerminated();
  }

  @Test
  void aPoolIsAtRestWhenItHasEndedAndItsCallbacksHaveReturned() throws Exception {
    assertThat(dispatcher.isAtRest()).as("while it is open").isFalse();
    CountDownLatch callbackEnds = new CountDownLatch(1);
    TaskFuture<Object> a = desk.submit("a");
    a.thenRun(() -> Uninterruptibles.await(callbackEnds));
    desk.answer(1, desk.nextTask(), 5);
    await().until(a::isDone);
    dispatcher.shutdown();
    desk.gone(1, 2);
    desk.awaitTerminated();
    assertThat(dispatcher.isAtRest()).as("while a callback runs").isFalse();
    FutureTask<Void> waiting =
        new FutureTask<>(
            () -> {
              dispatcher.awaitCallbacks();
              return null;
            });
    Thread waiter = new Thread(waiting);
    waiter.start();
    await().until(() -> waiter.getState() == Thread.State.WAITING);

    callbackEnds.countDown();
    waiting.get(20, TimeUnit.SECONDS);
    assertThat(dispatcher.isAtRest()).isTrue();
  }

  @Test
  void anExcludedWorkerHasLeftWhenItSaysSo() throws Exception {
    dispatcher.exclude(2, "staged");
    dispatcher.shutdown();
    desk.gone(1);
    desk.awaitTerminated();
    assertThat(dispatcher.hasExcludedWorker()).isTrue();
    desk.receive(2, new Entry(EntryKind.PONG, 0));
    assertThat(dispatcher.hasExcludedWorker()).isTrue();
    desk.gone(2);
    assertThat(dispatcher.hasExcludedWorker()).isFalse();
  }
}
