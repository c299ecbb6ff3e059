package dev.mpipool.dispatch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.mpipool.BrokenExecutorException;
import dev.mpipool.WorkerLostException;
import dev.mpipool.memory.ForgetsShortMemory;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Workers that die, and pools that break. */
@ExtendWith(ForgetsShortMemory.class)
@Timeout(30)
class DispatcherLossTest {

  @Test
  void theTaskOfALostWorkerGoesToAnotherBeforeThoseThatWait() throws Exception {
    Desk desk = new Desk(2);
    TaskFuture<Object> a = desk.submit("a");
    desk.submit("b");
    long idB = desk.news().get(1).id();
    desk.submit("c");

    desk.dispatcher.workerLost(1, "staged");
    assertThat(desk.news()).isEmpty();
    assertThat(desk.dispatcher.size()).isEqualTo(1);
    desk.answer(2, idB, 1);
    List<Desk.Sent> second = desk.news();
    assertThat(Desk.called(second.get(0).body())).isEqualTo("a");
    desk.answer(2, second.get(0).id(), "at last");
    assertThat(Desk.result(a)).isEqualTo("at last");
    assertThat(desk.newsAsText()).containsExactly("2 c");
  }

  @Test
  void anIdleWorkerGetsTheTaskOfALostOneAtOnce() throws Exception {
    Desk desk = new Desk(2);
    desk.submit("a");
    desk.news();
    desk.dispatcher.workerLost(1, "staged");

    assertThat(desk.newsAsText()).containsExactly("2 a");
  }

  @Test
  void anAnswerOfALostWorkerComesTooLate() throws Exception {
    Desk desk = new Desk(2);
    TaskFuture<Object> a = desk.submit("a");
    long first = desk.nextTask();
    desk.dispatcher.workerLost(1, "staged");
    long second = desk.nextTask();
    desk.answer(1, first, "late");
    desk.answer(2, first, "wrong number");
    assertThat(a).isNotDone();
    desk.answer(2, second, "right");

    assertThat(Desk.result(a)).isEqualTo("right");
  }

  @Test
  void aTaskFailsWhenAsManyWorkersHaveDiedWithItAsMay() throws Exception {
    Desk desk = new Desk(5, 3, true);
    TaskFuture<Object> a = desk.submit("a");
    desk.dispatcher.workerLost(1, "one");
    desk.dispatcher.workerLost(2, "two");
    assertThat(a).isNotDone();
    desk.dispatcher.workerLost(3, "three");

    WorkerLostException lost = (WorkerLostException) Desk.failure(a);
    assertThat(lost.ranks()).containsExactly(1, 2, 3);
    assertThat(lost).hasMessageContaining("1, 2, 3").hasMessageContaining("three");
    desk.news();
    desk.submit("b");
    assertThat(desk.newsAsText()).containsExactly("4 b");
  }

  @Test
  void withOneAttemptATaskIsNeverGivenToAnother() throws Exception {
    Desk desk = new Desk(2, 1, true);
    TaskFuture<Object> a = desk.submit("a");
    desk.news();
    desk.dispatcher.workerLost(1, "staged");

    assertThat(Desk.failure(a)).isInstanceOf(WorkerLostException.class);
    assertThat(desk.news()).isEmpty();
  }

  @Test
  void aCancelledTaskOfALostWorkerIsNotTriedAgain() throws Exception {
    Desk desk = new Desk(2);
    desk.submit("a").cancel(true);
    desk.news();
    desk.dispatcher.workerLost(1, "staged");

    assertThat(desk.news()).isEmpty();
  }

  @Test
  void withoutWorkersThePoolIsBroken() throws Exception {
    Desk desk = new Desk(1);
    TaskFuture<Object> held = desk.submit("a");
    TaskFuture<Object> queued = desk.submit("b");
    desk.dispatcher.workerLost(1, "staged");

    for (TaskFuture<?> future : List.of(held, queued)) {
      assertThat(Desk.failure(future))
          .isInstanceOf(BrokenExecutorException.class)
          .hasMessage("No worker is left; the last, rank 1, was lost: staged");
    }
    assertThat(desk.dispatcher.isOpen()).isFalse();
    assertThat(desk.dispatcher.isShutdown()).isFalse();
    assertThatThrownBy(() -> desk.submit("c"))
        .isInstanceOf(BrokenExecutorException.class)
        .hasMessageContaining("rank 1");
    desk.dispatcher.shutdown();
    desk.awaitTerminated();
  }

