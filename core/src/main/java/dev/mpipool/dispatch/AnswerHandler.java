package dev.mpipool.dispatch;

import dev.mpipool.WorkerLostException;
import dev.mpipool.comm.Message;
import dev.mpipool.comm.MessageTooLongException;
import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Ring;
import dev.mpipool.protocol.DamagedFrameException;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.FailureReport;
import dev.mpipool.protocol.Frame;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Handles the entries of workers' messages: answers, returned tasks, and reports about workers.
 * Part of the {@link Dispatcher} and guarded by its lock: callers hold the lock unless a method
 * says otherwise.
 *
 * <p>Each entry is handled as a whole or not at all. After an {@link OutOfMemoryError} the next
 * call for the same message continues with the first unhandled entry.
 */
final class AnswerHandler {

  private static final Logger LOG = LoggerFactory.getLogger(AnswerHandler.class);

  /** The format of main's serializer; every worker must use the same. */
  private final String format;

  private final int maxAttempts;
  private final ReentrantLock lock;
  private final PoolState state;
  private final Ring<ScheduledTask> queue;
  private final CompletionExecutor completions;
  private final Assigner assigner;
  private final Membership membership;
  private final LossHandler losses;
  private final PoolEnd end;
  private final Outcome outcome;

  /** Whether workers run an initializer before their first task. */
  private volatile boolean initializes;

  /** How many entries of the current message have been handled. */
  private int handled;

  AnswerHandler(
      SharedState common,
      String format,
      int maxAttempts,
      Assigner assigner,
      Membership membership,
      LossHandler losses,
      PoolEnd end,
      Outcome outcome) {
    this.format = format;
    this.maxAttempts = maxAttempts;
    this.lock = common.lock();
    this.state = common.state();
    this.queue = common.queue();
    this.completions = common.completions();
    this.assigner = assigner;
    this.membership = membership;
    this.losses = losses;
    this.end = end;
    this.outcome = outcome;
  }

  /** Allows workers to report a failed initializer from now on. Needs no lock. */
  void expectInitializer() {
    initializes = true;
  }

  /**
   * The entries of a message that did not fit into memory; the truncated answer becomes the failure
   * of its task. Needs no lock.
   */
  private static List<Entry> entriesOf(MessageTooLongException message)
      throws DamagedFrameException {
    Frame.Cut cut =
        Frame.decodeCut(
            message.beginning().data(),
            message.missing(),
            kind -> kind == EntryKind.RESULT || kind == EntryKind.FAILURE);
    List<Entry> entries = new ArrayList<>(cut.before());
    FailureReport report =
        new FailureReport(
            FailureReport.Origin.READING_RESULT,
            OutOfMemoryError.class.getName(),
            cut.reason(),
            null,
            null);
    entries.add(new Entry(EntryKind.FAILURE, cut.id(), report.encode()));
    return entries;
  }

  /**
   * Handles a message from a worker. Called without the lock, by one thread at a time.
   *
   * @return whether completions were queued
   * @throws OutOfMemoryError if memory stays short; some entries are then lost
   */
  boolean received(Message message) {
    int rank = message.source();
    long pause = 0;
    while (true) {
      try {
        return received(rank, Frame.decode(message));
      } catch (DamagedFrameException e) {
        refuse(rank, e);
        return false;
      } catch (OutOfMemoryError e) {
        pause = Memory.pauseOrThrow(pause, e);
      }
    }
  }

  /**
   * Handles a message that did not fit into memory: the truncated answer fails its task. Called
   * without the lock, by one thread at a time.
   *
   * @param message its sender and first bytes
   * @return whether completions were queued
   */
  boolean receivedCut(MessageTooLongException message) {
    int rank = message.beginning().source();
    long pause = 0;
    while (true) {
      try {
        return received(rank, entriesOf(message));
      } catch (DamagedFrameException e) {
        refuse(rank, e);
        return false;
      } catch (OutOfMemoryError e) {
        pause = Memory.pauseOrThrow(pause, e);
      }
    }
  }

