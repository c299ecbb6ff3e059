package dev.mpipool.dispatch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;
import static org.awaitility.Awaitility.await;

import dev.mpipool.BrokenExecutorException;
import dev.mpipool.RemoteTaskException;
import dev.mpipool.TaskSerializationException;
import dev.mpipool.comm.Message;
import dev.mpipool.comm.MessageTooLongException;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.FailureReport;
import dev.mpipool.protocol.FailureReport.Origin;
import dev.mpipool.protocol.Frame;
import dev.mpipool.protocol.Hello;
import dev.mpipool.serial.SharedValue;
import dev.mpipool.testing.Logged;
import java.io.IOException;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tasks, answers and cancellation; worker 1 and 2 are played by the test. */
@Timeout(30)
class DispatcherTest {

  private final Desk desk = new Desk(2);
  private final Dispatcher dispatcher = desk.dispatcher;

  @Test
  void eachWorkerHasOneTaskAtATimeAndTasksStartInOrder() throws Exception {
    for (String name : List.of("a", "b", "c", "d")) {
      desk.submit(name);
    }
    List<Desk.Sent> first = desk.news();
    assertThat(first).extracting(Desk.Sent::rank).containsExactly(1, 2);

    desk.answer(2, first.get(1).id(), "b done");
    assertThat(desk.newsAsText()).containsExactly("2 c");
    desk.answer(1, first.get(0).id(), "a done");
    assertThat(desk.newsAsText()).containsExactly("1 d");
  }

  @Test
  void tasksThatAreShorterThanAMessageGoToTheSameWorkerAFewAtATime() throws Exception {
    ByteBuffer five = desk.serializer.encode(5);
    Entry took1us = new Entry(EntryKind.BUSY_TIME, 1_000);
    Entry took20us = new Entry(EntryKind.BUSY_TIME, 20_000);
    desk.submit("a");
    desk.submit("b");
    List<Desk.Sent> held = desk.news();
    desk.receive(1, new Entry(EntryKind.RESULT, held.get(0).id(), five), took1us);
    desk.receive(2, new Entry(EntryKind.RESULT, held.get(1).id(), five), took20us);
    for (int i = 0; i < 14; i++) {
      desk.submit("next");
    }
    assertThat(desk.news().stream().map(Desk.Sent::rank))
        .containsExactly(2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2);
  }

  @Test
  void tasksThatAStuckWorkerGaveBackGoToAnother() throws Exception {
    ByteBuffer five = desk.serializer.encode(5);
    desk.submit("short");
    desk.submit("short");
    for (Desk.Sent sent : desk.news()) {
      desk.receive(
          sent.rank(),
          new Entry(EntryKind.RESULT, sent.id(), five),
          new Entry(EntryKind.BUSY_TIME, 1_000));
    }
    List<Desk.Sent> held = pairOnOneWorker();
    int stuck = held.get(0).rank();
    await().until(() -> desk.news().stream().anyMatch(s -> s.kind() == EntryKind.RECALL));
    ByteBuffer number = ByteBuffer.allocate(Long.BYTES).putLong(held.get(1).id());
    desk.receive(stuck, new Entry(EntryKind.RETURNED, 0, number.flip()));
    assertThat(desk.news()).singleElement().returns(3 - stuck, Desk.Sent::rank);
  }

  /** Submits two tasks, so quickly one after the other that the same worker gets them. */
  private List<Desk.Sent> pairOnOneWorker() throws Exception {
    for (int attempt = 0; attempt < 1_000; attempt++) {
      desk.submit("stuck");
      desk.submit("next");
      List<Desk.Sent> held = desk.news();
      if (held.size() == 2 && held.get(0).rank() == held.get(1).rank()) {
        return held;
      }
      for (Desk.Sent sent : held) {
        if (sent.kind() == EntryKind.TASK) {
          desk.answer(sent.rank(), sent.id(), 5);
        }
      }
    }
    return fail("Never did one worker get two short tasks");
  }

  @Test
  void anAnswerCompletesItsFuture() throws Exception {
    TaskFuture<Object> a = desk.submit("a");
    TaskFuture<Object> b = desk.submit("b");
    List<Desk.Sent> sent = desk.news();
    desk.answer(2, sent.get(1).id(), 5);

    assertThat(Desk.result(b)).isEqualTo(5);
    assertThat(a).isNotDone();
    desk.answer(1, sent.get(0).id(), null);
    assertThat(Desk.result(a)).isNull();
  }