  @Test
  void whereNoRankSurvivesTheFirstLossFailsAllFutures() throws Exception {
    Desk desk = new Desk(2, 3, false);
    TaskFuture<Object> a = desk.submit("a");
    TaskFuture<Object> b = desk.submit("b");
    TaskFuture<Object> c = desk.submit("c");
    desk.news();
    desk.dispatcher.workerLost(1, "staged");

    assertThat(Desk.failure(a)).isInstanceOf(WorkerLostException.class);
    assertThat(Desk.failure(b)).isInstanceOf(BrokenExecutorException.class);
    assertThat(Desk.failure(c)).isInstanceOf(BrokenExecutorException.class);
    assertThat(desk.news()).isEmpty();
    assertThatThrownBy(() -> desk.submit("d")).isInstanceOf(BrokenExecutorException.class);
    desk.dispatcher.workerLost(2, "too");
    desk.dispatcher.shutdown();
    desk.awaitTerminated();
  }

  @Test
  void aBrokenPoolWaitsForNobodyWhenItShutsDown() throws Exception {
    Desk desk = new Desk(2);
    TaskFuture<Object> a = desk.submit("a");
    desk.dispatcher.breakDown("Nothing can be received", new IOException("staged"));

    assertThat(Desk.failure(a))
        .isInstanceOf(BrokenExecutorException.class)
        .hasMessage("Nothing can be received")
        .hasRootCauseMessage("staged");
    desk.dispatcher.shutdown();
    desk.awaitTerminated();
  }

  @Test
  void lossesAreCountedOnceAndOnlyForWorkers() throws Exception {
    Desk desk = new Desk(3);
    desk.dispatcher.workerLost(9, "nobody");
    desk.dispatcher.workerLost(1, "staged");
    desk.dispatcher.workerLost(1, "again");

    assertThat(desk.dispatcher.size()).isEqualTo(2);
    desk.submit("a");
    desk.submit("b");
    desk.submit("c");
    assertThat(desk.newsAsText()).containsExactly("2 a", "3 b");
  }

  @Test
  void whoIsGivenUpIsToldToLeaveAndItsAnswersAreDropped() throws Exception {
    Desk desk = new Desk(2);
    TaskFuture<Object> a = desk.submit("a");
    long first = desk.nextTask();
    desk.dispatcher.exclude(1, "staged");

    List<Desk.Sent> sent = desk.news();
    assertThat(sent.get(0).kind()).isEqualTo(EntryKind.RELEASE);
    assertThat(sent.get(0).rank()).isEqualTo(1);
    assertThat(sent.get(1).rank()).isEqualTo(2);
    assertThat(Desk.called(sent.get(1).body())).isEqualTo("a");
    assertThat(desk.dispatcher.hasExcludedWorker()).isTrue();
    desk.answer(1, first, "late");
    assertThat(a).isNotDone();
    desk.gone(1);
    assertThat(desk.dispatcher.hasExcludedWorker()).isFalse();
    desk.answer(2, sent.get(1).id(), "right");
    assertThat(Desk.result(a)).isEqualTo("right");
  }

  @Test
  void whoIsKnownToBeDeadIsNotAdrift() {
    Desk desk = new Desk(2);
    desk.dispatcher.exclude(1, "staged");
    desk.dispatcher.workerLost(1, "dead after all");
    assertThat(desk.dispatcher.hasExcludedWorker()).isFalse();
  }

  @Test
  void aWorkerThatLeavesUnaskedIsLost() throws Exception {
    Desk desk = new Desk(2, 1, true);
    TaskFuture<Object> a = desk.submit("a");
    byte[] reason = "no memory".getBytes(StandardCharsets.UTF_8);
    desk.receive(1, new Entry(EntryKind.LEFT, 0, ByteBuffer.wrap(reason)));

    assertThat(Desk.failure(a))
        .isInstanceOf(WorkerLostException.class)
        .hasMessageContaining("it has left the pool: no memory");
    assertThat(desk.dispatcher.size()).isEqualTo(1);
  }

