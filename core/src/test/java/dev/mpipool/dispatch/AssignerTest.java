package dev.mpipool.dispatch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.mpipool.comm.Message;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.Frame;
import dev.mpipool.protocol.Outbox;
import dev.mpipool.serial.SharedValue;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tasks that workers are asked for and give back; values that go before tasks; who sends. */
@Timeout(30)
class AssignerTest {

  /** A worker that has just said that its tasks take a microsecond may hold many. */
  private static void makeFast(Desk desk, int rank, long id) throws Exception {
    desk.receive(
        rank,
        new Entry(EntryKind.RESULT, id, desk.serializer.encode(1)),
        new Entry(EntryKind.BUSY_TIME, 1_000));
  }

  private static void giveBack(Desk desk, int rank, long... ids) {
    ByteBuffer body = ByteBuffer.allocate(ids.length * Long.BYTES);
    for (long id : ids) {
      body.putLong(id);
    }
    desk.receive(rank, new Entry(EntryKind.RETURNED, 0, body.flip()));
  }

  private static Desk.Sent awaitRecall(Desk desk) {
    List<Desk.Sent> recalls = new ArrayList<>();
    await()
        .untilAsserted(
            () -> {
              desk.news().stream()
                  .filter(sent -> sent.kind() == EntryKind.RECALL)
                  .forEach(recalls::add);
              assertThat(recalls).isNotEmpty();
            });
    return recalls.get(0);
  }

  private static int asked(Desk.Sent recall) {
    return recall.body().getInt(recall.body().position());
  }

  /** Worker 1 has a task and some behind it, worker 2 another task; returns their numbers. */
  private static long[] oneIsAheadOfTheOther(Desk desk, int behind) throws Exception {
    desk.submit("warm");
    long warm = desk.nextTask();
    desk.submit("two's");
    long two = desk.nextTask();
    makeFast(desk, 1, warm);
    for (int i = 0; i <= behind; i++) {
      desk.submit("t" + i);
    }
    List<Desk.Sent> held = desk.news();
    assertThat(held).extracting(Desk.Sent::rank).containsOnly(1);
    return IntStream.rangeClosed(0, behind + 1)
        .mapToLong(i -> i == 0 ? two : held.get(i - 1).id())
        .toArray();
  }

  @Test
  void anIdleWorkerGetsTheLastOfWhatAnotherHasNotBegun() throws Exception {
    Desk desk = new Desk(2);
    long[] ids = oneIsAheadOfTheOther(desk, 3);
    desk.answer(2, ids[0], 1);
    Desk.Sent recall = awaitRecall(desk);
    assertThat(recall.rank()).isEqualTo(1);
    assertThat(asked(recall)).as("half of three, and no less").isEqualTo(2);

    giveBack(desk, 1, ids[4], ids[3]);
    assertThat(desk.newsAsText()).first().isEqualTo("2 t2");
  }

  @Test
  void whatWasGivenBackGoesBeforeWhatWaitsAndInItsOrder() throws Exception {
    Desk desk = new Desk(1);
    desk.submit("warm");
    makeFast(desk, 1, desk.nextTask());
    for (String name : List.of("a", "b", "c")) {
      desk.submit(name);
    }
    List<Desk.Sent> held = desk.news();
    desk.dispatcher.submitGroup(1, new Desk.Job("g"), "g");
    desk.submit("later");
    assertThat(asked(awaitRecall(desk))).as("a group wants all that wait").isEqualTo(2);
    giveBack(desk, 1, held.get(2).id(), held.get(1).id());
    assertThat(desk.news()).isEmpty();
    desk.answer(1, held.get(0).id(), 1);

    List<Desk.Sent> group = desk.news();
    assertThat(group).extracting(Desk.Sent::kind).contains(EntryKind.GROUP);
    List<String> rest = new ArrayList<>();
    for (Desk.Sent sent : group.subList(1, group.size())) {
      rest.add((String) Desk.called(sent.body()));
    }
    desk.answer(1, group.get(0).id(), 1);
    for (Desk.Sent sent : desk.news()) {
      rest.add((String) Desk.called(sent.body()));
    }
    assertThat(rest).containsExactly("b", "c", "later");
  }

