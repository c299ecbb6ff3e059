package dev.mpipool.shared;

import java.util.List;

/**
 * What {@link MPIBatch.State} is to users, for the rank that keeps the tasks: the names are the
 * same. What keeps tasks so knows nothing of its user.
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