  @Test
  void aSilentWorkerIsPingedAndGivenUpAlsoWhenThePoolWaitsForItsFarewell() throws Exception {
    Desk desk = new Desk(2);
    desk.dispatcher.watch(Duration.ofMillis(300), rank -> 0);
    desk.dispatcher.shutdown();
    desk.gone(2);
    desk.awaitTerminated();
    assertThat(desk.dispatcher.hasExcludedWorker()).isTrue();
    assertThat(desk.newsAsText()).contains("1 PING").startsWith("1 RELEASE", "2 RELEASE");
  }

  @Test
  void aWorkerThatAnswersIsKept() throws Exception {
    boolean answeredInTime = false;
    while (!answeredInTime) { // else this thread did not run, as on a busy machine
      Desk desk = new Desk(1);
      desk.dispatcher.watch(Duration.ofMillis(200), rank -> 0);
      answeredInTime = isAnsweredInTime(desk);
      if (answeredInTime) {
        assertThat(desk.dispatcher.size()).isEqualTo(1);
      }
      desk.dispatcher.shutdown();
      desk.gone(1);
    }
  }

  /** Answers for a second; returns whether there was an answer every 100 ms. */
  private static boolean isAnsweredInTime(Desk desk) throws InterruptedException {
    long begin = System.nanoTime();
    long last = begin;
    while (last - begin < 1_000_000_000L) {
      desk.receive(1, new Entry(EntryKind.PONG, 0));
      Thread.sleep(10);
      long now = System.nanoTime();
      if (now - last > 100_000_000L) {
        return false;
      }
      last = now;
    }
    return true;
  }

  @Test
  void whereAWorkerIsBusyWithALongMessageItIsKept() throws Exception {
    Desk desk = new Desk(1);
    desk.dispatcher.watch(Duration.ofMillis(200), rank -> System.nanoTime());
    Thread.sleep(1_000); // five times the timeout
    assertThat(desk.dispatcher.size()).isEqualTo(1);
  }

  @Test
  void aGroupWhoseMessageWasLostBeginsAgain() throws Exception {
    Desk desk = new Desk(2);
    CompletableFuture<List<Object>> group = desk.dispatcher.submitGroup(2, new Desk.Job("g"), "g");
    Map<Integer, Long> first = members(desk);
    desk.answer(1, first.get(1), "one");
    desk.receive(1, new Entry(EntryKind.UNDELIVERABLE, 2));
    assertThat(desk.newsAsText()).contains("2 CANCEL interrupt");
    desk.receive(2, new Entry(EntryKind.DROPPED, first.get(2)));

    Map<Integer, Long> second = members(desk);
    assertThat(second).hasSize(2);
    desk.answer(1, second.get(1), "same");
    desk.answer(2, second.get(2), "same");
    assertThat(Desk.result(group)).isEqualTo(List.of("same", "same"));
  }

  @Test
  void onlyTheFirstReasonThatBreaksThePoolCounts() throws Exception {
    Desk desk = new Desk(2);
    desk.dispatcher.breakDown("First", null);
    desk.dispatcher.breakDown("Second", null);
    desk.dispatcher.workerLost(1, "staged");
    desk.dispatcher.workerLost(2, "staged");
    assertThatThrownBy(() -> desk.submit("a")).hasMessage("First");

    Desk ended = new Desk(1);
    ended.dispatcher.shutdown();
    ended.gone(1);
    ended.awaitTerminated();
    ended.dispatcher.breakDown("Too late", null);
    assertThatThrownBy(() -> ended.submit("a")).hasMessageContaining("shut down");
  }

  @Test
  void theTasksOfALostWorkerGoBackInTheirOrder() throws Exception {
    Desk desk = new Desk(2);
    desk.submit("warm");
    long warm = desk.nextTask();
    desk.submit("two's");
    long two = desk.nextTask();
    desk.receive(
        1,
        new Entry(EntryKind.RESULT, warm, desk.serializer.encode(1)),
        new Entry(EntryKind.BUSY_TIME, 1_000));
    for (String name : List.of("a", "b", "c")) {
      desk.submit(name);
    }
    assertThat(desk.newsAsText()).containsExactly("1 a", "1 b", "1 c");
    desk.dispatcher.workerLost(1, "staged");
    for (String name : List.of("a", "b", "c")) {
      desk.answer(2, two, 1);
      List<Desk.Sent> next = desk.news();
      assertThat(next).hasSize(1);
      assertThat(Desk.called(next.get(0).body())).isEqualTo(name);
      two = next.get(0).id();
    }
  }

