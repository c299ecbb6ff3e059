package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.comm.LocalCommunicator;
import dev.mpipool.comm.Message;
import dev.mpipool.comm.MessageChannels;
import dev.mpipool.protocol.Chunk;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.Frame;
import dev.mpipool.protocol.FrameSender;
import dev.mpipool.protocol.GroupTask;
import dev.mpipool.protocol.Hello;
import dev.mpipool.serial.CallCodec;
import dev.mpipool.serial.ItemFunction;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.testing.Damage;
import dev.mpipool.testing.Logged;
import dev.mpipool.testing.Ranks;
import dev.mpipool.worker.WorkerLoop;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A random walk over the wire: 20,000 frames that are damaged, cut, random or senseless, half of
 * them with an attachment, to main and to a worker; {@link ManyRandomFramesTest} sends 100,000. A
 * walk that fails says its seed, and goes the same way again with it (apart from the order of
 * threads).
 */
@Timeout(120)
@ExtendWith(LocalPools.class)
class RandomFramesTest {

  private static final int ROGUES = 24;
  private static final int FRAMES_OF_A_ROGUE = 25;
  private static final LeanSerializer SERIALIZER = Serializers.create(null, null);
  private static final CallCodec CODEC = new CallCodec(SERIALIZER);

  private final int frames = frames();

  /** How many each walk sends. */
  int frames() {
    return 5_000;
  }

  private static <T> T get(Future<T> future) throws Exception {
    return future.get(30, TimeUnit.SECONDS);
  }

  /** No lambda, so that a rogue can tell what is right. */
  record Echo(int value) implements SerializableCallable<Integer> {
    @Override
    public Integer call() {
      return value;
    }
  }

  /**
   * A worker that understands main, but sends damaged answers or whole frames of nonsense before it
   * sends the right ones.
   */
  private static final class Rogue {
    private final Communicator world;
    private final Random random;
    private final boolean forges;
    private final AtomicInteger sent;
    private final List<Long> numbers = new ArrayList<>();
    private volatile Communicator own;

    Rogue(Communicator world, long seed, boolean forges, AtomicInteger sent) {
      this.world = world;
      this.random = new Random(seed);
      this.forges = forges;
      this.sent = sent;
    }

    /** One that has said it was gone is told no more. */
    void end() {
      own.close();
    }

    Void run() throws Exception {
      try {
        serve();
      } catch (CommunicatorException e) {
        // the end
      }
      return null;
    }

    private void serve() throws Exception {
      own = world.duplicate(); // as every rank of a pool does
      boolean released = false;
      while (!released) {
        List<Entry> answers = new ArrayList<>();
        for (Entry entry : Frame.decode(own.receive(0, FrameSender.TAG).data())) {
          released |= entry.kind() == EntryKind.RELEASE;
          answer(entry, answers);
        }
        ByteBuffer right = Frame.encode(answers);
        if (!numbers.isEmpty() && !released) {
          for (int i = 0; i < FRAMES_OF_A_ROGUE; i++) {
            sendInPartsOrNot(forges ? Damage.forged(numbers, random) : Damage.of(right, random));
            sent.incrementAndGet();
          }
        }
        send(right);
      }
    }

    private void send(ByteBuffer message) {
      own.send(0, FrameSender.TAG, message);
    }

    private void sendInPartsOrNot(ByteBuffer message) {
      MessageChannels.of(own).sendParts(0, FrameSender.TAG, Damage.parts(message, random));
    }

    private void answer(Entry entry, List<Entry> answers) throws Exception {
      switch (entry.kind()) {
        case TASK -> {
          Object value = CODEC.decode(entry.payload(), null, null).call();
          result(entry, SERIALIZER.encode(value), answers);
        }
        case GROUP -> {
          GroupTask task = GroupTask.decode(entry.bytes());
          result(entry, SERIALIZER.encode(task.ranks().size()), answers);
        }
        case CHUNK ->
            result(entry, Chunk.run(entry.bytes(), IDENTITY, SERIALIZER, TO_THE_END, 64), answers);
        case RECALL -> answers.add(new Entry(EntryKind.RETURNED, 0));
        case RELEASE -> answers.add(new Entry(EntryKind.LEFT, 0));
        default -> {}
      }
    }

    private void result(Entry entry, ByteBuffer body, List<Entry> answers) {
      numbers.add(entry.id());
      answers.add(new Entry(EntryKind.RESULT, entry.id(), body));
    }
  }