  @Test
  void aResultThatIsKnownReplacesTheWorkers() throws Exception {
    Object result = new Object();
    TaskFuture<Object> future = TaskFuture.withResult(dispatcher, new Desk.Job("a"), "a", result);
    dispatcher.submit(future);
    desk.answer(1, desk.nextTask(), "the worker's");

    assertThat(Desk.result(future)).isSameAs(result);
  }

  @Test
  void severalAnswersMayShareAFrame() throws Exception {
    TaskFuture<Object> a = desk.submit("a");
    long first = desk.nextTask();
    ByteBuffer five = desk.serializer.encode(5);
    desk.receive(
        1,
        new Entry(EntryKind.RESULT, first + 1000, five),
        new Entry(EntryKind.RESULT, first, five));

    assertThat(Desk.result(a)).isEqualTo(5);
  }

  @Test
  void sizeAndIdlingCountWorkers() throws Exception {
    assertThat(dispatcher.size()).isEqualTo(2);
    assertThat(dispatcher.idling()).isEqualTo(2);
    desk.submit("a");
    assertThat(dispatcher.idling()).isEqualTo(1);
    desk.answer(1, desk.nextTask(), 1);
    assertThat(dispatcher.idling()).isEqualTo(2);
  }

  @ParameterizedTest
  @ValueSource(ints = {18, 23, 60_000}) // without its attachment at least the beginning is there
  void anAnswerThatThereIsNoMemoryForFailsItsTaskAlone(int there) throws Exception {
    TaskFuture<Object> tooLong = desk.submit("too long");
    long id = desk.nextTask();
    TaskFuture<Object> other = desk.submit("other");
    ByteBuffer answer =
        Frame.encode(
            List.of(
                new Entry(EntryKind.RESULT, id, ByteBuffer.allocate(3_000_000)),
                new Entry(EntryKind.BUSY_TIME, 1_000)));
    MessageTooLongException message =
        new MessageTooLongException(
            new Message(1, 0, answer.slice(0, there)), answer.remaining() - there);
    assertThat(dispatcher.receivedCut(message)).as("a future is to be completed").isTrue();
    assertThat(Desk.failure(tooLong))
        .hasMessageContaining("could not be read on main")
        .hasMessageContaining("it takes 3000000 bytes, for which there is no memory");
    assertThat(other).isNotDone();
    assertThat(desk.dispatcher.size()).isEqualTo(2);
  }

  @ParameterizedTest
  @EnumSource(
      value = EntryKind.class,
      names = {"PONG", "RETURNED", "LEFT", "TASK"})
  void whatThereIsNoMemoryForHasToBeAnAnswer(EntryKind kind) throws Exception {
    TaskFuture<Object> task = desk.submit("a");
    long id = desk.nextTask();
    ByteBuffer frame = Frame.encode(List.of(new Entry(kind, id, ByteBuffer.allocate(3_000_000))));
    MessageTooLongException message =
        new MessageTooLongException(new Message(1, 0, frame.slice(0, 60_000)), 2_940_018);

    assertThat(dispatcher.receivedCut(message)).isFalse();
    assertThat(dispatcher.size()).isEqualTo(1);
    assertThat(task).isNotDone();
    desk.answer(2, desk.nextTask(), "on the other");
    assertThat(Desk.result(task)).isEqualTo("on the other");
  }

  @Test
  void aValueThatIsNoLongerReachableIsForgottenWhenNoTaskMayNeedIt() throws Exception {
    SharedValue value = new SharedValue(ByteBuffer.allocate(1));
    dispatcher.share(value);
    assertThat(desk.newsAsText()).containsExactly("1 PUT", "2 PUT");
    desk.submit("a");
    long id = desk.nextTask();
    dispatcher.unshareWhenIdle(value);
    assertThat(desk.news()).isEmpty();
    desk.answer(1, id, "done");
    assertThat(desk.newsAsText()).containsExactlyInAnyOrder("1 FORGET", "2 FORGET");

    TaskSource batch = new Desk.Batch();
    SharedValue ofBatch = new SharedValue(ByteBuffer.allocate(1));
    dispatcher.share(ofBatch);
    dispatcher.addSource(batch);
    dispatcher.unshareWhenIdle(ofBatch);
    assertThat(desk.newsAsText()).containsExactly("1 PUT", "2 PUT");
    dispatcher.removeSource(batch);
    assertThat(desk.newsAsText()).containsExactlyInAnyOrder("1 FORGET", "2 FORGET");

    SharedValue another = new SharedValue(ByteBuffer.allocate(1));
    dispatcher.share(another);
    desk.news();
    dispatcher.unshareWhenIdle(another);
    assertThat(desk.newsAsText()).containsExactlyInAnyOrder("1 FORGET", "2 FORGET");
  }

