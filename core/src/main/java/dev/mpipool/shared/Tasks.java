package dev.mpipool.shared;

import java.io.Closeable;
import java.io.IOException;
import java.util.Set;

/** The tasks of a batch on the rank that keeps them. Called by one thread at a time. */
interface Tasks extends Closeable {

  /** The next task in one of the states, now RUNNING on a worker; -1 if there is none. */
  int next(Set<TaskState> from, int worker) throws IOException;

  TaskState get(int task) throws IOException;

  void set(int task, TaskState state) throws IOException;

  /** A worker has lost a rank: what it has can be taken by others. */
  void lost(int worker) throws IOException;

  /** Tasks in memory alone. */
  static Tasks inMemory(TaskTable table) {
    return new Tasks() {
      @Override
      public int next(Set<TaskState> from, int worker) {
        return table.next(from, worker);
      }

      @Override
      public TaskState get(int task) {
        return table.get(task);
      }

      @Override
      public void set(int task, TaskState state) {
        table.set(task, state);
      }

      @Override
      public void lost(int worker) {
        for (int task : table.runningOn(worker)) {
          table.set(task, TaskState.OPEN);
        }
      }

      @Override
      public void close() {}
    };
  }
}
