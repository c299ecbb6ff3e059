package dev.mpipool.shared;

import java.util.List;

/**
 * The state of a task on the rank that keeps the tasks. It has the names of {@link MPIBatch.State},
 * and is an enum of its own so that the classes that keep tasks do not refer to {@link MPIBatch}.
 */
enum TaskState {
  INVALID,
  OPEN,
  RUNNING,
  DONE,
  FAILED;

  private static final List<TaskState> ALL = List.of(values());

  /** The number by which it travels. */
  int code() {
    return ALL.indexOf(this);
  }

  static TaskState of(int code) {
    return ALL.get(code);
  }
}
