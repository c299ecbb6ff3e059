package dev.mpipool.dispatch;

import dev.mpipool.TaskSerializationException;
import dev.mpipool.memory.Memory;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntToLongFunction;

/**
 * Handles lost, excluded and silent workers, and entries that could not be sent for lack of memory.
 * Part of the {@link Dispatcher}; each method takes the lock once. If memory runs out, handling a
 * loss is retried until it is complete; tasks not yet handled are still in flight to the worker.
 */
final class LossHandler {

  /**
   * Revives the JDK's timer: its thread may have ended on a full heap, and any new timer task
   * starts another. The pool and its users depend on that timer.
   */
  private static final Executor REVIVAL =
      CompletableFuture.delayedExecutor(0, TimeUnit.NANOSECONDS, Runnable::run);

  private final ReentrantLock lock;
  private final PoolState state;
  private final Membership membership;
  private final Assigner assigner;
  private final CompletionExecutor completions;
  private final SharedValues shared;
  private final PoolEnd end;

  LossHandler(
      SharedState common,
      Membership membership,
      Assigner assigner,
      SharedValues shared,
      PoolEnd end) {
    this.lock = common.lock();
    this.state = common.state();
    this.membership = membership;
    this.assigner = assigner;
    this.completions = common.completions();
    this.shared = shared;
    this.end = end;
  }

  /** Handles the loss of a worker; ignores other ranks. Does not fail. */
  void lost(int rank, String reason) {
    long pause = 0;
    while (true) {
      try {
        lose(rank, reason);
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  private void lose(int rank, String reason) {
    Memory.lock(lock);
    try {
      membership.lose(rank, reason);
      membershipChanged();
    } finally {
      end.unlock();
    }
  }

  /** Treats a worker that may be alive as lost; ignores other ranks. Does not fail. */
  void exclude(int rank, String reason) {
    long pause = 0;
    while (true) {
      try {
        excludeOnce(rank, reason);
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  private void excludeOnce(int rank, String reason) {
    Memory.lock(lock);
    try {
      membership.exclude(rank, reason);
      membershipChanged();
    } finally {
      end.unlock();
    }
  }

  private void membershipChanged() {
    assigner.assignTasks();
    end.endIfDone();
    assigner.calledBack.workerChanged();
  }

  /**
   * Handles an entry that could not be sent for lack of memory: a task fails alone.
   *
   * @return false if the pool cannot go on without this entry
   */
  boolean unsent(int rank, Entry entry, OutOfMemoryError failure) {
    Memory.lock(lock);
    try {
      WorkerState worker = membership.living(rank);
      if (worker == null) {
        return true;
      }
      if (entry.kind() == EntryKind.PUT) {
        shared.unsent(worker, entry.id());
        return true;
      }
      ScheduledTask task = worker.tasks.find(entry.id());
      if (!entry.kind().isTask() || task == null) {
        return false;
      }
      String what =
          "The task %s cannot be sent to rank %d: it takes %d bytes, for which there is no memory"
              .formatted(task.name(), rank, entry.payload().length());
      assigner.fail(task, new TaskSerializationException(what, failure));
      assigner.remove(worker, entry.id());
      assigner.makeAvailable(worker);
      assigner.assignTasks();
      end.endIfDone();
      return true;
    } finally {
      end.unlock();
    }
  }

  /** Informs the workers that main ends without having closed the pool. */
  void abandon() {
    lock.lock();
    try {
      membership.abandon();
    } finally {
      lock.unlock();
    }
  }

  /** Excludes, from now on, workers that are silent for this long. */
  void watch(Duration timeout, IntToLongFunction lastProgress) {
    lock.lock();
    try {
      String reason = "it gave no sign of life for %s s".formatted(timeout.toMillis() / 1e3);
      membership.watch(timeout, lastProgress, () -> look(reason));
    } finally {
      lock.unlock();
    }
  }

  /**
   * Excludes silent workers, and repeats what failed for lack of memory.
   *
   * @return false if the pool needs no more looks
   */
  private boolean look(String reason) {
    Memory.lock(lock);
    try {
      if (end.isSettled()) {
        return false;
      }
      Memory.restore();
      if (Memory.wasShort()) {
        REVIVAL.execute(() -> {});
      }
      if (!state.isBroken()) {
        membership.excludeSilent(reason);
      }
      assigner.calledBack.workerChanged();
      assigner.retryAssignment();
      completions.look();
      membership.trim();
      end.endIfDone();
    } catch (OutOfMemoryError e) {
      // retried at the next look
    } finally {
      end.unlock();
    }
    return true;
  }
}
