package dev.mpipool.shared;

import java.util.Arrays;
import java.util.BitSet;
import java.util.EnumMap;
import java.util.Map;
import java.util.Set;

/**
 * The states of a batch's tasks, and which is next. Finding that does not look at tasks before the
 * first that can be taken. Not safe for threads.
 */
final class TaskTable {

  private final TaskState[] states;

  /** The tasks that can be taken from each state: those of the others only once by a batch. */
  private final Map<TaskState, Open> takeable = new EnumMap<>(TaskState.class);

  /** The tasks this batch has given out already. */
  private final BitSet given = new BitSet();

  /** The worker that has a RUNNING task, or -1. */
  private final int[] worker;

  TaskTable(TaskState[] initial) {
    states = initial.clone();
    worker = new int[states.length];
    Arrays.fill(worker, -1);
    for (TaskState state : TaskState.values()) {
      takeable.put(state, new Open());
    }
    for (int task = 0; task < states.length; task++) {
      takeable.get(states[task]).add(task);
    }
  }

  int size() {
    return states.length;
  }

  TaskState get(int task) {
    return states[task];
  }

  /** The first task in one of the states, now RUNNING on a worker; -1 if there is none. */
  int next(Set<TaskState> from, int onWorker) {
    int next = -1;
    for (TaskState state : from) {
      int first = takeable.get(state).first();
      next = next < 0 || (first >= 0 && first < next) ? first : next;
    }
    if (next >= 0) {
      given.set(next);
      set(next, TaskState.RUNNING);
      worker[next] = onWorker;
    }
    return next;
  }

  /** An OPEN task can be taken, however often; others if this batch has not given them yet. */
  void set(int task, TaskState state) {
    takeable.get(states[task]).remove(task);
    states[task] = state;
    worker[task] = -1;
    if (state == TaskState.OPEN || !given.get(task)) {
      takeable.get(state).add(task);
    }
  }

  /** Takes back that a task was given, since it was not. */
  void putBack(int task, TaskState state) {
    given.clear(task);
    set(task, state);
  }

  /** The tasks that a worker has. */
  int[] runningOn(int lostWorker) {
    int[] tasks = new int[states.length];
    int count = 0;
    for (int task = 0; task < states.length; task++) {
      if (worker[task] == lostWorker) {
        tasks[count++] = task;
      }
    }
    return Arrays.copyOf(tasks, count);
  }

  /** A set of tasks that knows its first. */
  private static final class Open {
    private final BitSet tasks = new BitSet();

    /** No task is before this one. */
    private int from;

    void add(int task) {
      tasks.set(task);
      from = Math.min(from, task);
    }

    void remove(int task) {
      tasks.clear(task);
    }

    int first() {
      int first = tasks.nextSetBit(from);
      from = first < 0 ? tasks.size() : first;
      return first;
    }
  }
}
