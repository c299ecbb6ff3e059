package dev.mpipool.dispatch;

import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Ring;
import dev.mpipool.serial.SharedValue;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The end of a pool, by a shutdown or because it is broken. Belongs to the {@link Dispatcher}, and
 * is guarded by its lock: a method is called with it held, unless its comment says otherwise.
 *
 * <p>After a shutdown, once nothing is queued, no worker holds a task and no batch has more to
 * come, each living worker is released, and answers that it is gone. When the last one is gone, the
 * pool has ended; when every task is done, too, it is terminated. A broken pool fails all its
 * futures and waits for no worker.
 *
 * <p>The effects on others (batches are told, futures fail, the pool is terminated) run in {@link
 * #unlock}, after the lock is released, in the thread whose stimulus was the cause.
 */
final class PoolEnd {

  private static final Logger LOG = LoggerFactory.getLogger(PoolEnd.class);

  /** How long shutdownNow waits for tasks that workers have not begun. */
  private static final long CALLED_BACK_NANOS = TimeUnit.SECONDS.toNanos(2);

  private final ReentrantLock lock;
  private final PoolState state;
  private final Map<Integer, WorkerState> workers;
  private final Ring<ScheduledTask> queue;
  private final CompletionExecutor completions;
  private final Assigner assigner;
  private final Membership membership;
  private final SharedValues shared;

  /** Batches that may submit more, even after a shutdown. */
  private final Set<TaskSource> sources = new LinkedHashSet<>();

  private final CountDownLatch terminated = new CountDownLatch(1);
  private volatile Runnable atTermination = () -> {};

  /** After the pool has broken: a thread has undertaken to fail what is pending. */
  private boolean failing;

  /** After the pool has broken: all futures have been failed, and all sources told. */
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

  /** A source submits no more. */
  void removeSource(TaskSource source) {
    sources.remove(source);
    unshareUnreachable();
    endIfDone();
  }

  boolean hasSource(TaskSource source) {
    return sources.contains(source);
  }

  /** How many batches may submit more. */
  int sources() {
    return sources.size();
  }

  /** Takes a value back from the workers that have it. To be called without the lock. */
  void unshare(SharedValue value) {
    lock.lock();
    try {
      shared.unshare(value);
    } finally {
      lock.unlock();
    }
  }

  /** Takes a value back when no task that may need it is left. To be called without the lock. */
  void unshareWhenIdle(SharedValue value) {
    lock.lock();
    try {
      shared.addUnreachable(value);
      unshareUnreachable();
    } finally {
      lock.unlock();
    }
  }

  /** Has the workers forget the values that no task will need, if no task is under way. */
  void unshareUnreachable() {
    if (shared.hasUnreachable()
        && queue.isEmpty()
        && assigner.holdsNoTask()
        && sources.isEmpty()
        && assigner.gathering() == null) {
      shared.unshareUnreachable();
    }
  }

  /** Takes no more tasks; ends when those accepted are done. To be called without the lock. */
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
    assertUnlocked();
    told.forEach(TaskSource::poolShutDown);
  }

  /** Without memory it is tried again: there may be no later occasion. */
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
   * Takes no more tasks, cancels those that have not begun, in the queue and on workers, and
   * interrupts those that run. Waits for what workers have not begun, for 2 s at most, through
   * interrupts; what comes later is cancelled, too, and not returned.
   *
   * <p>Callbacks of the cancelled futures run in the calling thread; should one of them block, the
   * completion executor goes on with the others. To be called without the lock.
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
      workers.values().forEach(worker -> waiting.addAll(worker.pinned));
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
      workers.values().forEach(worker -> worker.pinned.clear());
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
    assertUnlocked();
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

  /** What there is no memory to cancel runs to its end. */
  private void cancelHeld() {
    try {
      for (WorkerState worker : workers.values()) {
        if (worker.isAlive() && worker.unstarted() > 0) {
          assigner.recall(worker, Integer.MAX_VALUE);
        }
        worker.tasks.inOrder().forEach(task -> assigner.cancel(task, true));
      }
    } catch (OutOfMemoryError e) {
      LOG.warn("There is no memory to cancel all tasks that run", e);
    }
  }

  /**
   * Nothing can be run any more: fails all futures. Does not fail itself, whatever memory there is.
   * To be called without the lock.
   */
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

  /** Fails what is pending in a broken pool, and tells the sources. */
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

  /** In steps, of which those that have been taken are not taken again. */
  private void failFurther() {
    List<TaskSource> told;
    Memory.lock(lock);
    try {
      failAll(queue);
      for (WorkerState worker : workers.values()) {
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
      workers.values().forEach(WorkerState::forgetRecalls);
      assigner.calledBack.workerChanged();
    } finally {
      unlock();
    }
    assertUnlocked();
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
   * Releases the workers when there is nothing left to do, and ends when they are gone. What there
   * is no memory for is done the next time somebody looks.
   *
   * @return false if there was no memory to look
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
    boolean idle = sources.isEmpty() && assigner.gathering() == null && membership.isIdle();
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
   * Releases the lock, and then does what has become due while it was held: the thread that broke
   * the pool fails what is pending, the thread that ended it sees to its termination. Every
   * stimulus that may do either ends with this.
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
    assertUnlocked();
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

  /** Asserts that code of others may run here: it may wait for a thread that needs the lock. */
  void assertUnlocked() {
    assert !lock.isHeldByCurrentThread() : "an effect under the dispatcher's lock";
  }

  private void terminate() {
    try {
      Memory.persist(atTermination);
    } finally {
      terminated.countDown();
    }
  }

  /** Whether the heartbeats have nothing to look for any more. */
  boolean isSettled() {
    return state.isEnded() || (allFailed && !state.isShutdown());
  }

  /** What is done last, just before the pool counts as terminated. Needs no lock. */
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
