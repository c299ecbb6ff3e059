package dev.mpipool.dispatch;

import dev.mpipool.memory.Uninterruptibles;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The tasks that workers had not begun and give back while {@code shutdownNow} waits for them.
 * Belongs to the {@link Dispatcher}, and is guarded by its lock: every method is called with it
 * held. A task comes out once, however many threads wait.
 */
final class CalledBack {

  private final Condition changed;
  private final Collection<WorkerState> workers;
  private final List<Unstarted> tasks = new ArrayList<>();
  private int waiting;

  CalledBack(ReentrantLock lock, Collection<WorkerState> workers) {
    this.changed = lock.newCondition();
    this.workers = workers;
  }

  /** A thread is going to call {@link #await}. */
  void begin() {
    waiting++;
  }

  /**
   * A worker had not begun a task, which is about to be cancelled. Parts of batches and members of
   * groups are no tasks of their own, and what the user has cancelled before is no news.
   */
  void add(ScheduledTask task) {
    Unstarted unstarted = Unstarted.of(task);
    boolean whole = unstarted.call() != null && !(task instanceof GroupSubmission.Member);
    if (waiting > 0 && whole && !task.isUnwanted()) {
      tasks.add(unstarted);
    }
  }

  /** A worker has answered, or never will. */
  void workerChanged() {
    changed.signalAll();
  }

  /**
   * Waits until every living worker has answered what it was asked, through interrupts.
   *
   * @param nanos how long at most
   * @return what has come back and no other thread has been given
   */
  List<Unstarted> await(long nanos) {
    try {
      Uninterruptibles.await(nanos, this::awaitAnswers);
      List<Unstarted> taken = new ArrayList<>(tasks);
      tasks.clear();
      return taken;
    } finally {
      waiting--;
    }
  }

  private boolean awaitAnswers(long nanos) throws InterruptedException {
    long rest = nanos;
    while (rest > 0
        && workers.stream().anyMatch(worker -> worker.isAlive() && worker.isRecalled())) {
      rest = changed.awaitNanos(rest);
    }
    return rest > 0;
  }
}
