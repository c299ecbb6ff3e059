package dev.mpipool.worker;

import dev.mpipool.BrokenExecutorException;
import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.Message;
import dev.mpipool.comm.MessageTooLongException;
import dev.mpipool.memory.Memory;
import dev.mpipool.protocol.DamagedFrameException;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.FailureReport;
import dev.mpipool.protocol.FailureReport.Origin;
import dev.mpipool.protocol.Frame;
import dev.mpipool.protocol.FrameSender;
import dev.mpipool.protocol.GroupTask;
import dev.mpipool.protocol.Hello;
import dev.mpipool.protocol.ReceiveLoop;
import dev.mpipool.serial.Caller;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.serial.Payload;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A worker while the pool is open: handles the messages of main and of other workers, and leaves
 * the pool when main says so or when it cannot go on.
 *
 * <p>All its threads are daemons: the {@link TaskThreads} run the tasks; the listener receives and
 * never runs a task (see {@link ReceiveLoop}); the sender sends the answers that no task thread
 * sends itself. The thread that calls {@link #run} only waits, so interrupting it does not disturb
 * MPI.
 *
 * <p>None of these threads ends by an exception before the worker leaves. An operation that fails
 * for lack of memory is repeated; a task or a result that does not fit into memory fails that task.
 * If memory does not return, the worker leaves the pool and tells main why.
 *
 * <p>Messages are handled by one thread at a time. There is no lock: {@link WorkerQueue}, {@link
 * Groups} and {@link SharedValues} have their own, and how the worker leaves is decided once, by
 * completing {@code released}.
 */
public final class WorkerLoop {

  private static final Logger LOG = LoggerFactory.getLogger(WorkerLoop.class);

  /** How long {@link #run} waits for the last answers to be sent. */
  private static final long LAST_ANSWER_MILLIS = 10_000;

  /**
   * Where ranks cannot continue after a loss: milliseconds from another worker's loss to the end of
   * this one. When a pool ends, the loss of a worker that has left may be reported before main's
   * RELEASE arrives.
   */
  private static final long PARTING_MILLIS = 1_000;

  private final Communicator communicator;
  private final int main;
  private final WorkerContext context;
  private final FrameSender sender;
  private final Groups groups;
  private final WorkerQueue queue = new WorkerQueue();
  private final CompletableFuture<Void> released = new CompletableFuture<>();

  /** Whether this worker is leaving of its own accord. */
  private final AtomicBoolean leaving = new AtomicBoolean();

  /** How many nanoseconds tasks have taken that were not reported to main. */
  private final LongAdder busyNanos = new LongAdder();

  private final TaskThreads taskThreads;

  /** Whether main's OPEN has been handled. */
  private volatile boolean opened;

  /**
   * Creates the loop and starts its sender.
   *
   * @param communicator the pool's own
   * @param main the rank that sends the tasks
   * @param serializer for tasks and results
   * @param caller calls each kind of code
   */
  public WorkerLoop(Communicator communicator, int main, LeanSerializer serializer, Caller caller) {
    this.communicator = communicator;
    this.main = main;
    this.context = new WorkerContext(serializer, caller);
    this.sender = new FrameSender(communicator, "mpipool-sender", new Unsent(), this::busyTime);
    this.groups = new Groups(sender);
    this.taskThreads =
        new TaskThreads(communicator, main, context, queue, sender, busyNanos, released::isDone);
    try {
      communicator.onRankLost((rank, reason) -> Memory.persist(() -> rankLost(rank, reason)));
    } catch (RuntimeException e) { // the communicator is closed
      sender.close();
      throw e;
    }
  }

  private final class Unsent implements FrameSender.SendFailureListener {
    @Override
    public void sendFailed(int destination, RuntimeException failure) {
      cannotReach(destination, failure);
    }

    @Override
    public void unsent(int destination, Entry entry, OutOfMemoryError failure) {
      if (entry.kind() == EntryKind.RESULT) {
        String what =
            "it takes %d bytes, for which there is no memory".formatted(entry.payload().length());
        FailureReport report =
            FailureReport.of(
                Origin.WRITING_RESULT, new OutOfMemoryError(what), context.serializer());
        sender.post(main, new Entry(EntryKind.FAILURE, entry.id(), report.encode()));
      } else {
        FrameSender.SendFailureListener.super.unsent(destination, entry, failure);
      }
    }
  }

  /**
   * Serves until main releases this worker. Interrupts do not end the wait; the status is restored.
   *
   * @throws BrokenExecutorException if main ended or was lost without releasing it
   */
  public void run() {
    boolean interrupted = false;
    long pause = 0;
    try {
      taskThreads.start(new ReceiveLoop(communicator, "mpipool-listener", new Incoming()));
    } catch (Throwable e) { // no more threads, perhaps
      leaveUnasked("The worker cannot start its threads", e);
    }
    try {
      while (true) {
        try {
          released.get();
          return;
        } catch (InterruptedException e) {
          interrupted = true; // only main can release a worker
        } catch (ExecutionException e) {
          throw new BrokenExecutorException(e.getCause().getMessage(), e.getCause().getCause());
        } catch (OutOfMemoryError e) { // the wait allocates
          pause = Memory.pause(pause);
        }
      }
    } finally {
      queue.close();
      Memory.persist(() -> queue.all().forEach(run -> run.cancel(true)));
      sender.close();
      if (released.isCompletedExceptionally()) {
        wakeListener();
      } else {
        sender.awaitEnd(LAST_ANSWER_MILLIS);
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Sends this rank an empty message, so that the receiving thread notices the end. */
  private void wakeListener() {
    try {
      communicator.send(communicator.rank(), FrameSender.TAG, Frame.encode(List.of()));
    } catch (RuntimeException | OutOfMemoryError e) {
      LOG.debug("The listener has ended, or does not hear", e);
    }
  }

  private final class Incoming implements ReceiveLoop.Handler {
    @Override
    public boolean handle(Message message) {
      WorkerLoop.this.handle(message);
      return !queue.isEmpty();
    }

    @Override
    public boolean handleTooLong(MessageTooLongException message) {
      WorkerLoop.this.handleCut(message);
      return !queue.isEmpty();
    }

    @Override
    public void failed(Throwable e) { // a task may be lost, for example for lack of memory
      taskThreads.discardTasks();
      leaveUnasked("Nothing can be received from main any more", e);
    }

    @Override
    public boolean isOver() {
      return released.isDone();
    }
  }

  private void handle(Message message) {
    int source = message.source();
    long pause = 0;
    while (true) {
      try {
        handle(source, Frame.decode(message));
        return;
      } catch (DamagedFrameException e) {
        LOG.warn("A message from rank {} is refused: {}", source, e.getMessage());
        notUnderstood(source, e.getMessage());
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pauseOrThrow(pause, e);
      }
    }
  }

  /** Handles entries. An entry for which memory runs out has had no effect and is handled again. */
  private void handle(int source, List<Entry> entries) {
    int handled = 0;
    long pause = 0;
    while (handled < entries.size()) {
      try {
        handle(source, entries.get(handled));
        handled++;
        pause = 0;
      } catch (OutOfMemoryError e) {
        if (!Memory.mayReturn(0)) {
          throw new IllegalStateException("There is no memory to go on", e);
        }
        pause = Memory.pause(pause);
      }
    }
  }

  private void handle(int source, Entry entry) {
    if (entry.kind() == EntryKind.GROUP_MESSAGE) {
      groups.deliver(entry.id(), source, entry.bytes());
    } else if (source == main) {
      handleFromMain(entry);
    } else {
      LOG.warn("Rank {} sent a {}, which only main may", source, entry.kind());
    }
  }

  /** Reports the loss of a message that did not fit into memory to the rank that waits for it. */
  private void handleCut(MessageTooLongException message) {
    long pause = 0;
    while (true) {
      try {
        handleBeginning(message);
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pauseOrThrow(pause, e);
      }
    }
  }

  private void handleBeginning(MessageTooLongException message) {
    int source = message.beginning().source();
    try {
      Frame.Cut cut =
          Frame.decodeCut(
              message.beginning().data(),
              message.missing(),
              kind ->
                  kind == EntryKind.GROUP_MESSAGE
                      || (source == main && (kind.isTask() || kind == EntryKind.PUT)));
      handle(source, cut.before());
      if (cut.kind() == EntryKind.GROUP_MESSAGE) {
        groups.lost(source, "its message cannot be received: " + cut.reason());
      } else if (cut.kind() == EntryKind.PUT) {
        context.shared().putFailure(cut.id(), new IOException("A broadcast: " + cut.reason()));
      } else {
        FailureReport report =
            FailureReport.of(
                Origin.READING_TASK, new OutOfMemoryError(cut.reason()), context.serializer());
        sender.post(main, new Entry(EntryKind.FAILURE, cut.id(), report.encode()));
      }
    } catch (DamagedFrameException e) {
      LOG.warn("A message from rank {} is refused: {}", source, e.getMessage());
      notUnderstood(source, e.getMessage());
    }
  }

  private void handleFromMain(Entry entry) {
    try {
      handle(entry);
    } catch (IOException | RuntimeException e) {
      LOG.warn("Main, rank {}, sent a {} that cannot be read", main, entry.kind(), e);
      notUnderstood(main, "a %s (%s)".formatted(entry.kind(), e));
    }
  }

  /** A message of a rank is lost, so nothing may wait for that rank any more. */
  private void notUnderstood(int source, String what) {
    if (source == main) {
      leaveUnasked("Main, rank %d, sent what cannot be understood: %s".formatted(main, what), null);
    } else {
      groups.lost(source, "it sent what cannot be understood: " + what);
    }
  }

  private void handle(Entry entry) throws IOException {
    switch (entry.kind()) {
      case OPEN -> open(Hello.decode(entry.bytes()));
      case TASK -> queue.add(TaskRun.ofCall(entry.id(), entry.payload(), context));
      case CHUNK -> queue.add(new ChunkRun(entry.id(), entry.payload(), context));
      case GROUP -> join(entry);
      case PUT -> context.shared().put(entry.id(), entry.bytes());
      case FORGET -> context.shared().remove(entry.id());
      case CANCEL -> cancel(entry);
      case RECALL -> giveBack(entry.bytes().getInt());
      case EXCLUDED -> groups.lost((int) entry.id(), "main has given it up");
      case PING -> sender.post(main, new Entry(EntryKind.PONG, 0));
      case RELEASE -> {
        sender.post(main, new Entry(EntryKind.LEFT, 0));
        released.complete(null);
      }
      case ABANDON -> leave("Main ended without closing the pool", null);
      default -> throw new IOException("only workers may send that");
    }
  }

  /**
   * Handles main's first entry. The initializer, if there is one, is queued first; further task
   * threads start after it has run.
   */
  private void open(Hello opening) throws IOException {
    if (opened) {
      throw new IOException("it has been opened before");
    }
    String format = context.serializer().format();
    if (!format.equals(opening.format())) {
      taskThreads.discardTasks();
      String both = format + "\n" + opening.format();
      ByteBuffer body = ByteBuffer.wrap(both.getBytes(StandardCharsets.UTF_8));
      sender.post(main, new Entry(EntryKind.MISMATCH, 0, body));
      opened = true;
      return;
    }
    int threads = opening.threads();
    TaskRun ready =
        new TaskRun(0, Payload.of(opening.initializer()), 0, context) {
          @Override
          Entry answer() {
            Entry answer = encoded().length() > 0 ? super.answer() : new Entry(EntryKind.RESULT, 0);
            if (answer.kind() == EntryKind.FAILURE) {
              taskThreads.discardTasks();
            } else {
              taskThreads.startUpTo(threads);
            }
            return answer;
          }
        };
    queue.add(ready);
    opened = true;
  }

  private void join(Entry entry) throws IOException {
    GroupTask task = GroupTask.decode(entry.bytes());
    queue.add(
        new GroupRun(
            entry.id(), task.group(), Payload.of(task.task()), groups.join(task), context, groups));
  }

  private void cancel(Entry entry) {
    TaskRun run = queue.find(entry.id());
    ByteBuffer body = entry.bytes();
    boolean interrupt = body.hasRemaining() && body.get(body.position()) != 0;
    Entry dropped = new Entry(EntryKind.DROPPED, entry.id());
    if (run != null && run.cancel(interrupt) && queue.remove(run)) {
      postSurely(dropped);
    }
  }

  /** Posts to main an entry that exists nowhere else. */
  private void postSurely(Entry entry) {
    long pause = 0;
    while (true) {
      try {
        sender.post(main, entry);
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  private void cannotReach(int rank, RuntimeException failure) {
    if (rank == main) {
      leaveUnasked("Main, rank %d, cannot be reached".formatted(rank), failure);
    } else {
      groups.lost(rank, "it cannot be reached (%s)".formatted(failure));
      sender.post(main, new Entry(EntryKind.UNDELIVERABLE, rank)); // rank may wait for it
    }
  }

  /** The entry that reports to main, after a frame's answers, how long their tasks took. */
  private Entry busyTime(int destination) {
    long nanos = destination == main ? busyNanos.sumThenReset() : 0;
    return nanos == 0 ? null : new Entry(EntryKind.BUSY_TIME, nanos);
  }

  /**
   * Returns unstarted tasks, the last first; if there are none, recalls items of running chunks.
   */
  private void giveBack(int most) throws IOException {
    if (most < 0) {
      throw new IOException("%d tasks are to be given back".formatted(most));
    }
    ByteBuffer numbers = ByteBuffer.allocate(Math.min(most, queue.size()) * Long.BYTES);
    while (numbers.hasRemaining()) {
      TaskRun run = queue.last();
      if (run == null || !run.isForAnyWorker() || !queue.remove(run)) {
        break;
      }
      numbers.putLong(run.id());
    }
    if (numbers.position() == 0) {
      queue.all().stream()
          .filter(ChunkRun.class::isInstance)
          .forEach(run -> ((ChunkRun) run).recall());
    }
    postSurely(new Entry(EntryKind.RETURNED, 0, numbers.flip()));
  }

  private void rankLost(int rank, String reason) {
    groups.lost(rank, reason);
    if (rank == main) {
      leave("Main, rank %d, was lost: %s".formatted(rank, reason), null);
    } else if (!communicator.failureModel().othersSurvive()) {
      String why =
          "Rank %d was lost, and the ranks cannot go on without it: %s".formatted(rank, reason);
      CompletableFuture.delayedExecutor(PARTING_MILLIS, TimeUnit.MILLISECONDS, Runnable::run)
          .execute(() -> Memory.persist(() -> leave(why, null)));
    }
  }

  /** Leaves unasked, and tries to report the reason to main. Does not fail. */
  private void leaveUnasked(String why, Throwable cause) {
    if (!leaving.compareAndSet(false, true)) {
      return; // the message to main may have failed: the first reason is the one that counts
    }
    long pause = 0;
    while (!released.isDone()) {
      try {
        String reason = cause == null ? why : "%s (%s)".formatted(why, cause);
        ByteBuffer body = ByteBuffer.wrap(reason.getBytes(StandardCharsets.UTF_8));
        sender.post(main, new Entry(EntryKind.LEFT, 0, body));
        leave(why, cause);
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  private void leave(String why, Throwable cause) {
    released.completeExceptionally(new IllegalStateException(why, cause));
  }
}