  @Test
  void aFrameThatIsNoneGivesNoWork() throws Exception {
    desk.submit("a");
    assertThat(dispatcher.received(new Message(1, 0, ByteBuffer.wrap(new byte[] {1, 2, 3}))))
        .isFalse();
    assertThat(dispatcher.size()).isEqualTo(1);
  }

  @Test
  void everyWorkerHasItsThreads() {
    Dispatcher.Settings settings = new Dispatcher.Settings(List.of(1, 2), 3, 1, true);
    Dispatcher six = new Dispatcher(settings, desk.serializer, (rank, entry) -> {});
    assertThat(six.taskThreads()).isEqualTo(6);
    six.workerLost(1, "staged");
    assertThat(six.taskThreads()).isEqualTo(3);
  }

  @Test
  void aFailureThatIsTooLongFailsItsTaskAlone() throws Exception {
    TaskFuture<Object> task = desk.submit("a");
    ByteBuffer failure =
        Frame.encode(
            List.of(new Entry(EntryKind.FAILURE, desk.nextTask(), ByteBuffer.allocate(3_000_000))));
    MessageTooLongException message =
        new MessageTooLongException(new Message(1, 0, failure.slice(0, 60_000)), 2_940_018);

    assertThat(dispatcher.receivedCut(message)).isTrue();
    assertThat(Desk.failure(task)).hasMessageContaining("for which there is no memory");
    assertThat(dispatcher.size()).isEqualTo(2);
  }

  @Test
  void anExceptionThatCannotBeReadArrivesAsText() throws Exception {
    TaskFuture<Object> garbage = desk.submit("a");
    desk.receive(1, failure(desk.nextTask(), ByteBuffer.wrap(new byte[] {99, 99, 99})));
    assertThat(Desk.failure(garbage)).hasMessageContaining("its message");
    assertThat(remoteTrace(garbage)).contains("it could not be read on main");

    for (Object other : new Object[] {null, "text"}) {
      TaskFuture<Object> noException = desk.submit("b");
      desk.receive(1, failure(desk.nextTask(), desk.serializer.encode(other)));
      assertThat(remoteTrace(noException))
          .contains("there was no exception when it was read on main, but ")
          .contains(other == null ? "but null" : "but a java.lang.String");
    }
  }

  private static String remoteTrace(TaskFuture<?> future) {
    return ((RemoteTaskException) Desk.failure(future)).remoteStackTrace();
  }

  private static Entry failure(long id, ByteBuffer exception) {
    FailureReport report =
        new FailureReport(Origin.TASK, "com.acme.Failure", "its message", null, exception);
    return new Entry(EntryKind.FAILURE, id, report.encode());
  }

  @Test
  void onlyAnAnswerGivesWorkToTheThreadThatCompletesFutures() throws Exception {
    desk.submit("a");
    Entry answer = new Entry(EntryKind.RESULT, desk.nextTask(), desk.serializer.encode(5));
    Entry pong = new Entry(EntryKind.PONG, 0);
    assertThat(dispatcher.received(new Message(1, 0, Frame.encode(List.of(pong))))).isFalse();
    assertThat(dispatcher.received(new Message(1, 0, Frame.encode(List.of(answer))))).isTrue();
    assertThat(dispatcher.received(new Message(9, 0, Frame.encode(List.of(answer))))).isFalse();
  }

  @Test
  void whoSendsLongNonsenseIsGivenUp() throws Exception {
    ByteBuffer frame =
        Frame.encode(List.of(new Entry(EntryKind.LEFT, 77, ByteBuffer.allocate(3_000_000))));
    MessageTooLongException longFrame =
        new MessageTooLongException(new Message(1, 0, frame.slice(0, 60_000)), 2_940_000);
    assertThat(dispatcher.receivedCut(longFrame)).isFalse();
    assertThat(desk.dispatcher.size()).isEqualTo(1);
    byte[] nonsense = new byte[60_000];
    MessageTooLongException longNonsense =
        new MessageTooLongException(new Message(2, 0, ByteBuffer.wrap(nonsense)), 2_940_000);
    assertThat(dispatcher.receivedCut(longNonsense)).isFalse();
    assertThat(desk.dispatcher.size()).isZero();
  }

