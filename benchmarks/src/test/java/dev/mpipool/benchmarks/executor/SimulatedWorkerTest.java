package dev.mpipool.benchmarks.executor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.LocalCommunicator;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.Frame;
import dev.mpipool.protocol.FrameSender;
import dev.mpipool.protocol.Hello;
import dev.mpipool.serial.CallCodec;
import dev.mpipool.serial.JavaSerializer;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.serial.TaskCall;
import dev.mpipool.worker.WorkerLoop;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The benchmark's simulated worker answers every frame of main as a {@link WorkerLoop} does. */
@Timeout(60)
class SimulatedWorkerTest {

  private static final LeanSerializer SERIALIZER =
      new LeanSerializer(new JavaSerializer(SimulatedWorkerTest.class.getClassLoader()));

  /** All that main sends to a worker that answers, or that is in no group. */
  private static final Set<EntryKind> SENT =
      EnumSet.of(
          EntryKind.OPEN,
          EntryKind.TASK,
          EntryKind.CANCEL,
          EntryKind.RECALL,
          EntryKind.PING,
          EntryKind.PUT,
          EntryKind.FORGET,
          EntryKind.RELEASE);

  /** Reached by a task, as it runs in this process. */
  private static volatile CountDownLatch entered;

  private static volatile CountDownLatch gate;

  private final List<Communicator> ranks = LocalCommunicator.create(2);
  private final Set<EntryKind> compared = EnumSet.noneOf(EntryKind.class);
  private FutureTask<Void> worker;

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

  /** What an entry says, comparable. */
  record Said(EntryKind kind, long id, ByteBuffer payload) {
    static Said of(Entry entry) {
      boolean measured = entry.kind() == EntryKind.BUSY_TIME;
      return new Said(entry.kind(), measured ? 0 : entry.id(), entry.bytes());
    }
  }

  @BeforeEach
  void start() {
    entered = new CountDownLatch(1);
    gate = new CountDownLatch(1);
    worker =
        new FutureTask<>(
            () -> {
              new WorkerLoop(ranks.get(1), 0, SERIALIZER, null).run();
              return null;
            });
    Thread thread = new Thread(worker, "test-worker");
    thread.setDaemon(true);
    thread.start();
  }

  @AfterEach
  void end() {
    gate.countDown();
    ranks.forEach(Communicator::close);
  }

  private static int await() throws InterruptedException {
    entered.countDown();
    assertThat(gate.await(50, TimeUnit.SECONDS)).isTrue();
    return 1;
  }

  private static Entry task(long id, Code code) throws Exception {
    return new Entry(EntryKind.TASK, id, new CallCodec(SERIALIZER).encodeWhole(new Task(code)));
  }

  private static Entry recall(int most) {
    ByteBuffer body = ByteBuffer.allocate(Integer.BYTES).putInt(most).flip();
    return new Entry(EntryKind.RECALL, 0, body);
  }

  private static Entry cancel(long id) {
    return new Entry(EntryKind.CANCEL, id, ByteBuffer.wrap(new byte[] {0}));
  }

  /** Has both handle a frame; returns what the simulated worker answers, as the real one does. */
  private List<Entry> compare(SimulatedWorker simulated, Entry... frame) throws Exception {
    List<Entry> expected = simulated.answer(List.of(frame));
    List<Entry> found = new ArrayList<>();
    ranks.get(0).send(1, FrameSender.TAG, Frame.encode(List.of(frame)));
    while (count(found) < count(expected)) {
      found.addAll(Frame.decode(ranks.get(0).receive(1, FrameSender.TAG).data()));
    }
    assertThat(found.stream().filter(SimulatedWorkerTest::isPromised).map(Said::of))
        .containsExactlyInAnyOrderElementsOf(
            expected.stream().filter(SimulatedWorkerTest::isPromised).map(Said::of).toList());
    assertThat(found) // also the time that OPEN took, with the first answer of whatever kind
        .matches(all -> saysTime(all) || !saysTime(expected), "says how long its tasks took");
    for (Entry entry : frame) {
      compared.add(entry.kind());
    }
    return expected;
  }

  /** How often a worker reports how long tasks took depends on how many frames it sends. */
  private static boolean isPromised(Entry entry) {
    return entry.kind() != EntryKind.BUSY_TIME;
  }

  private static long count(List<Entry> entries) {
    return entries.stream().filter(SimulatedWorkerTest::isPromised).count();
  }

  private static boolean saysTime(List<? extends Entry> entries) {
    return !entries.stream().allMatch(SimulatedWorkerTest::isPromised);
  }

  private Entry open() {
    ByteBuffer none = ByteBuffer.allocate(0);
    return new Entry(EntryKind.OPEN, 0, new Hello(1, SERIALIZER.format(), none).encode());
  }

  @Test
  void aWorkerThatAnswers() throws Exception {
    SimulatedWorker simulated = SimulatedWorker.answering(SERIALIZER.encode(1), 1_000);
    compare(simulated, open(), new Entry(EntryKind.PUT, 5, SERIALIZER.encode("value")));
    compare(simulated, task(1, () -> 1));
    compare(simulated, task(2, () -> 1), task(3, () -> 1), new Entry(EntryKind.PING, 0));
    compare(simulated, cancel(3), cancel(99), new Entry(EntryKind.FORGET, 5));
    assertThat(compare(simulated, recall(4))).hasSize(1);
    compare(simulated, new Entry(EntryKind.PING, 0)); // and nothing before the answer
    compare(simulated, new Entry(EntryKind.RELEASE, 0));

    worker.get(50, TimeUnit.SECONDS);
    assertThat(compared).containsExactlyInAnyOrderElementsOf(SENT);
  }

  @Test
  void theFrameOfALoneAnswerIsTheSame() throws Exception {
    SimulatedWorker simulated = SimulatedWorker.answering(SERIALIZER.encode(1), 1_000);
    compare(simulated, open());
    Entry task = task(1, () -> 1);
    ranks.get(0).send(1, FrameSender.TAG, Frame.encode(List.of(task)));

    assertThat(Frame.decode(ranks.get(0).receive(1, FrameSender.TAG).data()))
        .extracting(Said::of)
        .isEqualTo(simulated.answer(List.of(task)).stream().map(Said::of).toList());
  }

  @Test
  void aBusyWorker() throws Exception {
    SimulatedWorker simulated = SimulatedWorker.busy();
    compare(simulated, open());
    compare(simulated, task(1, SimulatedWorkerTest::await));
    assertThat(entered.await(50, TimeUnit.SECONDS)).isTrue();
    compare(simulated, task(2, () -> 1), task(3, () -> 1), task(4, () -> 1), task(5, () -> 1));
    assertThat(compare(simulated, recall(1))).hasSize(1);
    compare(simulated, cancel(3));
    compare(simulated, cancel(1), cancel(5), cancel(99), new Entry(EntryKind.PING, 0));
    assertThat(compare(simulated, recall(9)).get(0).bytes().remaining()).isEqualTo(2 * Long.BYTES);
    compare(simulated, recall(9));
    assertThat(simulated.held()).isEqualTo(1);
    compare(simulated, new Entry(EntryKind.PING, 0));
  }

  @Test
  void aWorkerThatIsReleasedWithATask() throws Exception {
    SimulatedWorker simulated = SimulatedWorker.busy();
    compare(simulated, open(), task(1, SimulatedWorkerTest::await));
    compare(simulated, new Entry(EntryKind.RELEASE, 0));
    worker.get(50, TimeUnit.SECONDS);
  }
}
