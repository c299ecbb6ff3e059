package dev.mpipool.dispatch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.mpipool.comm.Message;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.FailureReport;
import dev.mpipool.protocol.FailureReport.Origin;
import dev.mpipool.protocol.Frame;
import dev.mpipool.serial.CallCodec;
import dev.mpipool.serial.JavaSerializer;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.serial.Payload;
import dev.mpipool.serial.SharedValue;
import dev.mpipool.serial.TaskCall;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/**
 * A dispatcher whose messages to workers are recorded, and whose workers are played by the test.
 */
public final class Desk {

  public record Sent(int rank, EntryKind kind, long id, ByteBuffer body) {}

  record Job(String name) implements TaskCall {
    @Override
    public Object code() {
      return this;
    }

    @Override
    public List<Object> arguments() {
      return List.of();
    }

    @Override
    public Object call() {
      return name;
    }
  }

  public static final LeanSerializer SERIALIZER =
      new LeanSerializer(new JavaSerializer(Desk.class.getClassLoader()));

  public final LeanSerializer serializer = SERIALIZER;
  public final Dispatcher dispatcher;
  private final List<Sent> sent = new ArrayList<>();
  private int posts;
  private int failing;

  public Desk(int workers) {
    this(workers, 3, true);
  }

  public Desk(int workers, int maxAttempts, boolean survives) {
    dispatcher =
        new Dispatcher(
            new Dispatcher.Settings(
                IntStream.rangeClosed(1, workers).boxed().toList(), 1, maxAttempts, survives),
            serializer,
            this::record);
  }

  private synchronized void record(int rank, Entry entry) {
    if (++posts == failing) {
      throw new OutOfMemoryError("staged");
    }
    sent.add(new Sent(rank, entry.kind(), entry.id(), entry.bytes()));
  }

  /** From now on, there is no memory for the nth message of all, once. */
  synchronized void failAtPost(int nth) {
    failing = nth;
  }

  /** How many messages there were, those that failed included. */
  synchronized int posts() {
    return posts;
  }

  /** What the task of an entry returns. */
  public static Object called(ByteBuffer body) throws Exception {
    return new CallCodec(SERIALIZER).decode(Payload.of(body), null, null).call();
  }

  public TaskFuture<Object> submit(String name) throws Exception {
    return submit(TaskFuture.of(dispatcher, new Job(name), name));
  }

  /** A task that is not submitted. */
  ScheduledTask task() {
    return new ScheduledTask(
        null, TaskFuture.of(dispatcher, new Job("job"), "job"), EntryKind.TASK, null, null);
  }

  TaskFuture<Object> submit(TaskFuture<Object> future) throws Exception {
    dispatcher.submit(future);
    assertOpenToOthers();
    return future;
  }

  /** A batch that submits nothing by itself. */
  static final class Batch implements TaskSource {
    @Override
    public void poolShutDown() {}

    @Override
    public void poolEnded(Throwable why) {}
  }

  /** A chunk that is ready to be submitted. */
  TaskFuture<Object> chunk() {
    TaskFuture<Object> chunk = TaskFuture.of(dispatcher, null, "chunk");
    SharedValue function = new SharedValue(ByteBuffer.allocate(1));
    dispatcher.prepareChunk(chunk, function, Payload.of(ByteBuffer.allocate(16)), true);
    return chunk;
  }

  /** Whoever has called the dispatcher must leave it to other threads. */
  private void assertOpenToOthers() {
    assertThat(dispatcher.lock().isHeldByCurrentThread()).as("the lock is kept").isFalse();
  }

  /** What was sent since the last call. */
  public synchronized List<Sent> news() {
    assertOpenToOthers();
    List<Sent> news = List.copyOf(sent);
    sent.clear();
    return news;
  }

  /** What was sent since the last call, as text: for tasks their names instead of numbers. */
  public List<String> newsAsText() throws Exception {
    List<String> texts = new ArrayList<>();
    for (Sent one : news()) {
      String what =
          switch (one.kind()) {
            case TASK -> (String) called(one.body());
            case CANCEL -> one.body().get(0) == 1 ? "CANCEL interrupt" : "CANCEL";
            default -> one.kind().name();
          };
      texts.add(one.rank() + " " + what);
    }
    return texts;
  }

  /** The number under which the next task was sent; forgets what else was. */
  public long nextTask() {
    return news().stream().filter(s -> s.kind() == EntryKind.TASK).findFirst().orElseThrow().id();
  }

  public void answer(int rank, long id, Object result) throws Exception {
    receive(rank, new Entry(EntryKind.RESULT, id, serializer.encode(result)));
  }

  void fail(int rank, long id, Origin origin, Throwable failure) {
    ByteBuffer report = FailureReport.of(origin, failure, serializer).encode();
    receive(rank, new Entry(EntryKind.FAILURE, id, report));
  }

  public void receive(int rank, Entry... entries) {
    assertOpenToOthers();
    dispatcher.received(new Message(rank, 0, Frame.encode(List.of(entries))));
    assertOpenToOthers();
  }

  public void gone(int... ranks) {
    for (int rank : ranks) {
      receive(rank, new Entry(EntryKind.LEFT, 0));
    }
  }

  public static Object result(Future<?> future) throws Exception {
    return future.get(20, TimeUnit.SECONDS);
  }

  /** What get throws as the cause of an ExecutionException. */
  public static Throwable failure(Future<?> future) {
    Throwable thrown = catchThrowable(() -> result(future));
    assertThat(thrown).isExactlyInstanceOf(ExecutionException.class);
    return thrown.getCause();
  }

  public void awaitTerminated() throws InterruptedException {
    assertThat(dispatcher.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
    assertThat(dispatcher.isTerminated()).isTrue();
    assertOpenToOthers();
  }
}