  @Test
  void aPoolWhoseLastWorkerWasGivenUpEndsWhenItIsShutDown() throws Exception {
    Desk desk = new Desk(1);
    TaskFuture<Object> a = desk.submit("a");
    desk.dispatcher.exclude(1, "staged");
    desk.dispatcher.exclude(1, "again");
    desk.dispatcher.exclude(7, "a stranger");

    assertThat(Desk.failure(a)).isInstanceOf(BrokenExecutorException.class);
    assertThat(desk.newsAsText()).containsExactly("1 a", "1 RELEASE");
    desk.dispatcher.shutdown();
    desk.awaitTerminated();
    assertThat(desk.dispatcher.hasExcludedWorker()).isTrue();
    desk.gone(1);
    assertThat(desk.dispatcher.hasExcludedWorker()).isFalse();
  }

  @Test
  void whoIsSilentIsPingedBeforeItIsGivenUpAndItsTaskGoesToAnother() throws Exception {
    Desk desk = new Desk(2);
    TaskFuture<Object> a = desk.submit("a");
    desk.nextTask();
    desk.dispatcher.watch(Duration.ofMillis(500), rank -> rank == 2 ? System.nanoTime() : 0);
    await().until(() -> desk.dispatcher.size() == 1);
    List<Desk.Sent> sent = desk.news();
    assertThat(sent.get(0).kind()).isEqualTo(EntryKind.PING);
    assertThat(sent)
        .filteredOn(one -> one.kind() == EntryKind.PING)
        .extracting(Desk.Sent::rank)
        .containsOnly(1);
    Desk.Sent again =
        sent.stream().filter(one -> one.kind() == EntryKind.TASK).findFirst().orElseThrow();
    assertThat(again.rank()).isEqualTo(2);
    desk.answer(2, again.id(), "right");
    assertThat(Desk.result(a)).isEqualTo("right");
  }

  @Test
  void afterItsEndAPoolPingsNobody() throws Exception {
    Desk desk = new Desk(2);
    desk.dispatcher.watch(Duration.ofSeconds(1), rank -> 0);
    await().until(() -> desk.news().stream().anyMatch(one -> one.kind() == EntryKind.PING));
    desk.dispatcher.breakDown("Staged", null);
    desk.news();
    Thread.sleep(500); // five times the pause between looks
    assertThat(desk.news()).isEmpty();
    assertThat(desk.dispatcher.hasExcludedWorker()).isFalse();
  }

  /** The numbers of a group's tasks, by worker. */
  private static Map<Integer, Long> members(Desk desk) {
    return desk.news().stream()
        .filter(sent -> sent.kind() == EntryKind.GROUP)
        .collect(Collectors.toMap(Desk.Sent::rank, Desk.Sent::id));
  }

  @Test
  void aLossThatRunsOutOfMemoryInTheMidstOfAMessageIsGoneOnWithLater() throws Exception {
    AtomicInteger calls = new AtomicInteger();
    Desk desk = new Desk(2, 1, true);
    TaskFuture<Object> a =
        desk.submit(
            new TaskFuture<>(desk.dispatcher, new Desk.Job("a"), "a") {
              @Override
              public String name() {
                if (calls.getAndIncrement() == 0) {
                  throw new OutOfMemoryError("staged");
                }
                return super.name();
              }
            });
    desk.receive(1, new Entry(EntryKind.OPEN, 0));
    desk.dispatcher.watch(Duration.ofSeconds(20), rank -> 0);

    assertThat(Desk.failure(a)).isInstanceOf(WorkerLostException.class);
    assertThat(calls).hasValue(2);
    desk.dispatcher.shutdown();
    desk.gone(2);
    desk.awaitTerminated();
  }
}
