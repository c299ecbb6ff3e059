package dev.mpipool.dispatch;

import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Ring;
import dev.mpipool.serial.SharedValue;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends a pool, after a shutdown or because the pool is broken. Part of the {@link Dispatcher} and
 * guarded by its lock: callers hold the lock unless a method says otherwise.
 *
 * <p>After a shutdown, once no task is queued or in flight and no batch submits more, each living
 * worker is told to leave and acknowledges. When the last worker has left, the pool has ended; when
 * all futures are done as well, it is terminated. A broken pool fails all its futures and waits for
 * no worker.
 *
 * <p>Effects on others (informing batches, failing futures, terminating the pool) run in {@link
 * #unlock}, after the lock is released, in the thread that caused them.
 */
final class PoolEnd {

  /** What is wrong where {@link #isUnlocked} is false. */
  static final String LOCKED = "an effect under the dispatcher's lock";

  private static final Logger LOG = LoggerFactory.getLogger(PoolEnd.class);

  /** How long shutdownNow waits for workers to return unstarted tasks. */
  private static final long CALLED_BACK_NANOS = TimeUnit.SECONDS.toNanos(2);

  private final ReentrantLock lock;
  private final PoolState state;
  private final Workers workers;
  private final Ring<ScheduledTask> queue;
  private final CompletionExecutor completions;
  private final Assigner assigner;
  private final Membership membership;
  private final SharedValues shared;

  /** Batches that may submit more, even after a shutdown. */
  private final Set<TaskSource> sources = new LinkedHashSet<>();

  private final CountDownLatch terminated = new CountDownLatch(1);
  private volatile Runnable atTermination = () -> {};

  /** Whether a thread has begun to fail the futures of a broken pool. */
  private boolean failing;

  /** Whether all futures of a broken pool have failed and all sources are informed. */
  private volatile boolean allFailed;

  PoolEnd(SharedState common, Assigner assigner, Membership membership, SharedValues shared) {
    this.lock = common.lock();
    this.state = common.state();
    this.workers = common.workers();
    this.queue = common.queue();
    this.completions = common.completions();
    this.assigner = assigner;
    this.membership = membership;
    this.shared = shared;
  }

  void addSource(TaskSource source) {
    sources.add(source);
  }

  /** Removes a source, which submits no more tasks. */
  void removeSource(TaskSource source) {
    sources.remove(source);
    unshareUnreachable();
    endIfDone();
  }

  boolean hasSource(TaskSource source) {
    return sources.contains(source);
  }

  /** The number of batches that may submit more. */
  int sources() {
    return sources.size();
  }

  /** Has the workers forget a value. Called without the lock. */
  void unshare(SharedValue value) {
    lock.lock();
    try {
      shared.unshare(value);
    } finally {
      lock.unlock();
    }
  }

  /** Has the workers forget a value once no task may need it. Called without the lock. */
  void unshareWhenIdle(SharedValue value) {
    lock.lock();
    try {
      shared.addUnreachable(value);
      unshareUnreachable();
    } finally {
      lock.unlock();
    }
  }

  /** Has the workers forget unreachable values, if no task is queued or in flight. */
  void unshareUnreachable() {
    if (shared.hasUnreachable()
        && queue.isEmpty()
        && assigner.holdsNoTask()
        && sources.isEmpty()
        && assigner.gathering() == null) {
      shared.unshareUnreachable();
    }
  }

  /** Accepts no more tasks; ends when all accepted tasks are done. Called without the lock. */
  void shutdown() {
    List<TaskSource> told;
    lock.lock();
    try {
      told = List.copyOf(sources);
      state.shutDown();
    } finally {
      lock.unlock();
    }
    endSurely();
    assert isUnlocked() : LOCKED;
    told.forEach(TaskSource::poolShutDown);
  }

  /** Retries {@link #endIfDone} while memory is short: there may be no later call. */
  private void endSurely() {
    long pause = 0;
    boolean looked = false;
    while (!looked) {
      Memory.lock(lock);
      try {
        looked = endIfDone();
      } finally {
        unlock();
      }
      pause = looked ? 0 : Memory.pause(pause);
    }
  }

  /**
   * Accepts no more tasks, cancels those that have not begun, in the queue and on workers, and
   * interrupts those that run. Waits 2 s at most for workers to return unstarted tasks; interrupts
   * do not end the wait. Tasks returned later are cancelled, but not in the result.
   *
   * <p>Callbacks of the cancelled futures run in the calling thread. If one blocks, the completion
   * executor continues with the others. Called without the lock.
   *
   * @return the tasks that had not begun, cancelled, in the order in which they were submitted
   */
  List<Unstarted> shutdownNow() {
    List<ScheduledTask> waiting = new ArrayList<>();
    List<Unstarted> queued;
    List<TaskSource> told;
    lock.lock();
    try {
      told = List.copyOf(sources);
      waiting.addAll(queue);
      workers.forEach(worker -> waiting.addAll(worker.pinned));
      if (assigner.gathering() != null) {
        waiting.add(assigner.gathering().first());
      }
      waiting.removeIf(task -> task.future.isDone());
      queued = waiting.stream().map(Unstarted::of).filter(task -> task.call() != null).toList();
      List<CompletionExecutor.Item> items =
          waiting.stream()
              .map(task -> new CompletionExecutor.Item(task.future, task.future::drop))
              .toList();
      state.stop(); // from here on nothing fails
      queue.clear();
      workers.forEach(worker -> worker.pinned.clear());
      if (assigner.gathering() != null) {
        assigner.stopGathering();
      }
      waiting.forEach(task -> task.encoded = null);
      completions.add(items);
      assigner.calledBack.begin();
      cancelHeld();
    } finally {
      lock.unlock();
    }
    endSurely();
    assert isUnlocked() : LOCKED;
    List<Unstarted> all = new ArrayList<>();
    try {
      told.forEach(source -> source.poolEnded(new CancellationException("The pool was shut down")));
      waiting.forEach(task -> task.future.drop());
    } finally {
      all.addAll(awaitCalledBack());
    }
    all.forEach(task -> task.future().drop());
    all.addAll(queued);
    return all.stream()
        .filter(task -> task.future().isCancelled())
        .sorted(Comparator.comparingInt(Unstarted::order))
        .toList();
  }

  private List<Unstarted> awaitCalledBack() {
    lock.lock();
    try {
      return assigner.calledBack.await(CALLED_BACK_NANOS);
    } finally {
      lock.unlock();
    }
  }

  /** Cancels the tasks in flight. If memory runs out, the remaining tasks run to their end. */
  private void cancelHeld() {
    try {
      for (WorkerState worker : workers) {
        if (worker.isAlive() && worker.unstarted() > 0) {
          assigner.recall(worker, Integer.MAX_VALUE);
        }
        worker.tasks.inOrder().forEach(task -> assigner.cancel(task, true));
      }
    } catch (OutOfMemoryError e) {
      LOG.warn("There is no memory to cancel all tasks that run", e);
    }
  }

  /** Breaks the pool: fails all futures. Retries when out of memory. Called without the lock. */
  void breakDown(String why, Throwable cause) {
    long pause = 0;
    while (true) {
      try {
        breakOnce(why, cause);
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  private void breakOnce(String why, Throwable cause) {
    Memory.lock(lock);
    try {
      membership.breakDown(why, cause);
    } finally {
      unlock();
    }
  }

  /** Fails all futures of a broken pool and informs its sources. Retries when out of memory. */
  private void failPending() {
    long pause = 0;
    while (!allFailed) {
      try {
        failFurther();
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  /** Fails the futures one by one; a repeated call continues where the last one failed. */
  private void failFurther() {
    List<TaskSource> told;
    Memory.lock(lock);
    try {
      failAll(queue);
      for (WorkerState worker : workers) {
        failAll(worker.pinned);
        for (ScheduledTask task : worker.tasks.inOrder()) {
          assigner.fail(task, state.cause());
          assigner.remove(worker, task.id);
        }
      }
      if (assigner.gathering() != null) {
        assigner.fail(assigner.gathering().first(), state.cause());
        assigner.stopGathering();
      }
      told = List.copyOf(sources);
      endIfDone();
      workers.forEach(WorkerState::forgetRecalls);
      assigner.calledBack.workerChanged();
    } finally {
      unlock();
    }
    assert isUnlocked() : LOCKED;
    told.forEach(source -> source.poolEnded(state.cause()));
    allFailed = true;
  }

  private void failAll(Ring<ScheduledTask> tasks) {
    for (ScheduledTask next = tasks.peek(); next != null; next = tasks.peek()) {
      assigner.fail(next, state.cause());
      tasks.poll();
    }
  }

  /**
   * After a shutdown, releases the workers when no task is left, and ends the pool when they are
   * gone.
   *
   * @return false if memory ran out; the next call continues
   */
  boolean endIfDone() {
    if (!state.isShutdown() || state.isEnded()) {
      return true;
    }
    boolean released;
    try {
      released = state.isReleased() || releaseIfIdle();
    } catch (OutOfMemoryError e) {
      return false;
    }
    if (released && (membership.size() == 0 || state.isBroken())) {
      state.end();
      membership.end();
    }
    return true;
  }

  private boolean releaseIfIdle() {
    boolean idle =
        sources.isEmpty()
            && assigner.gathering() == null
            && assigner.holdsNoTask() // else not all workers need to be looked at
            && membership.isIdle();
    if (!idle) {
      return false;
    }
    queue.removeIf(assigner::isUnwanted);
    if (!queue.isEmpty()) {
      return false;
    }
    membership.release();
    state.release();
    return true;
  }

  /**
   * Releases the lock, and then runs the effects of what happened under it: the thread that broke
   * the pool fails all pending futures, and the thread that ended the pool terminates it. Every
   * operation that may break or end the pool releases the lock by this method.
   */
  void unlock() {
    boolean fails = false;
    boolean terminates = false;
    if (state.mayHaveEffects() && lock.getHoldCount() == 1) {
      fails = state.isBroken() && !failing;
      failing |= fails;
      terminates = state.terminate();
    }
    lock.unlock();
    if (fails) {
      failPending();
    }
    if (terminates) {
      terminateWhenDone();
    }
  }

  private void terminateWhenDone() {
    assert isUnlocked() : LOCKED;
    long pause = 0;
    boolean done = false;
    while (!done) {
      try {
        completions.allAddedDone().thenRun(this::terminate);
        completions.close();
        done = true;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  /** Whether foreign code, which may wait for a thread that needs the lock, may run here. */
  boolean isUnlocked() {
    return !lock.isHeldByCurrentThread();
  }

  private void terminate() {
    try {
      Memory.persist(atTermination);
    } finally {
      terminated.countDown();
    }
  }

  /** Whether the heartbeats can stop. */
  boolean isSettled() {
    return state.isEnded() || (allFailed && !state.isShutdown());
  }

  /** Sets the action that is run just before the pool counts as terminated. Needs no lock. */
  void atTermination(Runnable last) {
    atTermination = last;
  }

  /** Whether workers are released and all futures done. Needs no lock. */
  boolean isTerminated() {
    return terminated.getCount() == 0;
  }

  /** Waits for {@link #isTerminated}, without the lock. */
  boolean awaitTermination(long timeout, TimeUnit unit) throws InterruptedException {
    return terminated.await(timeout, unit);
  }

  /** Waits for {@link #isTerminated}, and for the callbacks of all futures, without the lock. */
  void awaitCallbacks() throws InterruptedException {
    terminated.await();
    completions.awaitRest();
  }
}
