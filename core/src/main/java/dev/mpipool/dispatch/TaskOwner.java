package dev.mpipool.dispatch;

import java.util.concurrent.locks.ReentrantLock;

/**
 * The dispatcher as its tasks see it: what a future tells it of its user's doing. Tasks know no
 * more of it, so that they and the dispatcher are in no reference cycle.
 */
public abstract class TaskOwner {

  TaskOwner() {}

  /** The user has completed a future: its task is no longer wanted. */
  abstract void unwanted(TaskFuture<?> future);

  /** The user is about to complete a future in this way: its task is no longer wanted. */
  abstract void aboutToEnd(TaskFuture<?> future, boolean interrupt, Runnable ending);

  /** Completes a future in this way, instead of its task, which is interrupted. */
  abstract void end(TaskFuture<?> future, Runnable ending);

  /** Tells a worker that nobody waits for a task it holds. With the lock held. */
  abstract void cancel(TaskFuture<?> future, boolean interrupt);

  /** Guards the state of tasks and of groups; is released by {@link #unlock}. */
  abstract ReentrantLock lock();

  /** Releases the lock, and then does what has become due while it was held. */
  abstract void unlock();
}