  @Test
  void aGroupWantsWhatWaitsAlsoWhenOtherTasksHaveWaitedThereBefore() throws Exception {
    Desk desk = new Desk(1);
    desk.submit("warm");
    makeFast(desk, 1, desk.nextTask());
    for (int round = 0; round < 3; round++) {
      for (String name : List.of("a", "b", "c")) {
        desk.submit(name);
      }
      List<Desk.Sent> held = desk.news();
      assertThat(held).hasSize(3);
      CompletableFuture<List<Object>> group =
          desk.dispatcher.submitGroup(1, new Desk.Job("g"), "g");
      assertThat(asked(awaitRecall(desk))).isEqualTo(2);
      giveBack(desk, 1, held.get(2).id());
      desk.answer(1, held.get(0).id(), 1);
      desk.answer(1, held.get(1).id(), 1);
      for (int i = 0; i < 2; i++) { // the group, and c behind it
        for (Desk.Sent sent : desk.news()) {
          if (sent.kind() == EntryKind.RECALL) { // once more, before the answers came
            giveBack(desk, 1);
          } else {
            desk.answer(1, sent.id(), "done");
          }
        }
      }
      assertThat(Desk.result(group)).isEqualTo(List.of("done"));
      assertThat(desk.dispatcher.idling()).isEqualTo(1);
    }
  }

  @Test
  void aWorkerIsAskedOnceUntilItAnswersAndGetsNothingMeanwhile() throws Exception {
    Desk desk = new Desk(2);
    long[] ids = oneIsAheadOfTheOther(desk, 3);
    desk.answer(2, ids[0], 1);
    awaitRecall(desk);
    desk.submit("for two");
    assertThat(desk.newsAsText()).containsExactly("2 for two");
    for (int i = 0; i < 4; i++) {
      desk.submit("next");
    }
    assertThat(desk.newsAsText()).noneMatch(text -> text.startsWith("1 "));
  }

  @Test
  void whatIsGivenBackUnaskedOrTwiceOrByAStrangerIsRunOnce() throws Exception {
    Desk desk = new Desk(2);
    TaskFuture<Object> a = desk.submit("a");
    long id = desk.nextTask();
    giveBack(desk, 2, id);
    assertThat(desk.news()).isEmpty();
    giveBack(desk, 1, id, id, 77);
    List<Desk.Sent> again = desk.news();
    assertThat(again).hasSize(1);
    desk.answer(1, id, "late");
    assertThat(a).isNotDone();
    desk.answer(again.get(0).rank(), again.get(0).id(), "right");
    assertThat(Desk.result(a)).isEqualTo("right");
  }

  @Test
  void aTaskForOneWorkerGoesBackToThatOne() throws Exception {
    Desk desk = new Desk(2);
    CompletableFuture<List<Object>> all = desk.dispatcher.submitToAll(new Desk.Job("all"), "all");
    List<Desk.Sent> sent = desk.news();
    giveBack(desk, 1, sent.get(0).id());
    List<Desk.Sent> again = desk.news();
    assertThat(again).extracting(Desk.Sent::rank).containsExactly(1);
    desk.answer(1, again.get(0).id(), "one");
    desk.answer(2, sent.get(1).id(), "two");

    assertThat(Desk.result(all)).isEqualTo(List.of("one", "two"));
  }

  @Test
  void aCancelledTaskThatIsGivenBackIsNotRun() throws Exception {
    Desk desk = new Desk(2);
    TaskFuture<Object> a = desk.submit("a");
    long id = desk.nextTask();
    a.cancel(true);
    desk.news();
    giveBack(desk, 1, id);

    assertThat(desk.news()).isEmpty();
    assertThat(desk.dispatcher.idling()).isEqualTo(2);
    desk.dispatcher.shutdown();
    assertThat(desk.newsAsText()).containsExactly("1 RELEASE", "2 RELEASE");
  }