  private void refuse(int rank, DamagedFrameException e) {
    LOG.warn("A message from rank {} is refused: {}", rank, e.getMessage());
    losses.exclude(rank, "it sent what is no frame: " + e.getMessage());
  }

  private boolean received(int rank, List<Entry> entries) {
    handled = 0;
    boolean gaveWork = false;
    long pause = 0;
    while (true) {
      try {
        return answered(rank, entries) || gaveWork;
      } catch (OutOfMemoryError e) { // handled answers are with the completion executor
        gaveWork = true;
        pause = Memory.pauseOrThrow(pause, e);
      }
    }
  }

  private boolean answered(int rank, List<Entry> entries) {
    Memory.lock(lock);
    try {
      WorkerState worker = membership.living(rank);
      if (worker == null) {
        LOG.debug("A message from rank {}, which is no living worker, is dropped", rank);
        if (entries.stream().anyMatch(e -> e.kind() == EntryKind.LEFT)) {
          membership.hasLeft(rank);
        }
        return false;
      }
      boolean gaveWork = handleRest(worker, entries);
      assigner.makeAvailable(worker);
      assigner.assignTasks();
      end.unshareUnreachable();
      end.endIfDone();
      assigner.calledBack.workerChanged();
      return gaveWork;
    } finally {
      end.unlock();
    }
  }

  /**
   * Handles the remaining entries, each as a whole or not at all.
   *
   * @return whether completions were queued
   */
  private boolean handleRest(WorkerState worker, List<Entry> entries) {
    int count = entries.size();
    List<CompletionExecutor.Item> items = new ArrayList<>(count - handled);
    worker.heard();
    try {
      while (handled < count && worker.isAlive()) { // else it has left or was excluded
        Entry entry = entries.get(handled);
        if (entry.kind() == EntryKind.BUSY_TIME && entry.id() > 0) {
          worker.busyTime(entry.id(), Math.max(1, items.size()));
        } else {
          handle(worker, entry, items);
        }
        handled++;
      }
    } finally {
      completions.add(items); // in any case: their tasks are no longer in flight
    }
    return !items.isEmpty();
  }

  /** An answer on its way to its future. */
  private final class Answered extends CompletionExecutor.Item {
    private final TaskFuture<?> future;
    private final int rank;
    private final Entry answer;

    Answered(TaskFuture<?> future, int rank, Entry answer) {
      super(future, null);
      this.future = future;
      this.rank = rank;
      this.answer = answer;
    }

    @Override
    void complete() {
      if (answer.kind() == EntryKind.DROPPED) {
        future.drop();
      } else {
        outcome.complete(future, rank, answer);
      }
    }
  }

  /** An {@link OutOfMemoryError} means that nothing has changed. */
  private void handle(WorkerState worker, Entry entry, List<CompletionExecutor.Item> items) {
    if (entry.kind() == EntryKind.FAILURE && entry.id() == 0) {
      if (!initializes) {
        membership.exclude(
            worker.rank, "it says that the initializer has failed, and there is none");
        return;
      }
      items.add(withoutFuture(() -> initializerFailed(worker.rank, entry.bytes())));
      return;
    }
    if (entry.kind() == EntryKind.MISMATCH && text(entry.bytes()).endsWith("\n" + format)) {
      items.add(withoutFuture(() -> mismatched(worker.rank, text(entry.bytes()))));
      return;
    }
    switch (entry.kind()) {
      case RESULT, FAILURE, DROPPED -> answered(worker, entry, items);
      case RETURNED -> {
        if (entry.bytes().remaining() % Long.BYTES == 0) {
          assigner.returned(worker, entry.bytes().duplicate());
        } else {
          membership.exclude(worker.rank, "it returned a part of a task");
        }
      }
      case LEFT -> {
        if (state.isReleased()) {
          membership.leave(worker);
        } else {
          membership.lose(worker.rank, "it has left the pool: " + text(entry.bytes()));
        }
      }
      case UNDELIVERABLE -> groupMessageLost(entry.id());
      case PONG -> {} // its arrival is the answer
      default ->
          membership.exclude(worker.rank, "it sent a %s, which it may not".formatted(entry.kind()));
    }
  }