  private static final ItemFunction IDENTITY =
      new ItemFunction() {
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
          return a;
        }
      };

  private static final Chunk.Continuation TO_THE_END =
      new Chunk.Continuation() {
        @Override
        public boolean wanted() {
          return true;
        }

        @Override
        public boolean recalled() {
          return false;
        }
      };

  @ParameterizedTest
  @ValueSource(longs = 6)
  void mainGivesUpWhoSendsDamagedFramesAndCompletesEveryTask(long seed) throws Exception {
    AtomicInteger sent = new AtomicInteger();
    try (Logged log = new Logged()) {
      for (int pool = 0; sent.get() < frames; pool++) {
        for (Throwable failure : outcomes(seed + pool, false, sent)) {
          assertThat(failure).as("seed %d", seed).isInstanceOf(WorkerLostException.class);
          assertThat(failure).hasMessageContaining("what is no frame");
        }
      }
      assertThat(log.warnings())
          .anyMatch(line -> line.contains("A message from rank 5 is refused"))
          .anyMatch(line -> line.contains("Worker rank 5 was lost: it sent what is no frame"));
    }
  }

  @ParameterizedTest
  @ValueSource(longs = 7)
  void mainCompletesEveryTaskWhateverWholeFramesSay(long seed) throws Exception {
    AtomicInteger sent = new AtomicInteger();
    try (Logged log = new Logged()) {
      for (int pool = 0; sent.get() < frames; pool++) {
        outcomes(seed + pool, true, sent);
      }
      assertThat(log.warnings())
          .anyMatch(line -> line.matches("Worker rank 5 was lost: it sent a .*, which it may not"));
    }
  }

  /** What tasks of a pool with one honest worker, rank 1, fail with; all of them end. */
  private static List<Throwable> outcomes(long seed, boolean forged, AtomicInteger sent)
      throws Exception {
    List<Communicator> ranks = LocalCommunicator.create(2 + ROGUES);
    List<FutureTask<?>> others = new ArrayList<>();
    List<Rogue> rogues = new ArrayList<>();
    others.add(
        Ranks.start("test-honest", () -> MPIExecutor.builder().communicator(ranks.get(1)).open()));
    for (int rank = 2; rank < ranks.size(); rank++) {
      Rogue rogue = new Rogue(ranks.get(rank), 100 * seed + rank, forged, sent);
      rogues.add(rogue);
      others.add(Ranks.start("test-rogue", rogue::run));
    }
    List<Throwable> failures = new ArrayList<>();
    MPIExecutor executor = MPIExecutor.builder().communicator(ranks.get(0)).open();
    List<CompletableFuture<Integer>> tasks = new ArrayList<>();
    for (int i = 0; i < 2 * ROGUES; i++) {
      tasks.add(executor.submit(new Echo(i)));
    }
    CompletableFuture<List<Integer>> group = executor.submitGroup(1, all -> all.size());
    Batch<Integer> batch = executor.submitBatch(x -> x, List.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
    batch.ordered().forEach(tasks::add);
    for (int i = 0; i < tasks.size(); i++) {
      int value = i < 2 * ROGUES ? i : i - 2 * ROGUES;
      Throwable failure = failure(tasks.get(i));
      if (failure == null && !forged) {
        assertThat(tasks.get(i).get()).as("seed %d, task %d", seed, i).isEqualTo(value);
      } else if (failure != null) {
        failures.add(failure);
      }
    }
    Throwable ofGroup = failure(group);
    if (ofGroup != null) {
      failures.add(ofGroup);
    }
    assertThat(get(executor.submitToAll(new Echo(1)))).as("seed %d", seed).contains(1);
    executor.close();
    rogues.forEach(Rogue::end);
    for (FutureTask<?> other : others) {
      Ranks.result(other);
    }
    return failures;
  }

  private static Throwable failure(CompletableFuture<?> future) {
    Throwable thrown = catchThrowable(() -> get(future));
    return thrown instanceof ExecutionException ? thrown.getCause() : thrown;
  }

  /** Rank 1, with main (rank 0) and another worker (rank 2) played by the test. */
  private static final class Played {
    final List<Communicator> ranks = LocalCommunicator.create(3);
    final FutureTask<String> worker =
        Ranks.start(
            "test-worker",
            () -> {
              try {
                new WorkerLoop(ranks.get(1), 0, SERIALIZER, Calls::call).run();
                return "released";
              } catch (BrokenExecutorException e) {
                return e.getMessage();
              }
            });

    void send(int rank, List<ByteBuffer> parts) {
      MessageChannels.of(ranks.get(rank)).sendParts(1, FrameSender.TAG, parts);
    }

    void send(Entry... entries) {
      send(0, List.of(Frame.encode(List.of(entries))));
    }

    private final BlockingQueue<Entry> answers = new LinkedBlockingQueue<>();
    private final FutureTask<Void> main = Ranks.start("test-main", this::receive);

    private Void receive() throws Exception {
      boolean gone = false;
      while (!gone) {
        Message message = ranks.get(0).receive(Communicator.ANY_SOURCE, Communicator.ANY_TAG);
        List<Entry> entries = Frame.decode(message.data());
        answers.addAll(entries);
        gone = message.source() == 0 || entries.stream().anyMatch(e -> e.kind() == EntryKind.LEFT);
      }
      return null;
    }

    /** Whether it still answers as it should; else it has left. */
    boolean answers(long id) throws Exception {
      send(task(id));
      for (int waits = 0; waits < 1_000; waits++) {
        Entry entry = answers.poll(20, TimeUnit.MILLISECONDS);
        if (entry == null ? worker.isDone() : entry.kind() == EntryKind.LEFT) {
          return false;
        }
        if (entry != null && entry.id() == id) {
          assertThat(SERIALIZER.decode(entry.bytes())).isEqualTo(42);
          return true;
        }
      }
      throw new AssertionError("the worker neither answers nor leaves");
    }

    String end() throws Exception {
      send(new Entry(EntryKind.RELEASE, 0));
      String said = Ranks.result(worker);
      ranks.get(0).send(0, FrameSender.TAG, Frame.encode(List.of()));
      Ranks.result(main);
      ranks.get(1).close();
      return said;
    }
  }

  private static Entry task(long id) throws Exception {
    ByteBuffer body = CODEC.encodeWhole(new Calls.OfCallable(new Echo(42)));
    return new Entry(EntryKind.TASK, id, body);
  }

  private static Entry open() {
    Hello opening = new Hello(1, SERIALIZER.format(), ByteBuffer.allocate(0));
    return new Entry(EntryKind.OPEN, 0, opening.encode());
  }

  @ParameterizedTest
  @ValueSource(longs = 8)
  void aWorkerServesOnWhateverOthersThanMainSend(long seed) throws Exception {
    Random random = new Random(seed);
    try (Logged log = new Logged()) {
      Played played = new Played();
      played.send(open());
      ByteBuffer message =
          Frame.encode(List.of(new Entry(EntryKind.GROUP_MESSAGE, 3, ByteBuffer.allocate(20))));
      for (int i = 0; i < frames; i++) {
        boolean forged = random.nextBoolean();
        played.send(
            2,
            Damage.parts(
                forged ? Damage.forged(List.of(3L), random) : Damage.of(message, random), random));
      }
      assertThat(played.answers(1L << 40)).as("seed %d", seed).isTrue();
      assertThat(played.end()).isEqualTo("released");
      assertThat(log.warnings())
          .anyMatch(line -> line.contains("A message from rank 2 is refused"))
          .anyMatch(line -> line.contains("Rank 2 sent a RESULT, which only main may"));
    }
  }

  @ParameterizedTest
  @ValueSource(longs = 9)
  void aWorkerServesOnOrSaysThatItLeavesWhateverMainSends(long seed) throws Exception {
    Random random = new Random(seed);
    int left = 0;
    int sent = 0;
    for (int round = 0; sent < frames; round++) {
      Played played = new Played();
      played.send(open());
      boolean served = true;
      for (int i = 0; i < 40; i++) {
        played.send(0, Damage.parts(nonsense(round, random), random));
        sent++;
      }
      served = played.answers(1L << 40);
      String said = played.end();
      if (!served && !said.equals("released")) {
        assertThat(said)
            .as("seed %d, round %d", seed, round)
            .containsAnyOf("Main, rank 0, sent what cannot be understood", "Main ended");
        left++;
      }
    }
    assertThat(left).isGreaterThan(frames / 100);
  }

  private static ByteBuffer nonsense(int round, Random random) throws Exception {
    List<Long> numbers = List.of(1L, 2L);
    return switch (round % 4) {
      case 0 -> Damage.of(Frame.encode(List.of(task(random.nextInt(3)))), random);
      case 1 -> Damage.forged(numbers, random);
      default -> {
        // whole frames whose values are damaged where no checksum looks
        byte[] body = task(0).bytes().array().clone();
        body[random.nextInt(body.length)] ^= (byte) (1 + random.nextInt(255));
        EntryKind kind = random.nextInt(4) == 0 ? EntryKind.PUT : EntryKind.TASK;
        yield Frame.encode(List.of(new Entry(kind, random.nextInt(9), ByteBuffer.wrap(body))));
      }
    };
  }
}
