package dev.mpipool.dispatch;

import java.util.ArrayList;
import java.util.List;

/**
 * The tasks that a worker holds, by number, in the order in which they were given.
 *
 * <p>Numbers only rise, and most often the first is removed first; so the tasks stand in a ring in
 * which the next is found at once and any other by halves. A place in the middle stays empty until
 * those before it are removed, or until the ring is full and closes its gaps. To add and remove a
 * task makes no objects, which a map would, for each of hundreds of thousands a second. Guarded by
 * the dispatcher's lock.
 */
final class InFlightTasks {

  private static final int LEAST_ROOM = 16;

  /** The lengths are a power of two. */
  private long[] numbers = new long[LEAST_ROOM];

  private ScheduledTask[] tasks = new ScheduledTask[LEAST_ROOM];

  /** Where the first task stands, unless there is none. */
  private int head;

  /** The places from the first to the last, empty ones included. */
  private int span;

  private int size;

  int size() {
    return size;
  }

  boolean isEmpty() {
    return size == 0;
  }

  /** How many tasks there are places for. */
  int room() {
    return tasks.length;
  }

  /** Makes room, so that a task can be added without any memory. */
  void ensureRoom() {
    if (span == tasks.length) {
      makeRoom();
    }
  }

  /**
   * Adds a task.
   *
   * @param number greater than all before
   */
  void add(long number, ScheduledTask task) {
    ensureRoom();
    int place = place(span++);
    numbers[place] = number;
    tasks[place] = task;
    size++;
  }

  /** A task; null if it is not there. */
  ScheduledTask find(long number) {
    int place = place(indexOf(number));
    return numbers[place] == number ? tasks[place] : null;
  }

  /** Removes a task; null if it is not there. */
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

  /** All of them, in order. */
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

  /** The only index at which a number can be. */
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

  /** Twice the room, or the same without gaps if those are half of it. */
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
