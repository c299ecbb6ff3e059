package dev.mpipool.worker;

import dev.mpipool.BrokenExecutorException;
import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.Message;
import dev.mpipool.comm.MessageChannels;
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
import dev.mpipool.protocol.Opening;
import dev.mpipool.protocol.Reception;
import dev.mpipool.serial.Body;
import dev.mpipool.serial.Caller;
import dev.mpipool.serial.LeanSerializer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a worker does while the pool is open.
 *
 * <p>Its threads are all daemons: a task thread runs one task after the other, and there are as
 * many as main wants; the listener receives and never runs a task; a task thread that is the only
 * one receives, too, while it has no task (see {@link Reception}); the sender sends the answers
 * that no task thread sends itself. The thread that calls {@link #run} only waits, so it may be
 * interrupted or not, MPI does not notice.
 *
 * <p>None of them ends by an exception before the worker leaves. What they do without memory is
 * tried again; a task or a result for which there is none fails that task. If memory does not
 * return, the worker leaves the pool and tells main so.
 */
public final class WorkerLoop {

  private static final Logger LOG = LoggerFactory.getLogger(WorkerLoop.class);

  /** How long the last answer may take; main is waiting for it. */
  private static final long LAST_ANSWER_MILLIS = 10_000;

  /**
   * Milliseconds between another worker's loss, where ranks cannot go on without it, and the end of
   * this one. At the end of a pool a worker that has left can be heard of before main's word that
   * all may leave.
   */
  private static final long PARTING_MILLIS = 1_000;

  /**
   * A longer answer may take its time to be sent, in which its task thread has better to do. But to
   * copy an array that need not be copied is not better.
   */
  private static final int FLUSHED_BYTES = 16 << 10;

  private static final ByteBuffer UNREPORTABLE =
      new FailureReport(
              FailureReport.Origin.TASK,
              Error.class.getName(),
              "The task failed, and so did the report of it",
              null,
              null)
          .encode();

  private final Communicator communicator;
  private final boolean keepsAttachments;
  private final int main;
  private final Tools tools;
  private final FrameSender sender;
  private final Groups groups;
  private final Backlog backlog = new Backlog();
  private final CompletableFuture<Void> released = new CompletableFuture<>();

  /** Whether this worker leaves unasked. */
  private final AtomicBoolean leaving = new AtomicBoolean();

  /** On tasks, since main was told last. */
  private final LongAdder nanosSpent = new LongAdder();

  private final AtomicInteger taskThreads = new AtomicInteger();
  private volatile Reception reception;

  /** Whether main's first word has come. */
  private volatile boolean opened;

  /** Whether no task is run any more: main fails them all, for what this worker has told it. */
  private volatile boolean unfit;

  /**
   * Creates the loop and starts its sender.
   *
   * @param communicator the pool's own
   * @param main the rank that sends the tasks
   * @param serializer for tasks and results
   * @param caller knows the kinds of code
   */
  public WorkerLoop(Communicator communicator, int main, LeanSerializer serializer, Caller caller) {
    this.communicator = communicator;
    this.keepsAttachments = MessageChannels.of(communicator).keepsAttachments();
    this.main = main;
    this.tools = new Tools(serializer, caller);
    this.sender = new FrameSender(communicator, "mpipool-sender", new Unsent(), this::spent);
    this.groups = new Groups(sender);
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
            "it takes %d bytes, for which there is no memory".formatted(entry.content().length());
        FailureReport report =
            FailureReport.of(Origin.WRITING_RESULT, new OutOfMemoryError(what), tools.serializer());
        sender.post(main, new Entry(EntryKind.FAILURE, entry.id(), report.encode()));
      } else {
        FrameSender.SendFailureListener.super.unsent(destination, entry, failure);
      }
    }
  }

  /**
   * Serves until main releases this worker.
   *
   * @throws BrokenExecutorException if main ended or was lost without releasing it
   */
  public void run() {
    boolean interrupted = false;
    long pause = 0;
    try {
      reception = new Reception(communicator, "mpipool-listener", new Incoming());
      startTaskThread();
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
        } catch (OutOfMemoryError e) { // the wait needs some
          pause = Memory.pause(pause);
        }
      }
    } finally {
      backlog.close();
      Memory.persist(() -> backlog.all().forEach(run -> run.cancel(true)));
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

  /** Nothing comes any more, and the thread that receives is to see it. */
  private void wakeListener() {
    try {
      communicator.send(communicator.rank(), FrameSender.TAG, Frame.encode(List.of()));
    } catch (RuntimeException | OutOfMemoryError e) {
      LOG.debug("The listener has ended, or does not hear", e);
    }
  }

  private static Thread start(String name, Runnable body) {
    Thread thread = new Thread(body, name);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  private final class Incoming implements Reception.Handler {
    @Override
    public boolean take(Message message) {
      WorkerLoop.this.take(message);
      return !backlog.isEmpty();
    }

    @Override
    public boolean takeCut(MessageTooLongException message) {
      WorkerLoop.this.takeCut(message);
      return !backlog.isEmpty();
    }

    @Override
    public void failed(Throwable e) { // a task may be lost, for example to an exhausted memory
      unfit = true;
      leaveUnasked("Nothing can be received from main any more", e);
    }

    @Override
    public boolean isOver() {
      return released.isDone();
    }
  }

  private void take(Message message) {
    int source = message.source();
    long pause = 0;
    while (true) {
      try {
        take(source, Frame.decode(message));
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

  /** Each entry is dealt with as a whole, or not at all for want of memory, and then again. */
  private void take(int source, List<Entry> entries) {
    int taken = 0;
    long pause = 0;
    while (taken < entries.size()) {
      try {
        take(source, entries.get(taken));
        taken++;
        pause = 0;
      } catch (OutOfMemoryError e) {
        if (!Memory.mayReturn(0)) {
          throw new IllegalStateException("There is no memory to go on", e);
        }
        pause = Memory.pause(pause);
      }
    }
  }

  private void take(int source, Entry entry) {
    if (entry.kind() == EntryKind.GROUP_MESSAGE) {
      groups.deliver(entry.id(), source, entry.body());
    } else if (source == main) {
      takeFromMain(entry);
    } else {
      LOG.warn("Rank {} sent a {}, which only main may", source, entry.kind());
    }
  }

  /** There is no memory for a message: who waits for its effect is told. */
  private void takeCut(MessageTooLongException message) {
    long pause = 0;
    while (true) {
      try {
        takeBeginning(message);
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pauseOrThrow(pause, e);
      }
    }
  }

  private void takeBeginning(MessageTooLongException message) {
    int source = message.beginning().source();
    try {
      Frame.Cut cut =
          Frame.decodeCut(
              message.beginning().data(),
              message.missing(),
              kind ->
                  kind == EntryKind.GROUP_MESSAGE
                      || (source == main && (kind.isTask() || kind == EntryKind.PUT)));
      take(source, cut.before());
      if (cut.kind() == EntryKind.GROUP_MESSAGE) {
        groups.lost(source, "its message cannot be received: " + cut.reason());
      } else if (cut.kind() == EntryKind.PUT) {
        tools.shared().putFailure(cut.id(), new IOException("A broadcast: " + cut.reason()));
      } else {
        FailureReport report =
            FailureReport.of(
                Origin.READING_TASK, new OutOfMemoryError(cut.reason()), tools.serializer());
        sender.post(main, new Entry(EntryKind.FAILURE, cut.id(), report.encode()));
      }
    } catch (DamagedFrameException e) {
      LOG.warn("A message from rank {} is refused: {}", source, e.getMessage());
      notUnderstood(source, e.getMessage());
    }
  }

  private void takeFromMain(Entry entry) {
    try {
      take(entry);
    } catch (IOException | RuntimeException e) {
      LOG.warn("Main, rank {}, sent a {} that cannot be read", main, entry.kind(), e);
      notUnderstood(main, "a %s (%s)".formatted(entry.kind(), e));
    }
  }

  /** What a rank wanted to say is lost, so it must not be waited for any more. */
  private void notUnderstood(int source, String what) {
    if (source == main) {
      leaveUnasked("Main, rank %d, sent what cannot be understood: %s".formatted(main, what), null);
    } else {
      groups.lost(source, "it sent what cannot be understood: " + what);
    }
  }

  private void take(Entry entry) throws IOException {
    switch (entry.kind()) {
      case OPEN -> open(Opening.decode(entry.body()));
      case TASK -> backlog.add(TaskRun.ofCall(entry.id(), entry.content(), tools));
      case CHUNK -> backlog.add(new ChunkRun(entry.id(), entry.content(), tools));
      case GROUP -> join(entry);
      case PUT -> tools.shared().put(entry.id(), entry.body());
      case FORGET -> tools.shared().remove(entry.id());
      case CANCEL -> cancel(entry);
      case RECALL -> giveBack(entry.body().getInt());
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
   * The first word of main. There is one task thread until the initializer, if there is one, has
   * run; it stands first in the queue.
   */
  private void open(Opening opening) throws IOException {
    if (opened) {
      throw new IOException("it has been opened before");
    }
    String format = tools.serializer().format();
    if (!format.equals(opening.format())) {
      unfit = true;
      String both = format + "\n" + opening.format();
      ByteBuffer body = ByteBuffer.wrap(both.getBytes(StandardCharsets.UTF_8));
      sender.post(main, new Entry(EntryKind.MISMATCH, 0, body));
      opened = true;
      return;
    }
    int threads = opening.threads();
    TaskRun ready =
        new TaskRun(0, Body.of(opening.initializer()), 0, tools) {
          @Override
          Entry answer() {
            Entry answer = encoded().length() > 0 ? super.answer() : new Entry(EntryKind.RESULT, 0);
            unfit = answer.kind() == EntryKind.FAILURE;
            if (!unfit) {
              startTaskThreads(threads);
            }
            return answer;
          }
        };
    backlog.add(ready);
    opened = true;
  }

  private void join(Entry entry) throws IOException {
    GroupTask task = GroupTask.decode(entry.body());
    backlog.add(
        new GroupRun(
            entry.id(), task.group(), Body.of(task.task()), groups.join(task), tools, groups));
  }

  private void cancel(Entry entry) {
    TaskRun run = backlog.find(entry.id());
    ByteBuffer body = entry.body();
    boolean interrupt = body.hasRemaining() && body.get(body.position()) != 0;
    Entry dropped = new Entry(EntryKind.DROPPED, entry.id());
    if (run != null && run.cancel(interrupt) && backlog.remove(run)) {
      postSurely(dropped);
    }
  }

  /** To main, of what is nowhere else. */
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

  private void startTaskThread() {
    boolean started = false;
    try {
      start("mpipool-task-" + taskThreads.incrementAndGet(), this::runTasks);
      started = true;
    } finally {
      if (!started) {
        taskThreads.decrementAndGet();
      }
    }
  }

  /** With fewer than main wants, tasks wait longer. */
  private void startTaskThreads(int wanted) {
    try {
      while (taskThreads.get() < wanted) {
        startTaskThread();
      }
    } catch (OutOfMemoryError e) {
      LOG.warn("{} of {} task threads cannot be started", wanted - taskThreads.get(), wanted, e);
    }
  }

  private void runTasks() {
    long pause = 0;
    boolean entered = false;
    ClassLoader loader = Thread.currentThread().getContextClassLoader();
    TaskRun run = null;
    while (!released.isDone()) {
      try {
        if (!entered) {
          TaskContext.enter(communicator.rank(), tools.shared());
          entered = true;
        }
        run = nextTask(run);
        if (run == null) {
          return;
        }
        if (!unfit) {
          if (run instanceof GroupRun) {
            reception.haveAttended(); // for its members wait for each other's messages
          }
          long begin = System.nanoTime();
          Entry answer = answerOf(run);
          spend(System.nanoTime() - begin);
          answerSurely(run, answer);
        }
        Thread.currentThread().setContextClassLoader(loader);
        pause = 0;
      } catch (InterruptedException e) {
        // meant for a task that has ended
      } catch (Throwable e) { // of a wait, for example
        pause = Memory.pause(pause);
      }
    }
  }

  private void spend(long nanos) {
    try {
      nanosSpent.add(nanos);
    } catch (OutOfMemoryError e) {
      // main learns a little later how long tasks take
    }
  }

  private void answerSurely(TaskRun run, Entry answer) {
    long pause = 0;
    while (true) {
      try {
        answerAndFlush(run, answer);
        return;
      } catch (OutOfMemoryError e) { // then it was not posted
        pause = Memory.pause(pause);
      }
    }
  }

  /**
   * Waits for a task: at the reception, if that wants somebody, or in the queue. Null if nothing
   * more comes.
   */
  private TaskRun nextTask(TaskRun done) throws InterruptedException {
    TaskRun run = backlog.poll(done);
    while (run == null && taskThreads.get() == 1 && reception.receive()) {
      run = backlog.poll(null);
    }
    if (run != null) {
      return run;
    }
    reception.beginIdle();
    try {
      return backlog.take();
    } finally {
      reception.endIdle();
    }
  }

  private static Entry answerOf(TaskRun run) {
    try {
      return run.run();
    } catch (Throwable e) { // the report of a failure has failed, for want of memory perhaps
      return unreportable(run.id());
    }
  }

  private static Entry unreportable(long id) {
    long pause = 0;
    while (true) {
      try {
        return new Entry(EntryKind.FAILURE, id, UNREPORTABLE.duplicate());
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  /** From a task thread: with nothing else to do, it sends the answer itself. */
  private void answerAndFlush(TaskRun run, Entry answer) {
    if (run.id() == 0 && answer.kind() != EntryKind.FAILURE) {
      return; // the initializer, of which main hears only if it fails
    }
    boolean atLeisure = backlog.isEmpty();
    if (atLeisure && answer.content().isBorrowed() && keepsAttachments) {
      sender.send(main, answer);
    } else if (atLeisure && answer.content().length() <= FLUSHED_BYTES) {
      sender.postForFlush(main, answer);
      sender.flush();
    } else {
      sender.post(main, run.kept(answer));
    }
  }

  private void cannotReach(int rank, RuntimeException failure) {
    if (rank == main) {
      leaveUnasked("Main, rank %d, cannot be reached".formatted(rank), failure);
    } else {
      groups.lost(rank, "it cannot be reached (%s)".formatted(failure));
      sender.post(main, new Entry(EntryKind.UNDELIVERABLE, rank)); // it may wait for what was lost
    }
  }

  /** Tells main, with the answers of a frame, how long their tasks took. */
  private Entry spent(int destination) {
    long nanos = destination == main ? nanosSpent.sumThenReset() : 0;
    return nanos == 0 ? null : new Entry(EntryKind.BUSY_TIME, nanos);
  }

  /** Gives tasks back that have not begun, the last first: those would have to wait longest. */
  private void giveBack(int most) throws IOException {
    if (most < 0) {
      throw new IOException("%d tasks are to be given back".formatted(most));
    }
    ByteBuffer numbers = ByteBuffer.allocate(Math.min(most, backlog.size()) * Long.BYTES);
    while (numbers.hasRemaining()) {
      TaskRun run = backlog.last();
      if (run == null || !run.isForAnyWorker() || !backlog.remove(run)) {
        break;
      }
      numbers.putLong(run.id());
    }
    if (numbers.position() == 0) {
      backlog.all().stream()
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

  /** Leaves on its own account, and tries to tell main so. Does not fail. */
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
