package dev.mpipool.dispatch;

import dev.mpipool.memory.Ring;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Removes tasks whose futures the user has cancelled or completed, or that have timed out. A queued
 * task leaves the queue, at the latest when its turn comes. A task in flight is cancelled on its
 * worker, and stays in flight until the worker answers: only then is the task thread free.
 *
 * <p>Part of the {@link Dispatcher}. Methods take the lock themselves unless their contract says
 * otherwise.
 */
final class Cancellation implements ScheduledTask.Owner {

  private final ReentrantLock lock;
  private final Ring<ScheduledTask> queue;
  private final CompletionExecutor completions;
  private final Assigner assigner;
  private final PoolEnd end;

  /** Queued tasks that have become unwanted since such tasks were last removed. */
  private int unwantedQueued;

  Cancellation(SharedState common, Assigner assigner, PoolEnd end) {
    this.lock = common.lock();
    this.queue = common.queue();
    this.completions = common.completions();
    this.assigner = assigner;
    this.end = end;
  }

  @Override
  public void aboutToEnd(ScheduledTask task, boolean interrupt, Runnable ending) {
    lock.lock();
    try {
      boolean queued = task.encoded != null && task.worker == null;
      if (task.worker != null) {
        assigner.cancel(task, interrupt);
      }
      task.encoded = null;
      task.ending = ending;
      if (queued && ++unwantedQueued > queue.size() / 2) {
        unwantedQueued = 0;
        queue.removeIf(assigner::isUnwanted);
      }
      if (assigner.gathering() != null && GroupSubmission.waitingIn(task) == assigner.gathering()) {
        assigner.stopGathering();
        assigner.assignTasks();
      }
      end.endIfDone();
    } finally {
      end.unlock();
    }
  }

  @Override
  public void end(ScheduledTask task, Runnable ending) {
    lock.lock();
    try {
      completions.add(new CompletionExecutor.Item(task.future, ending));
      aboutToEnd(task, true, ending);
    } finally {
      end.unlock();
    }
  }

  @Override
  public void cancel(ScheduledTask task, boolean interrupt) {
    assigner.cancel(task, interrupt);
  }

  @Override
  public ReentrantLock lock() {
    return lock;
  }

  @Override
  public void unlock() {
    end.unlock();
  }
}