  /** An action for the completion executor; no user waits for it, nor does the end of the pool. */
  private static CompletionExecutor.Item withoutFuture(Runnable action) {
    return new CompletionExecutor.Item(CompletableFuture.completedFuture(null), action);
  }

  private void answered(WorkerState worker, Entry entry, List<CompletionExecutor.Item> items) {
    ScheduledTask task = worker.tasks.find(entry.id());
    if (task == null) {
      LOG.warn("A {} of rank {} for no task it holds is dropped", entry.kind(), worker.rank);
      return;
    }
    CompletionExecutor.Item item =
        task.ending == null
            ? new Answered(task.future, worker.rank, entry)
            : new CompletionExecutor.Item(task.future, task.ending);
    queue.ensureRoom(1); // for a group that begins again
    if (entry.kind() == EntryKind.DROPPED) {
      assigner.calledBack.add(task);
    }
    assigner.remove(worker, entry.id());
    task.encoded = null;
    if (entry.kind() == EntryKind.DROPPED && beginsAgainOrFails(task)) {
      return;
    }
    if (!task.future.isDone()) {
      items.add(item);
    }
  }

  /**
   * A group message to this rank is lost. Its member may wait for it for ever: restarts the group.
   */
  private void groupMessageLost(long rank) {
    WorkerState worker = membership.living((int) rank);
    if (worker == null) {
      return; // the loss of the worker restarts the group
    }
    for (ScheduledTask task : worker.tasks.inOrder()) {
      if (task instanceof GroupSubmission.Member<?> member && member.counts()) {
        queue.ensureRoom(1);
        assigner.cancel(task, true);
        beginsAgainOrFails(task);
      }
    }
  }

  /** Restarts the group of a removed member, or fails the group if there is no memory for that. */
  private boolean beginsAgainOrFails(ScheduledTask task) {
    try {
      return beginsAgain(task);
    } catch (OutOfMemoryError e) {
      failSurely(task, e);
      return true;
    }
  }

  private void failSurely(ScheduledTask task, Throwable failure) {
    long pause = 0;
    while (true) {
      try {
        assigner.fail(task, failure);
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  /**
   * Restarts the group of a member that lost contact, or fails it after too many attempts.
   *
   * @return false if this is no wanted member of a current attempt, or the pool is stopping
   */
  private boolean beginsAgain(ScheduledTask task) {
    if (!(task instanceof GroupSubmission.Member<?> member)
        || !member.counts()
        || task.isUnwanted()
        || state.isStopping()) {
      return false;
    }
    ScheduledTask first = member.beginAgainUnlessTooOften(maxAttempts);
    if (first == null) {
      String what = "The members of the group of %s have lost each other".formatted(task.name());
      assigner.fail(task, new WorkerLostException(what, task.lostWith()));
    } else {
      queue.addFirst(first);
      membership.failGroupsTooLarge(); // a member may have answered before its worker was lost
    }
    return true;
  }

  private void initializerFailed(int rank, ByteBuffer report) {
    String why = "The initializer failed";
    Throwable failure = null;
    try {
      failure = outcome.failure("(initializer)", rank, report);
      why = "The initializer failed on rank %d: %s".formatted(rank, failure);
    } catch (OutOfMemoryError e) {
      failure = failure == null ? e : failure;
    }
    end.breakDown(why, failure);
  }

  private void mismatched(int rank, String formats) {
    String other = formats.substring(0, formats.length() - format.length() - 1);
    String cure =
        "Give the builder of every rank the same serializer(...), or all of them the same"
            + " -Dmpipool.serializer and class path";
    end.breakDown(
        "Main encodes values by %s, and rank %d by %s. %s".formatted(format, rank, other, cure),
        null);
  }

  private static String text(ByteBuffer body) {
    return StandardCharsets.UTF_8.decode(body.duplicate()).toString();
  }
}
