package dev.mpipool.dispatch;

import dev.mpipool.memory.Uninterruptibles;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Collects unstarted tasks that workers return while {@code shutdownNow} waits for them. Part of
 * the {@link Dispatcher} and guarded by its lock, which callers hold. Each task is returned to one
 * waiting thread only.
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

  /** Announces a call of {@link #await}; tasks are collected from now on. */
  void begin() {
    waiting++;
  }

  /**
   * Adds a task that its worker had not begun and that is about to be cancelled. Ignores chunks,
   * members of groups, and tasks that the user has cancelled already.
   */
  void add(ScheduledTask task) {
    Unstarted unstarted = Unstarted.of(task);
    boolean whole = unstarted.call() != null && !(task instanceof GroupSubmission.Member);
    if (waiting > 0 && whole && !task.isUnwanted()) {
      tasks.add(unstarted);
    }
  }

  /** Wakes waiting threads: a worker has answered, or never will. */
  void workerChanged() {
    changed.signalAll();
  }

  /**
   * Waits until every living worker has answered its recalls. Interrupts do not end the wait.
   *
   * @param nanos how long at most
   * @return the collected tasks, which no other thread gets
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
