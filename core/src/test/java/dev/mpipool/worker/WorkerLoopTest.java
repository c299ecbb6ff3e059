package dev.mpipool.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.mpipool.BrokenExecutorException;
import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.FailureModel;
import dev.mpipool.comm.LocalCommunicator;
import dev.mpipool.comm.Message;
import dev.mpipool.comm.MessageChannel;
import dev.mpipool.comm.MessageChannels;
import dev.mpipool.comm.MessageTooLongException;
import dev.mpipool.comm.RankLostListener;
import dev.mpipool.memory.ForgetsShortMemory;
import dev.mpipool.protocol.Chunk;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.FailureReport;
import dev.mpipool.protocol.FailureReport.Origin;
import dev.mpipool.protocol.Frame;
import dev.mpipool.protocol.FrameSender;
import dev.mpipool.protocol.GroupTask;
import dev.mpipool.protocol.Hello;
import dev.mpipool.serial.CallCodec;
import dev.mpipool.serial.ItemFunction;
import dev.mpipool.serial.JavaSerializer;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.serial.TaskCall;
import dev.mpipool.testing.Logged;
import dev.mpipool.testing.PoolThreads;
import dev.mpipool.testing.Ranks;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.Serializable;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A worker, rank 1, with main's side played by the test, rank 0. */
@ExtendWith(ForgetsShortMemory.class)
@Timeout(60)
class WorkerLoopTest {

  private static final LeanSerializer SERIALIZER =
      new LeanSerializer(new JavaSerializer(WorkerLoopTest.class.getClassLoader()));

  /** Reached by tasks, as they run in this process. */
  private static volatile CountDownLatch entered;

  private static volatile Semaphore gate;

  private final PoolThreads threads = new PoolThreads();
  private final List<Communicator> ranks = LocalCommunicator.create(2);
  private final ArrayDeque<Entry> unread = new ArrayDeque<>();
  private volatile FailureModel model = FailureModel.NONE;
  private volatile RankLostListener losses;
  private FutureTask<String> worker;

  /** How long the worker's tasks took, as it has told so far. */
  private long busyNanos;

  /** If the worker's next message is to be held. */
  private volatile Held held;

  /** A message that is being sent until the test lets it go. */
  private static final class Held {
    final CountDownLatch begun = new CountDownLatch(1);
    final CountDownLatch mayEnd = new CountDownLatch(1);
  }

  interface Code extends Callable<Object>, Serializable {}

  record Task(Code code) implements TaskCall {
    @Override
    public List<Object> arguments() {
      return List.of();
    }

    @Override
    public Object call() throws Exception {
      return code.call();
    }
  }

  private static final class Unreadable implements Serializable {
    private static final long serialVersionUID = 1;

    private void readObject(ObjectInputStream in) throws IOException {
      throw new IOException("cannot be read");
    }
  }

  private static final class Doubling implements ItemFunction {
    private static final long serialVersionUID = 1;

    @Override
    public Object code() {
      return this;
    }

    @Override
    public int arity() {
      return 1;
    }

    @Override
    public Object call(Object a, Object b, Object c) {
      return 2 * (Integer) a;
    }
  }

  private static final class Hostile extends RuntimeException {
    private static final long serialVersionUID = 1;

    @SuppressWarnings("unused") // it is what cannot be written
    final Object lock = new Object();

    @Override
    public String getMessage() {
      throw new AssertionError("getMessage");
    }
  }

  @BeforeEach
  void start() {
    entered = new CountDownLatch(1);
    gate = new Semaphore(0);
    worker =
        Ranks.start(
            "test-worker",
            () -> {
              new WorkerLoop(withLittleMemory(ranks.get(1)), 0, SERIALIZER, null).run();
              return "released";
            });
  }

  /** Receives of what is longer than a megabyte the beginning only. */
  private Communicator withLittleMemory(Communicator rank) {
    InvocationHandler handler =
        (proxy, method, arguments) -> {
          Held now = held;
          if (method.getName().equals("failureModel")) {
            return model;
          } else if (method.getName().equals("onRankLost")) {
            losses = (RankLostListener) arguments[0];
          } else if (method.getName().equals("send") && now != null) {
            now.begun.countDown();
            assertThat(now.mayEnd.await(25, TimeUnit.SECONDS)).isTrue();
          }
          Object result;
          try {
            result = method.invoke(rank, arguments);
          } catch (InvocationTargetException e) {
            throw e.getCause();
          }
          if (result instanceof Message message && message.data().remaining() > 1 << 20) {
            boolean apart = message.attachment() != null;
            ByteBuffer beginning = apart ? message.beginning() : message.data().slice(0, 60_000);
            throw new MessageTooLongException(
                new Message(message.source(), message.tag(), beginning),
                message.data().remaining() - beginning.remaining());
          }
          return result;
        };
    return (Communicator)
        Proxy.newProxyInstance(
            WorkerLoopTest.class.getClassLoader(),
            new Class<?>[] {Communicator.class, MessageChannel.class},
            handler);
  }