  @Test
  void aTasksExceptionArrivesItself() throws Exception {
    TaskFuture<Object> a = desk.submit("a");
    IOException thrown = new IOException("thrown");
    desk.fail(1, desk.nextTask(), Origin.TASK, thrown);

    Throwable failure = Desk.failure(a);
    assertThat(failure).isExactlyInstanceOf(IOException.class).hasMessage("thrown");
    assertThat(failure.getStackTrace()).isEqualTo(thrown.getStackTrace());
  }

  @Test
  void anExceptionThatCannotTravelArrivesAsText() throws Exception {
    TaskFuture<Object> a = desk.submit("a");
    Exception thrown =
        new Exception("thrown") {
          private static final long serialVersionUID = 1;

          @SuppressWarnings("unused") // it is what cannot be written
          final Object lock = new Object();
        };
    desk.fail(1, desk.nextTask(), Origin.TASK, thrown);

    assertThat(Desk.failure(a))
        .isInstanceOf(RemoteTaskException.class)
        .hasMessageContaining("thrown");
  }

  @Test
  void aResultOrTaskThatCannotTravelIsNamed() throws Exception {
    TaskFuture<Object> a = desk.submit("a");
    desk.fail(1, desk.nextTask(), Origin.WRITING_RESULT, new IOException("class X"));
    assertThat(Desk.failure(a))
        .isInstanceOf(TaskSerializationException.class)
        .hasMessage(
            "The result of the task java.lang.String cannot travel back from rank 1: class X");

    TaskFuture<Object> b = desk.submit("b");
    desk.fail(1, desk.nextTask(), Origin.READING_TASK, new IOException("class Y"));
    assertThat(Desk.failure(b))
        .isInstanceOf(TaskSerializationException.class)
        .hasMessageContaining("could not be read on rank 1: class Y");
  }

  @Test
  void answersThatAreNoValuesFailTheirFuture() throws Exception {
    TaskFuture<Object> a = desk.submit("a");
    desk.receive(
        1, new Entry(EntryKind.RESULT, desk.nextTask(), ByteBuffer.wrap(new byte[] {1, 2})));
    TaskFuture<Object> b = desk.submit("b");
    desk.receive(
        1, new Entry(EntryKind.FAILURE, desk.nextTask(), ByteBuffer.wrap(new byte[] {1, 2})));

    assertThat(Desk.failure(a)).isInstanceOf(TaskSerializationException.class);
    assertThat(Desk.failure(b)).isInstanceOf(TaskSerializationException.class);
  }

  /** Its own methods fail with an error. */
  private static final class Hostile implements Serializable {
    private static final long serialVersionUID = 1;

    private void writeObject(ObjectOutputStream out) {
      throw new AssertionError("written");
    }
  }

  private record Captures(Object value) implements dev.mpipool.serial.TaskCall {
    @Override
    public Object code() {
      return "code";
    }

    @Override
    public List<Object> arguments() {
      return List.of(value);
    }

    @Override
    public Object call() {
      return value;
    }
  }

  @Test
  void aTaskThatCannotBeWrittenIsRefusedAndNothingIsSent() throws Exception {
    TaskFuture<Object> lock = TaskFuture.of(dispatcher, new Captures(new Object()), "code");
    assertThatThrownBy(() -> dispatcher.submit(lock))
        .isInstanceOf(TaskSerializationException.class)
        .hasMessageContaining("argument 1, java.lang.Object");
    TaskFuture<Object> hostile = TaskFuture.of(dispatcher, new Captures(new Hostile()), "code");
    assertThatThrownBy(() -> dispatcher.submit(hostile))
        .isInstanceOf(TaskSerializationException.class)
        .hasMessageContaining("written");

    assertThat(desk.news()).isEmpty();
    desk.submit("next");
    assertThat(desk.newsAsText()).containsExactly("1 next");
  }

