package dev.mpipool.worker;

import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Ring;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;

/**
 * The tasks that a worker holds: those that wait, in their order, and those that its task threads
 * are at. A task thread locks it once for a task, when it comes for the next. Thread-safe. An
 * {@link OutOfMemoryError} leaves every task where it was.
 */
final class Backlog {

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Ring<TaskRun> waiting = new Ring<>();
  private final List<TaskRun> begun = new ArrayList<>();

  /** Whether any task waits; written with the lock held. */
  private volatile boolean empty = true;

  private boolean closed;

  void add(TaskRun run) {
    lock.lock();
    try {
      waiting.add(run);
      empty = false;
      changed.signal();
    } finally {
      lock.unlock();
    }
  }

  /** Whether no task waits, or did not a moment ago. */
  boolean isEmpty() {
    return empty;
  }

  /**
   * The next task, for a task thread.
   *
   * @param done what the thread was at before, or null
   * @return null if none waits, or nothing is to be begun any more
   */
  TaskRun poll(TaskRun done) {
    lock.lock();
    try {
      begun.remove(done);
      return next();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits for the next task, for a task thread that is at none.
   *
   * @return null if nothing is to be begun any more
   */
  TaskRun take() throws InterruptedException {
    lock.lock();
    try {
      while (waiting.isEmpty() && !closed) {
        changed.await();
      }
      return next();
    } finally {
      lock.unlock();
    }
  }

  private TaskRun next() {
    TaskRun run = closed ? null : waiting.peek();
    if (run != null) {
      begun.add(run);
      waiting.poll();
    }
    empty = waiting.isEmpty();
    return run;
  }

  /** The task of a number; null if it is not held, or not any more. */
  TaskRun find(long id) {
    lock.lock();
    try { // without a copy: a pool that is shut down cancels all, one by one
      return Stream.concat(begun.stream(), waiting.stream())
          .filter(run -> run.id() == id)
          .findFirst()
          .orElse(null);
    } finally {
      lock.unlock();
    }
  }

  /** Takes one out that waits; false if it does not. */
  boolean remove(TaskRun run) {
    lock.lock();
    try {
      boolean removed = waiting.removeLast(run);
      empty = waiting.isEmpty();
      return removed;
    } finally {
      lock.unlock();
    }
  }

  /** The last that waits; null if none does. It stays. */
  TaskRun last() {
    lock.lock();
    try {
      return waiting.peekLast();
    } finally {
      lock.unlock();
    }
  }

  /** How many wait. */
  int size() {
    lock.lock();
    try {
      return waiting.size();
    } finally {
      lock.unlock();
    }
  }

  /** Those that threads are at, and those that wait. */
  List<TaskRun> all() {
    lock.lock();
    try {
      List<TaskRun> all = new ArrayList<>(begun);
      all.addAll(waiting);
      return all;
    } finally {
      lock.unlock();
    }
  }

  /** Nothing is begun any more: the task threads may end. */
  void close() {
    Memory.lock(lock);
    try {
      closed = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