  @AfterEach
  void threadsAreGone() {
    send(new Entry(EntryKind.ABANDON, 0));
    ranks.get(1).close();
    await().untilAsserted(() -> assertThat(threads.alive()).isEmpty());
  }

  private void send(Entry... entries) {
    ranks.get(0).send(1, FrameSender.TAG, Frame.encode(List.of(entries)));
  }

  private static Entry task(long id, Code code) throws Exception {
    return new Entry(EntryKind.TASK, id, new CallCodec(SERIALIZER).encodeWhole(new Task(code)));
  }

  private static Entry cancel(long id, boolean interrupt) {
    byte[] body = {(byte) (interrupt ? 1 : 0)};
    return new Entry(EntryKind.CANCEL, id, ByteBuffer.wrap(body));
  }

  private Entry next() throws Exception {
    while (unread.isEmpty()) {
      unread.addAll(Frame.decode(ranks.get(0).receive(1, FrameSender.TAG).data()));
      for (Entry entry : unread) {
        busyNanos += entry.kind() == EntryKind.BUSY_TIME ? entry.id() : 0;
      }
      unread.removeIf(entry -> entry.kind() == EntryKind.BUSY_TIME); // measured, not promised
    }
    return unread.poll();
  }

  private void expectResult(long id, Object value) throws Exception {
    Entry answer = next();
    assertThat(answer.kind()).isEqualTo(EntryKind.RESULT);
    assertThat(answer.id()).isEqualTo(id);
    assertThat(SERIALIZER.decode(answer.bytes())).isEqualTo(value);
  }

  private FailureReport expectFailure(long id, Origin origin) throws Exception {
    Entry answer = next();
    assertThat(answer.kind()).isEqualTo(EntryKind.FAILURE);
    assertThat(answer.id()).isEqualTo(id);
    FailureReport report = FailureReport.decode(answer.bytes());
    assertThat(report.origin()).isEqualTo(origin);
    return report;
  }

  private static int waitAtGate() throws InterruptedException {
    entered.countDown();
    assertThat(gate.tryAcquire(25, TimeUnit.SECONDS)).isTrue();
    return 1;
  }