  @Test
  void aSharedValueGoesOnceToEachLivingWorkerAndIsTakenBackFromThose() throws Exception {
    Desk desk = new Desk(3);
    desk.dispatcher.workerLost(2, "staged");
    SharedValue value = new SharedValue(desk.serializer.encode("value"));
    desk.dispatcher.share(value);
    desk.dispatcher.share(value);
    List<Desk.Sent> sent = desk.news();
    assertThat(sent).extracting(Desk.Sent::kind).containsOnly(EntryKind.PUT);
    assertThat(sent).extracting(Desk.Sent::rank).containsExactly(1, 3);
    assertThat(sent).extracting(Desk.Sent::id).containsOnly(value.number());
    assertThat(desk.serializer.decode(sent.get(0).body())).isEqualTo("value");

    desk.dispatcher.workerLost(3, "staged");
    desk.dispatcher.unshare(value);
    desk.dispatcher.unshare(value);
    sent = desk.news();
    assertThat(sent).extracting(Desk.Sent::kind).containsExactly(EntryKind.FORGET);
    assertThat(sent).extracting(Desk.Sent::id).containsExactly(value.number());
    assertThat(sent).extracting(Desk.Sent::rank).containsExactly(1);
  }

  @Test
  void nothingIsSharedWithAPoolThatIsShutDownNorTakenBackFromReleasedWorkers() throws Exception {
    Desk desk = new Desk(1);
    SharedValue value = new SharedValue(desk.serializer.encode("value"));
    desk.dispatcher.share(value);
    desk.dispatcher.shutdown();
    desk.news();
    desk.dispatcher.unshare(value);

    assertThat(desk.news()).isEmpty();
    assertThatThrownBy(() -> desk.dispatcher.share(value))
        .isInstanceOf(RejectedExecutionException.class);
  }

  /** Which way each entry went, and when the caller was to send. */
  private static final class Ways implements Outbox {
    final List<String> ways = new ArrayList<>();

    @Override
    public synchronized void post(int rank, Entry entry) {
      ways.add("sender " + entry.kind());
    }

    @Override
    public synchronized void postForFlush(int rank, Entry entry) {
      ways.add("caller " + entry.kind());
    }

    @Override
    public synchronized void flush() {
      ways.add("flush");
    }
  }

  @Test
  void aLoneShortTaskIsSentByItsCallerAndOthersByTheSender() throws Exception {
    Ways ways = new Ways();
    Dispatcher dispatcher =
        new Dispatcher(new Dispatcher.Settings(List.of(1, 2), 1, 3, true), Desk.SERIALIZER, ways);
    dispatcher.submit(TaskFuture.of(dispatcher, new Desk.Job("a"), "a"));
    assertThat(ways.ways).containsExactly("caller TASK", "flush");
    ways.ways.clear();
    TaskFuture<Object> b = TaskFuture.of(dispatcher, new Desk.Job("b"), "b");
    dispatcher.submit(b);
    assertThat(ways.ways).containsExactly("sender TASK");
    ways.ways.clear();
    ByteBuffer five = Desk.SERIALIZER.encode(5);
    long first = ((ScheduledTask) b.task).id - 1;
    dispatcher.received(
        new Message(1, 0, Frame.encode(List.of(new Entry(EntryKind.RESULT, first, five)))));
    dispatcher.received(
        new Message(2, 0, Frame.encode(List.of(new Entry(EntryKind.RESULT, first + 1, five)))));
    dispatcher.submit(TaskFuture.of(dispatcher, new Desk.Job("c"), "c"));
    assertThat(ways.ways).as("alone again").containsExactly("caller TASK", "flush");

    Ways big = new Ways();
    Dispatcher other =
        new Dispatcher(new Dispatcher.Settings(List.of(1), 1, 3, true), Desk.SERIALIZER, big);
    String text = "x".repeat(17 << 10);
    other.submit(TaskFuture.of(other, new Desk.Job(text), "long"));
    assertThat(big.ways).containsExactly("sender TASK");
  }
}