  @Test
  void whatIsCapturedAtSubmitIsWhatTravels() throws Exception {
    StringBuilder text = new StringBuilder("before");
    desk.submit("a");
    desk.submit("b");
    desk.news();
    dispatcher.submit(TaskFuture.of(dispatcher, new Captures(text), "code"));
    text.append(" and after");
    dispatcher.workerLost(1, "staged");
    desk.news();
    dispatcher.shutdown();
    desk.receive(2, new Entry(EntryKind.DROPPED, 2));
    desk.receive(2, new Entry(EntryKind.DROPPED, 3));

    assertThat(Desk.called(desk.news().get(1).body())).hasToString("before");
  }

  @Test
  void aTaskCancelledInTheQueueNeverStarts() throws Exception {
    desk.submit("a");
    desk.submit("b");
    long a = desk.news().get(0).id();
    TaskFuture<Object> c = desk.submit("c");
    desk.submit("d");

    assertThat(c.cancel(true)).isTrue();
    desk.answer(1, a, 1);
    assertThat(desk.newsAsText()).containsExactly("1 d");
  }

  @Test
  void aWorkerIsToldOfACancelledTaskAndKeepsItsPlaceUntilItAnswers() throws Exception {
    TaskFuture<Object> a = desk.submit("a");
    desk.submit("b");
    long id = desk.news().get(0).id();
    desk.submit("c");

    a.cancel(true);
    assertThat(a.isCancelled()).isTrue();
    assertThatThrownBy(a::get).isInstanceOf(CancellationException.class);
    assertThat(desk.newsAsText()).containsExactly("1 CANCEL interrupt");
    desk.receive(1, new Entry(EntryKind.DROPPED, id));
    assertThat(desk.newsAsText()).containsExactly("1 c");
  }

  @Test
  void onlyCancelTrueInterrupts() throws Exception {
    desk.submit("a").cancel(false);
    desk.submit("b").complete("mine");

    assertThat(desk.newsAsText()).containsExactly("1 a", "1 CANCEL", "2 b", "2 CANCEL");
  }

  @Test
  void aTimeoutTellsTheWorker() throws Exception {
    TaskFuture<Object> a = desk.submit("a");
    a.orTimeout(1, TimeUnit.MILLISECONDS);

    assertThat(Desk.failure(a)).isInstanceOf(TimeoutException.class);
    org.awaitility.Awaitility.await()
        .untilAsserted(() -> assertThat(dispatcher.idling()).isEqualTo(1));
    assertThat(desk.news().get(1).kind()).isEqualTo(EntryKind.CANCEL);
  }

  @Test
  void theUsersOwnResultWinsOverALateAnswer() throws Exception {
    TaskFuture<Object> a = desk.submit("a");
    long id = desk.nextTask();
    assertThat(a.complete("mine")).isTrue();
    desk.answer(1, id, "late");

    assertThat(Desk.result(a)).isEqualTo("mine");
    assertThat(dispatcher.idling()).isEqualTo(2);
    assertThat(a.complete("again")).isFalse();
    assertThat(a.cancel(true)).isFalse();
    assertThat(desk.newsAsText()).containsExactly("1 CANCEL");
  }

  @Test
  void answersToTasksThatAWorkerDoesNotHoldAreDropped() throws Exception {
    TaskFuture<Object> a = desk.submit("a");
    long id = desk.nextTask();
    desk.answer(2, id, "not mine");
    desk.answer(7, id, "no worker");
    desk.answer(1, id + 1, "no task");
    assertThat(dispatcher.idling()).isEqualTo(1);
    desk.answer(1, id, "right");
    desk.answer(1, id, "twice");

    assertThat(Desk.result(a)).isEqualTo("right");
    desk.submit("b");
    desk.submit("c");
    desk.submit("d");
    assertThat(desk.newsAsText()).hasSize(2);
  }

  @Test
  void aTaskThatItsWorkerDroppedUnaskedIsCancelled() throws Exception {
    TaskFuture<Object> a = desk.submit("a");
    desk.receive(1, new Entry(EntryKind.DROPPED, desk.nextTask()));

    assertThatThrownBy(() -> Desk.result(a)).isInstanceOf(CancellationException.class);
  }

