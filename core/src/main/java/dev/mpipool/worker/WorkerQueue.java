package dev.mpipool.worker;

import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Ring;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;

/**
 * The tasks of a worker: those that wait, in their order, and those that have begun. A task thread
 * takes the lock once for each task, when it asks for the next. Thread-safe; all state is guarded
 * by {@code lock}. An {@link OutOfMemoryError} leaves every task where it was.
 */
final class WorkerQueue {

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Ring<TaskRun> waiting = new Ring<>();
  private final List<TaskRun> begun = new ArrayList<>();

  /** Whether no task waits; written with the lock held. */
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

  /** Whether no task waits. Read without the lock, so the answer may be out of date. */
  boolean isEmpty() {
    return empty;
  }

  /**
   * Takes the next task, without waiting.
   *
   * @param done the task that the thread has run before, or null
   * @return null if none waits, or the queue is closed
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
   * Waits for the next task. Called by a task thread that runs none.
   *
   * @return null if the queue is closed
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

  /** The task with a number; null if it neither waits nor has begun. */
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

  /** Removes a waiting task; false if it does not wait. */
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

  /** The last waiting task, which stays; null if none waits. */
  TaskRun last() {
    lock.lock();
    try {
      return waiting.peekLast();
    } finally {
      lock.unlock();
    }
  }

  /** The number of waiting tasks. */
  int size() {
    lock.lock();
    try {
      return waiting.size();
    } finally {
      lock.unlock();
    }
  }

  /** The tasks that have begun, and those that wait. */
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

  /** From now on no task begins: {@link #poll} and {@link #take} return null. */
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
