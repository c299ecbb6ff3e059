package dev.mpipool.dispatch;

import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** What main knows of one worker. Guarded by the dispatcher's lock. */
final class WorkerState {

  final int rank;

  /** How many tasks it may hold at a time. */
  final int window;

  /** The tasks it holds, by number, in the order in which they were given. */
  final Map<Long, TaskFuture<?>> tasks = new LinkedHashMap<>();

  /** Tasks for this worker alone, that it does not have yet. */
  final ArrayDeque<TaskFuture<?>> pinned = new ArrayDeque<>();

  /** The shared values that it has been sent. */
  final Set<Long> shared = new HashSet<>();

  boolean alive = true;

  /** Whether a group that is being gathered keeps a place here. */
  boolean reserved;

  /** Whether it stands in the dispatcher's list of workers with room. */
  boolean listed;

  WorkerState(int rank, int window) {
    this.rank = rank;
    this.window = window;
  }

  /** Whether it has nothing to do and nothing waits for it; a dead worker always is. */
  boolean isIdle() {
    return tasks.isEmpty() && pinned.isEmpty();
  }

  boolean hasRoom() {
    return alive && tasks.size() + (reserved ? 1 : 0) < window;
  }
}
