package dev.mpipool.dispatch;

import java.nio.ByteBuffer;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The dispatcher as its tasks and batches see it: what a future tells it of its user's doing, and
 * what a batch submits. Tasks know no more of it, so that they and the dispatcher are in no
 * reference cycle.
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

  /**
   * Lets a source submit tasks for as long as it takes, even after a shutdown.
   *
   * @param source hears of the pool's end
   * @throws RejectedExecutionException if the pool is shut down or broken
   */
  public abstract void addSource(TaskSource source);

  /**
   * A source submits no more.
   *
   * @param source has submitted all it will
   */
  public abstract void removeSource(TaskSource source);

  /**
   * Accepts a task of a source. If it cannot be run any more, its future fails.
   *
   * @param source still among those that may submit
   * @param future of the task
   * @param encoded the task
   * @throws OutOfMemoryError if nothing has happened for want of memory
   */
  public abstract void submitFrom(TaskSource source, TaskFuture<?> future, ByteBuffer encoded);

  /**
   * Makes the failures of tasks.
   *
   * @return always the same
   */
  public abstract Outcome outcome();

  /**
   * How many tasks the living workers run at a time.
   *
   * @return 0 without a worker
   */
  public abstract int taskThreads();
}
