package dev.mpipool.dispatch;

import dev.mpipool.memory.Memory;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntToLongFunction;

/**
 * What the pool does when a worker is lost, has to be excluded, or is silent. Part of the {@link
 * Dispatcher}; its methods are called without the lock, which each takes once. Without memory a
 * loss is tried again until it is dealt with: what is left of it is still in the worker's books.
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
  private final PoolEnd end;

  LossHandler(
      ReentrantLock lock,
      PoolState state,
      Membership membership,
      Assigner assigner,
      CompletionExecutor completions,
      PoolEnd end) {
    this.lock = lock;
    this.state = state;
    this.membership = membership;
    this.assigner = assigner;
    this.completions = completions;
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