  @Test
  void whoSendsADamagedFrameIsGivenUpAndNamed() throws Exception {
    TaskFuture<Object> a = desk.submit("a");
    long id = desk.nextTask();
    ByteBuffer answer =
        Frame.encode(List.of(new Entry(EntryKind.RESULT, id, desk.serializer.encode("right"))));
    try (Logged log = new Logged()) {
      dispatcher.received(new Message(1, 0, answer.duplicate().limit(answer.limit() - 1)));

      assertThat(log.warnings())
          .anyMatch(line -> line.startsWith("A message from rank 1 is refused: A message of "))
          .anyMatch(line -> line.startsWith("Worker rank 1 was lost: it sent what is no frame"));
    }
    assertThat(desk.newsAsText()).containsExactlyInAnyOrder("2 a", "1 RELEASE");
    dispatcher.received(new Message(1, 0, answer));
    assertThat(a).isNotDone();
    assertThat(dispatcher.size()).isEqualTo(1);
    desk.answer(2, id + 1, "right");

    assertThat(Desk.result(a)).isEqualTo("right");
  }

  static Stream<Entry> whatAWorkerMayNotSend() {
    return Stream.of(
        new Entry(EntryKind.TASK, 1),
        new Entry(EntryKind.RELEASE, 0),
        new Entry(EntryKind.GROUP_MESSAGE, 0),
        new Entry(EntryKind.FAILURE, 0),
        new Entry(EntryKind.BUSY_TIME, 0),
        new Entry(EntryKind.BUSY_TIME, -5),
        new Entry(EntryKind.RETURNED, 0, ByteBuffer.allocate(9)));
  }

  @ParameterizedTest
  @MethodSource("whatAWorkerMayNotSend")
  void whoSendsWhatItMayNotIsGivenUp(Entry wrong) throws Exception {
    TaskFuture<Object> a = desk.submit("a");
    long id = desk.nextTask();
    desk.receive(1, wrong, new Entry(EntryKind.RESULT, id, desk.serializer.encode("late")));

    assertThat(dispatcher.size()).isEqualTo(1);
    assertThat(desk.newsAsText()).contains("2 a", "1 RELEASE");
    desk.answer(2, id + 1, "right");
    assertThat(Desk.result(a)).isEqualTo("right");
  }

  @Test
  void whoLeavesUnaskedIsLostAndItsTasksGoToOthers() throws Exception {
    TaskFuture<Object> a = desk.submit("a");
    long id = desk.nextTask();
    ByteBuffer why = ByteBuffer.wrap("tired".getBytes(StandardCharsets.UTF_8));
    try (Logged log = new Logged()) {
      desk.receive(1, new Entry(EntryKind.LEFT, 0, why));

      assertThat(log.warnings()).contains("Worker rank 1 was lost: it has left the pool: tired");
    }
    assertThat(desk.newsAsText()).containsExactly("2 a");
    desk.answer(2, id + 1, "right");
    assertThat(Desk.result(a)).isEqualTo("right");
  }

  @Test
  void messagesOfStrangersChangeNothing() throws Exception {
    TaskFuture<Object> a = desk.submit("a");
    long id = desk.nextTask();
    ByteBuffer answer =
        Frame.encode(List.of(new Entry(EntryKind.RESULT, id, desk.serializer.encode("right"))));
    dispatcher.received(new Message(3, 0, answer.duplicate().limit(9)));
    dispatcher.received(new Message(3, 0, answer));
    assertThat(a).isNotDone();
    assertThat(dispatcher.size()).isEqualTo(2);
    dispatcher.received(new Message(1, 0, answer));

    assertThat(Desk.result(a)).isEqualTo("right");
  }

  @Test
  void openTellsEachWorkerItsThreadsAndWhatToRunFirst() throws Exception {
    dispatcher.open(null);
    List<Desk.Sent> plain = desk.news();
    assertThat(plain).extracting(Desk.Sent::kind).containsExactly(EntryKind.OPEN, EntryKind.OPEN);
    assertThat(plain).extracting(Desk.Sent::rank).containsExactly(1, 2);
    Hello opening = Hello.decode(plain.get(0).body());
    assertThat(opening.threads()).isEqualTo(1);
    assertThat(opening.format()).isEqualTo(desk.serializer.format());
    assertThat(opening.initializer().hasRemaining()).isFalse();

    Desk initialized = new Desk(1);
    initialized.dispatcher.open(new Desk.Job("first"));
    ByteBuffer first = Hello.decode(initialized.news().get(0).body()).initializer();
    assertThat(Desk.called(first)).isEqualTo("first");
  }

