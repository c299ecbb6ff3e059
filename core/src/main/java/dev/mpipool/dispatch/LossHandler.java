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
 * What the pool does when a worker is lost, has to be excluded, is silent, or cannot be sent
 * something for want of memory. Part of the {@link Dispatcher}; its methods are called without the
 * lock, which each takes once. Without memory a loss is tried again until it is dealt with: what is
 * left of it is still in the worker's books.
 */
final class LossHandler {

  /**
   * The JDK's timer, which other parts of the pool and its user wait for, may have lost its thread
   * to a full heap; whatever it is given starts another.
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

  /** A worker has died, or cannot be reached; other ranks are ignored. */
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
      if (membership.lose(rank, reason)) {
        membershipChanged();
      }
    } finally {
      end.unlock();
    }
  }

  /** A worker that may still be alive counts as lost from now on; other ranks are ignored. */
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
      if (membership.exclude(rank, reason)) {
        membershipChanged();
      }
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
   * There was no memory to send an entry to its worker.
   *
   * @return false if the worker waits for it, or main for what it does with it
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

  /** Tells the workers that main ends without having closed the pool. */
  void abandon() {
    lock.lock();
    try {
      membership.abandon();
    } finally {
      lock.unlock();
    }
  }

  /** Excludes workers from now on that are silent for so long. */
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
   * Excludes silent workers, and does what failed for want of memory before.
   *
   * @return whether there is more to look for later
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
      if (!state.isBroken() && membership.excludeSilent(reason)) {
        assigner.calledBack.workerChanged();
      }
      assigner.retryAssignment();
      completions.look();
      end.endIfDone();
    } catch (OutOfMemoryError e) {
      // the next time
    } finally {
      end.unlock();
    }
    return true;
  }
}