  private static void awaitEntered() throws InterruptedException {
    assertThat(entered.await(25, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void tasksRunInOrderAndAreAnswered() throws Exception {
    send(task(1, () -> 6 * 7), task(2, () -> null));
    send(task(3, () -> TaskContext.rank().getAsInt()));

    expectResult(1, 42);
    expectResult(2, null);
    expectResult(3, 1);
    assertThat(TaskContext.rank()).isEmpty();
  }

  @Test
  void theTimeInWhichAnAnswerIsSentIsNoTimeOfTheNextTask() throws Exception {
    Held answer = new Held();
    held = answer;
    send(task(1, () -> 1));
    assertThat(answer.begun.await(25, TimeUnit.SECONDS)).isTrue();
    held = null;
    send(task(2, () -> 2));
    TimeUnit.MILLISECONDS.sleep(500); // for so long the network is slow
    answer.mayEnd.countDown();

    expectResult(1, 1);
    expectResult(2, 2);
    assertThat(busyNanos).isLessThan(TimeUnit.MILLISECONDS.toNanos(400));
  }

  @Test
  void aTaskThatThereIsNoMemoryForFailsAlone() throws Exception {
    ByteBuffer large = ByteBuffer.allocate(2_000_000);
    send(task(1, () -> 1), new Entry(EntryKind.TASK, 2, large));
    send(new Entry(EntryKind.PUT, 7, large));
    ByteBuffer frame = Frame.encode(List.of(new Entry(EntryKind.TASK, 4, large)));
    int tailAt = frame.limit() - 1_999_995;
    MessageChannels.of(ranks.get(0))
        .sendParts(1, FrameSender.TAG, List.of(frame.slice(0, tailAt), frame.position(tailAt)));
    send(task(3, () -> 3));

    List<Entry> answers = List.of(next(), next(), next(), next());
    assertThat(answers).extracting(Entry::id).containsExactlyInAnyOrder(1L, 2L, 3L, 4L);
    for (Entry answer : answers) {
      if (answer.id() % 2 == 0) {
        FailureReport report = FailureReport.decode(answer.bytes());
        assertThat(report.origin()).isEqualTo(Origin.READING_TASK);
        assertThat(report.message()).contains("for which there is no memory");
      } else {
        assertThat(answer.kind()).isEqualTo(EntryKind.RESULT);
      }
    }
  }

  @Test
  void aLongMessageOfMainThatMakesNoSenseEndsTheWorker() throws Exception {
    send(new Entry(EntryKind.LEFT, 0, ByteBuffer.allocate(2_000_000)));
    assertThat(next().kind()).isEqualTo(EntryKind.LEFT);
    assertThatThrownBy(() -> Ranks.result(worker)).hasStackTraceContaining("cannot be understood");
  }

  @Test
  void aTaskCancelledBeforeItBeginsIsDropped() throws Exception {
    send(task(1, WorkerLoopTest::waitAtGate), task(2, () -> 2), task(3, () -> 3));
    awaitEntered();
    send(cancel(2, true));
    assertThat(next()).isEqualTo(new Entry(EntryKind.DROPPED, 2));
    gate.release();

    expectResult(1, 1);
    expectResult(3, 3);
  }

  @Test
  void anInterruptReachesARunningTaskAndNoOther() throws Exception {
    send(task(1, WorkerLoopTest::waitAtGate));
    awaitEntered();
    send(cancel(1, true), task(2, () -> Thread.currentThread().isInterrupted()));

    FailureReport report = expectFailure(1, Origin.TASK);
    assertThat(report.type()).isEqualTo(InterruptedException.class.getName());
    expectResult(2, false);
  }

  @Test
  void aCancelWithoutInterruptLetsTheTaskFinish() throws Exception {
    send(task(1, WorkerLoopTest::waitAtGate));
    awaitEntered();
    send(cancel(1, false), cancel(99, true));
    gate.release();

    expectResult(1, 1);
  }

  @Test
  void anInterruptThatATaskLeavesBehindEndsWithIt() throws Exception {
    send(
        task(
            1,
            () -> {
              Thread.currentThread().interrupt();
              return 1;
            }),
        task(2, () -> Thread.currentThread().isInterrupted()));

    expectResult(1, 1);
    expectResult(2, false);
  }

  @Test
  void errorsOfATaskFailItAndTheNextOneRuns() throws Exception {
    send(
        task(
            1,
            () -> {
              throw new OutOfMemoryError("staged");
            }),
        task(2, WorkerLoopTest::recurse),
        task(
            3,
            () -> {
              throw new AssertionError("staged");
            }),
        task(
            4,
            () -> {
              throw new Hostile();
            }),
        task(5, () -> 5));

    assertThat(expectFailure(1, Origin.TASK).type()).contains("OutOfMemoryError");
    assertThat(expectFailure(2, Origin.TASK).type()).contains("StackOverflowError");
    FailureReport error = expectFailure(3, Origin.TASK);
    assertThat(SERIALIZER.decode(error.exception())).isInstanceOf(AssertionError.class);
    assertThat(expectFailure(4, Origin.TASK).type()).contains("Hostile");
    expectResult(5, 5);
  }

  @SuppressWarnings("InfiniteRecursion")
  private static Object recurse() {
    return List.of(recurse());
  }

  @Test
  void whatCannotTravelFailsItsTaskAndTheNextOneRuns() throws Exception {
    Unreadable unreadable = new Unreadable();
    send(
        task(1, Object::new),
        task(2, () -> unreadable),
        new Entry(EntryKind.TASK, 3, ByteBuffer.wrap(new byte[] {1, 2, 3})),
        new Entry(EntryKind.TASK, 4, SERIALIZER.encode("no task")),
        task(5, () -> 5));

    assertThat(expectFailure(1, Origin.WRITING_RESULT).message()).contains("java.lang.Object");
    assertThat(expectFailure(2, Origin.READING_TASK).message()).contains("cannot be read");
    expectFailure(3, Origin.READING_TASK);
    expectFailure(4, Origin.READING_TASK);
    expectResult(5, 5);
  }

  private void expectToLeave(String why) throws Exception {
    assertThatThrownBy(() -> Ranks.result(worker))
        .isInstanceOf(BrokenExecutorException.class)
        .hasMessageContaining("Main, rank 0, sent what cannot be understood: " + why);
    Entry last = next();
    assertThat(last.kind()).isEqualTo(EntryKind.LEFT);
    assertThat(StandardCharsets.UTF_8.decode(last.bytes()).toString()).contains(why);
  }

  private void loseOtherWorker() {
    model = FailureModel.WHOLE_JOB;
    await().until(() -> losses != null);
    losses.rankLost(2, "its process has ended");
  }

  @Test
  void aWorkerThatHasLeftBeforeTheReleaseArrivesIsNoLoss() throws Exception {
    loseOtherWorker();
    send(new Entry(EntryKind.RELEASE, 0));
    assertThat(Ranks.result(worker)).isEqualTo("released");
  }

  @Test
  void aLossThatRanksDoNotSurviveEndsTheWorker() {
    loseOtherWorker();
    assertThatThrownBy(() -> Ranks.result(worker))
        .isInstanceOf(BrokenExecutorException.class)
        .hasMessage(
            "Rank 2 was lost, and the ranks cannot go on without it: its process has ended");
  }

  @Test
  void aDamagedFrameFromMainIsNamedAndTheWorkerLeaves() throws Exception {
    try (Logged log = new Logged()) {
      ranks.get(0).send(1, FrameSender.TAG, ByteBuffer.wrap(new byte[] {1, 2, 3}));

      expectToLeave("A message of 3 bytes does not begin as a frame does");
      assertThat(log.warnings()).anyMatch(line -> line.startsWith("A message from rank 0 is"));
    }
  }

  static Stream<Entry> entriesThatCannotBeRead() {
    return Stream.of(
        new Entry(EntryKind.RESULT, 1),
        new Entry(EntryKind.OPEN, 0),
        new Entry(EntryKind.OPEN, 0, ByteBuffer.allocate(8)),
        new Entry(EntryKind.OPEN, 0, ByteBuffer.allocate(9).putInt(0, 1).putInt(4, 2)),
        new Entry(EntryKind.OPEN, 0, ByteBuffer.allocate(9).putInt(0, 1).putInt(4, -1)),
        new Entry(EntryKind.RECALL, 0, ByteBuffer.allocate(3)),
        new Entry(
            EntryKind.RECALL, 0, ByteBuffer.allocate(4).putInt(0, Integer.MIN_VALUE + (1 << 27))),
        new Entry(EntryKind.CHUNK, 1, ByteBuffer.allocate(5)),
        new Entry(EntryKind.GROUP, 1, ByteBuffer.allocate(40)));
  }

  @ParameterizedTest
  @MethodSource("entriesThatCannotBeRead")
  void anEntryOfMainThatCannotBeReadIsNamedAndTheWorkerLeaves(Entry wrong) throws Exception {
    try (Logged log = new Logged()) {
      send(wrong);

      expectToLeave("a " + wrong.kind());
      assertThat(log.warnings())
          .anyMatch(line -> line.startsWith("Main, rank 0, sent a " + wrong.kind()));
    }
  }

  @Test
  void aSecondOpenIsNonsense() throws Exception {
    Hello opening = new Hello(1, SERIALIZER.format(), ByteBuffer.allocate(0));
    Entry open = new Entry(EntryKind.OPEN, 0, opening.encode());
    send(open, open);

    expectToLeave("a OPEN");
  }

  private List<Long> nextReturned() throws Exception {
    Entry answer = next();
    assertThat(answer.kind()).isEqualTo(EntryKind.RETURNED);
    List<Long> numbers = new ArrayList<>();
    ByteBuffer body = answer.bytes();
    while (body.hasRemaining()) {
      numbers.add(body.getLong());
    }
    return numbers;
  }

  private static Entry recall(int most) {
    return new Entry(EntryKind.RECALL, 0, ByteBuffer.allocate(Integer.BYTES).putInt(0, most));
  }

  @Test
  void tasksThatHaveNotBegunAreGivenBackTheLastFirst() throws Exception {
    send(task(1, WorkerLoopTest::waitAtGate), task(2, () -> 2), task(3, () -> 3));
    awaitEntered();
    send(recall(1));
    assertThat(nextReturned()).containsExactly(3L);
    send(recall(7));
    assertThat(nextReturned()).containsExactly(2L);
    send(recall(7), cancel(2, true));
    assertThat(nextReturned()).isEmpty();
    gate.release();

    expectResult(1, 1);
  }

  private static final class AtGate implements ItemFunction {
    private static final long serialVersionUID = 1;

    @Override
    public Object code() {
      return this;
    }

    @Override
    public int arity() {
      return 1;
    }

    @Override
    public Object call(Object a, Object b, Object c) throws Exception {
      return waitAtGate();
    }
  }

  private static Entry chunkOfThree() throws Exception {
    Chunk chunk = new Chunk(7, SERIALIZER, 100);
    for (int i = 0; i < 3; i++) {
      chunk.add(new Object[] {i});
    }
    return new Entry(EntryKind.CHUNK, 1, chunk.toBuffer());
  }

  /** The first byte of each outcome but the first, which is a result. */
  private List<Integer> afterTheFirst() throws Exception {
    ByteBuffer answer = next().bytes();
    answer.getLong();
    assertThat(answer.get()).isEqualTo((byte) Chunk.RESULT);
    assertThat(SERIALIZER.read(answer)).isEqualTo(1);
    List<Integer> rest = new ArrayList<>();
    while (answer.hasRemaining()) {
      rest.add((int) answer.get());
    }
    return rest;
  }

  @Test
  void itemsOfAChunkThatIsCancelledDoNotBegin() throws Exception {
    send(new Entry(EntryKind.PUT, 7, SERIALIZER.encode(new AtGate())), chunkOfThree());
    awaitEntered();
    send(cancel(1, false), new Entry(EntryKind.PING, 0));
    assertThat(next().kind()).isEqualTo(EntryKind.PONG);
    gate.release();

    assertThat(afterTheFirst()).containsExactly(Chunk.NOT_BEGUN, Chunk.NOT_BEGUN);
  }

  @Test
  void itemsOfAChunkAreGivenBackWhenOthersWantThem() throws Exception {
    send(new Entry(EntryKind.PUT, 7, SERIALIZER.encode(new AtGate())), chunkOfThree());
    awaitEntered();
    send(recall(1));
    assertThat(nextReturned()).isEmpty();
    gate.release();

    assertThat(afterTheFirst()).containsExactly(Chunk.GIVEN_BACK);
  }

  @Test
  void aMemberThatWaitsForAnotherIsFreedByAnInterruptOnly() throws Exception {
    Task task =
        new Task(
            () -> {
              entered.countDown();
              return TaskContext.group().orElseThrow().receive(1, 0);
            });
    ByteBuffer call = new CallCodec(SERIALIZER).encodeWhole(task);
    GroupTask member = new GroupTask(3, 0, List.of(1, 0), call);
    send(new Entry(EntryKind.GROUP, 1, member.encode()), recall(1));
    awaitEntered();
    assertThat(nextReturned()).isEmpty();
    send(cancel(1, false), recall(1));
    assertThat(nextReturned()).isEmpty();
    send(cancel(1, true));

    assertThat(expectFailure(1, Origin.TASK).message()).contains("no longer wanted");
  }

  @Test
  void aChunkThatClaimsMoreItemsThanItHasFailsAlone() throws Exception {
    ByteBuffer shared = SERIALIZER.encode(new Doubling());
    ByteBuffer chunk = ByteBuffer.allocate(12).putLong(0, 7).putInt(8, Integer.MAX_VALUE);
    send(
        new Entry(EntryKind.PUT, 7, shared),
        new Entry(EntryKind.CHUNK, 1, chunk),
        task(2, () -> 2));

    assertThat(expectFailure(1, Origin.WRITING_RESULT).message())
        .contains("impossible number of 2147483647 items");
    expectResult(2, 2);
  }

  @Test
  void aReleasedWorkerSaysThatItIsGoneAndReturns() throws Exception {
    send(task(1, () -> 1));
    expectResult(1, 1);
    send(new Entry(EntryKind.RELEASE, 0));

    assertThat(next()).isEqualTo(new Entry(EntryKind.LEFT, 0));
    assertThat(Ranks.result(worker)).isEqualTo("released");
    await().untilAsserted(() -> assertThat(threads.alive()).isEmpty());
  }

  @Test
  void anAbandonedWorkerThrows() {
    send(new Entry(EntryKind.ABANDON, 0));

    assertThatThrownBy(() -> Ranks.result(worker))
        .isInstanceOf(BrokenExecutorException.class)
        .hasMessage("Main ended without closing the pool");
  }

  @Test
  void aWorkerThatCanReceiveNothingThrows() {
    await().untilAsserted(() -> assertThat(threads.alive()).contains("mpipool-listener"));
    ranks.get(1).close();

    assertThatThrownBy(() -> Ranks.result(worker))
        .isInstanceOf(BrokenExecutorException.class)
        .hasMessageContaining("Nothing can be received");
  }
}
