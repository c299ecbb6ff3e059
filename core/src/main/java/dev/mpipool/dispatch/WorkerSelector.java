package dev.mpipool.dispatch;

import dev.mpipool.memory.Ring;

/**
 * Who is next to get a task: first those with a free thread, then those that may hold some more,
 * both in turn. But tasks that are shorter than a message to another worker go to the same one, a
 * few at a time; and some more while its message has to wait for others. A worker's place here may
 * be out of date; that shows when its turn comes. Guarded by the dispatcher's lock.
 */
final class WorkerSelector {

  private final Ring<WorkerState> free = new Ring<>();
  private final Ring<WorkerState> withRoom = new Ring<>();

  /** Whose turn it was last, and still is as long as all it gets is short. */
  private WorkerState last;

  /** Whether it had a free thread when its turn came. */
  private boolean lastWasFree;

  /** How many tasks it has got since. */
  private int given;

  /** Sees to it that so many workers can be listed without any memory. */
  void ensureRoom(int workers) {
    free.ensureRoom(workers);
    withRoom.ensureRoom(workers);
  }

  /** Lists a worker where it belongs, unless it stands there already or is kept for a group. */
  void add(WorkerState worker) {
    if (worker.isReserved()) {
      return;
    }
    if (worker.hasFreeThread()) {
      if (!worker.isListedFree()) {
        worker.listFree(true);
        free.add(worker);
      }
    } else if (worker.hasRoom() && !worker.isListedWithRoom()) {
      worker.listWithRoom(true);
      withRoom.add(worker);
    }
  }

  /** The next worker that would begin a task at once, no longer listed; null if there is none. */
  WorkerState nextFree() {
    WorkerState worker = free.poll();
    while (worker != null) {
      worker.listFree(false);
      if (worker.hasFreeThread() && !worker.isReserved()) {
        return worker;
      }
      worker = free.poll();
    }
    return null;
  }

  /**
   * The next worker that may hold one more task, no longer listed; null if there is none.
   *
   * @param waiting how many messages are to go out
   * @param lone whether no worker holds a task: then the turn stays with the worker that had it,
   *     which may not have gone to sleep yet, and the others do not wake
   */
  WorkerState next(int waiting, boolean lone) {
    if (last == null
        || last.tasks.isEmpty()
        || !last.hasRoom()
        || last.isReserved()
        || !last.isLittle(given + 1, waiting)
        || (!lastWasFree && hasFree())) {
      last = inTurn(lone);
      lastWasFree = last != null && last.hasFreeThread();
      given = 0;
    }
    given++;
    return last;
  }

  private WorkerState inTurn(boolean lone) {
    if (lone && last != null && last.isListedFree() && last.hasFreeThread() && !last.isReserved()) {
      free.removeLast(last);
      last.listFree(false);
      return last;
    }
    WorkerState worker = nextFree();
    if (worker != null) {
      return worker;
    }
    worker = withRoom.poll();
    while (worker != null) {
      worker.listWithRoom(false);
      if (worker.hasRoom() && !worker.isReserved()) {
        return worker;
      }
      worker = withRoom.poll();
    }
    return null;
  }

  /** Whether a worker has nothing to do, for which something could be found. */
  boolean hasFree() {
    while (!free.isEmpty() && (!free.peek().hasFreeThread() || free.peek().isReserved())) {
      free.poll().listFree(false);
    }
    return !free.isEmpty();
  }

  /** How many workers have nothing to do, at most. */
  int free() {
    return free.size();
  }
}
