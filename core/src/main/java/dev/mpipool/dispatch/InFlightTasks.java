package dev.mpipool.dispatch;

import java.util.ArrayList;
import java.util.List;

/**
 * The tasks in flight to one worker, by number, in the order in which they were assigned.
 *
 * <p>Numbers only rise, and usually the first is removed first. So the tasks are stored in a ring,
 * in which the first is found at once and any other by binary search. A gap stays until all tasks
 * before it are removed, or until the ring is full and is compacted. Unlike a map, the ring
 * allocates nothing per task, at hundreds of thousands of tasks a second. Guarded by the
 * dispatcher's lock.
 */
final class InFlightTasks {

  private static final int LEAST_ROOM = 4;

  /** As long as {@code tasks}; the length is a power of two. */
  private long[] numbers = new long[LEAST_ROOM];

  private ScheduledTask[] tasks = new ScheduledTask[LEAST_ROOM];

  /** The place of the first task, if there is one. */
  private int head;

  /** The number of places from the first task to the last, gaps included. */
  private int span;

  private int size;

  int size() {
    return size;
  }

  boolean isEmpty() {
    return size == 0;
  }

  /** The capacity. */
  int room() {
    return tasks.length;
  }

  /** Makes room, so that adding one task allocates nothing. */
  void ensureRoom() {
    if (span == tasks.length) {
      makeRoom();
    }
  }

  /** Gives up the room of an earlier burst, if there are no tasks. */
  void trim() {
    if (size == 0 && tasks.length > LEAST_ROOM) {
      ScheduledTask[] few = new ScheduledTask[LEAST_ROOM];
      numbers = new long[LEAST_ROOM];
      tasks = few;
      head = 0;
      span = 0;
    }
  }

  /**
   * Adds a task.
   *
   * @param number greater than all earlier ones
   */
  void add(long number, ScheduledTask task) {
    ensureRoom();
    int place = place(span++);
    numbers[place] = number;
    tasks[place] = task;
    size++;
  }

  /** The task with a number; null if there is none. */
  ScheduledTask find(long number) {
    int place = place(indexOf(number));
    return numbers[place] == number ? tasks[place] : null;
  }

  /** Removes the task with a number; null if there is none. */
  ScheduledTask remove(long number) {
    int place = place(indexOf(number));
    ScheduledTask task = tasks[place];
    if (task == null || numbers[place] != number) {
      return null;
    }
    tasks[place] = null;
    size--;
    while (span > 0 && tasks[head] == null) {
      head = place(1);
      span--;
    }
    return task;
  }

  /** All tasks, in the order of their numbers. */
  List<ScheduledTask> inOrder() {
    List<ScheduledTask> all = new ArrayList<>(size);
    for (int i = 0; i < span; i++) {
      if (tasks[place(i)] != null) {
        all.add(tasks[place(i)]);
      }
    }
    return all;
  }

  private int place(int index) {
    return (head + index) & (tasks.length - 1);
  }

  /** The only index at which a number can be, counted from the first task. */
  private int indexOf(long number) {
    if (numbers[head] == number) {
      return 0;
    }
    int low = 0;
    int high = span - 1;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (numbers[place(middle)] < number) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  /** Closes the gaps, and doubles the capacity if more than half of it is used. */
  private void makeRoom() {
    int room = size > tasks.length / 2 ? 2 * tasks.length : tasks.length;
    long[] roomyNumbers = new long[room];
    ScheduledTask[] roomyTasks = new ScheduledTask[room];
    int next = 0;
    for (int i = 0; i < span; i++) {
      int place = place(i);
      if (tasks[place] != null) {
        roomyNumbers[next] = numbers[place];
        roomyTasks[next++] = tasks[place];
      }
    }
    numbers = roomyNumbers;
    tasks = roomyTasks;
    head = 0;
    span = next;
  }
}
