package dev.mpipool.dispatch;

import java.util.LinkedHashMap;
import java.util.Map;

/** What main knows of one worker. Guarded by the dispatcher's lock. */
final class WorkerState {

  final int rank;

  /** How many tasks it may hold at a time. */
  final int window;

  /** The tasks it holds, by number, in the order in which they were given. */
  final Map<Long, TaskFuture<?>> tasks = new LinkedHashMap<>();

  boolean alive = true;

  /** Whether it stands in the dispatcher's list of workers with room. */
  boolean listed;

  WorkerState(int rank, int window) {
    this.rank = rank;
    this.window = window;
  }

  boolean hasRoom() {
    return alive && tasks.size() < window;
  }
}
