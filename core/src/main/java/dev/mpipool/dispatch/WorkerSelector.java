package dev.mpipool.dispatch;

import dev.mpipool.memory.Ring;

/**
 * Selects the worker for the next task: first workers with a free thread, then workers with room,
 * each in turn. But tasks that take less time than a message go to the same worker, a few at a
 * time, and more while its message has to wait for others. An entry may be out of date, which is
 * checked when its turn comes. Guarded by the dispatcher's lock.
 */
final class WorkerSelector {

  private final Ring<WorkerState> free = new Ring<>();
  private final Ring<WorkerState> withRoom = new Ring<>();

  /** The worker selected last; stays selected while its tasks are short. */
  private WorkerState last;

  /** Whether that worker had a free thread when its turn came. */
  private boolean lastWasFree;

  /** How many tasks that worker has received since. */
  private int given;

  /** Makes room, so that listing this many workers allocates nothing. */
  void ensureRoom(int workers) {
    free.ensureRoom(workers);
    withRoom.ensureRoom(workers);
  }

  /** Lists a worker that has room, unless it is listed already or reserved for a group. */
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

  /** Removes and returns the next worker with a free thread; null if there is none. */
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
   * Selects the next worker with room, which the caller must {@link #add} again; null if there is
   * none.
   *
   * @param waiting how many frames have not been sent yet
   * @param lone whether no task is in flight: then the last worker, which may still be awake, stays
   *     selected
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

  /** Whether any worker has a free thread and is not reserved. */
  boolean hasFree() {
    while (!free.isEmpty() && (!free.peek().hasFreeThread() || free.peek().isReserved())) {
      free.poll().listFree(false);
    }
    return !free.isEmpty();
  }

  /** An upper bound for the number of workers with a free thread. */
  int free() {
    return free.size();
  }
}