  @Test
  void anInitializerThatFailsBreaksThePool() throws Exception {
    dispatcher.open(new Desk.Job("first"));
    TaskFuture<Object> a = desk.submit("a");
    desk.fail(2, 0, Origin.TASK, new IOException("no such data"));

    assertThat(Desk.failure(a))
        .isInstanceOf(BrokenExecutorException.class)
        .hasMessage("The initializer failed on rank 2: java.io.IOException: no such data")
        .hasRootCauseMessage("no such data");
    assertThat(dispatcher.isOpen()).isFalse();
    assertThatThrownBy(() -> desk.submit("b")).isInstanceOf(BrokenExecutorException.class);
    dispatcher.shutdown();
    desk.awaitTerminated();
  }

  @Test
  void anInitializerThatCannotTravelBreaksThePool() {
    dispatcher.open(new Captures(new Object()));

    assertThat(desk.news()).isEmpty();
    assertThatThrownBy(dispatcher::checkAccepting)
        .isInstanceOf(BrokenExecutorException.class)
        .hasMessage("The initializer cannot travel")
        .cause()
        .isInstanceOf(TaskSerializationException.class)
        .hasMessageContaining("java.lang.Object");
  }

  @Test
  void aWorkerThatEncodesValuesInAnotherWayBreaksThePool() throws Exception {
    TaskFuture<Object> a = desk.submit("a");
    String mine = desk.serializer.format();
    ByteBuffer formats = ByteBuffer.wrap(("theirs\n" + mine).getBytes(StandardCharsets.UTF_8));
    desk.receive(2, new Entry(EntryKind.MISMATCH, 0, formats));

    assertThat(Desk.failure(a))
        .isInstanceOf(BrokenExecutorException.class)
        .hasMessageStartingWith(
            "Main encodes values by %s, and rank 2 by theirs. Give the builder of".formatted(mine));
  }

  @Test
  void whoComplainsOfAFormatThatIsNotMainsIsGivenUp() {
    ByteBuffer formats = ByteBuffer.wrap("theirs\nanother".getBytes(StandardCharsets.UTF_8));
    desk.receive(2, new Entry(EntryKind.MISMATCH, 0, formats));

    assertThat(dispatcher.size()).isEqualTo(1);
    assertThat(dispatcher.isOpen()).isTrue();
  }

  @Test
  void itTellsWhetherAMessageCompletesAnything() throws Exception {
    desk.submit("a");
    long id = desk.nextTask();
    Entry pong = new Entry(EntryKind.PONG, 0);
    Entry answer = new Entry(EntryKind.RESULT, id, desk.serializer.encode(1));
    assertThat(dispatcher.received(new Message(1, 0, Frame.encode(List.of(pong))))).isFalse();
    assertThat(dispatcher.received(new Message(2, 0, Frame.encode(List.of(answer))))).isFalse();
    assertThat(dispatcher.received(new Message(3, 0, Frame.encode(List.of(answer))))).isFalse();
    assertThat(dispatcher.received(new Message(1, 0, Frame.encode(List.of(answer))))).isTrue();
    assertThat(dispatcher.received(new Message(2, 0, ByteBuffer.allocate(3)))).isFalse();
    assertThat(dispatcher.size()).isEqualTo(1);
  }

  @Test
  void manyThatAreCancelledLeaveTheQueueAndOthersDoNot() throws Exception {
    desk.submit("a");
    desk.submit("b");
    List<Desk.Sent> held = desk.news();
    TaskFuture<Object> c = desk.submit("c");
    TaskFuture<Object> d = desk.submit("d");
    TaskFuture<Object> e = desk.submit("e");
    assertThat(dispatcher.toString()).contains("queued tasks: 3");
    d.cancel(true);
    c.cancel(true);
    assertThat(dispatcher.toString()).contains("queued tasks: 1");
    desk.answer(1, held.get(0).id(), 1);
    assertThat(desk.newsAsText()).containsExactly("1 e");
    assertThat(e).isNotDone();
  }

  @Test
  void anAnswerAfterATimeoutOfAQueuedTaskChangesNothing() throws Exception {
    TaskFuture<Object> a = desk.submit("a");
    long id = desk.nextTask();
    a.completeOnTimeout("late", 1, TimeUnit.MILLISECONDS);
    assertThat(Desk.result(a)).isEqualTo("late");
    desk.answer(1, id, "in time?");

    assertThat(Desk.result(a)).isEqualTo("late");
    assertThat(dispatcher.idling()).isEqualTo(2);
  }
}
