package dev.mpipool.dispatch;

import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Ring;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Describes the current content of a pool, in numbers and in words. Changes nothing. Part of the
 * {@link Dispatcher}; each method takes the lock.
 */
final class Inventory {

  private final ReentrantLock lock;
  private final PoolState state;
  private final Workers workers;
  private final Ring<ScheduledTask> queue;
  private final Assigner assigner;
  private final Membership membership;
  private final PoolEnd end;

  Inventory(SharedState common, Assigner assigner, Membership membership, PoolEnd end) {
    this.lock = common.lock();
    this.state = common.state();
    this.workers = common.workers();
    this.queue = common.queue();
    this.assigner = assigner;
    this.membership = membership;
    this.end = end;
  }

  /** The number of living workers; 0 if the pool is broken. */
  int size() {
    return count(worker -> worker.isAlive() && !state.isBroken());
  }

  /** The number of living workers without a task in flight; 0 if the pool is broken. */
  int idling() {
    return count(worker -> worker.isAlive() && worker.tasks.isEmpty() && !state.isBroken());
  }

  int count(Predicate<WorkerState> which) {
    Memory.lock(lock);
    try {
      return membership.count(which);
    } finally {
      lock.unlock();
    }
  }

  /** The accepted tasks that are not done, as part of a sentence: "2 futures and 1 batch". */
  String pending() {
    lock.lock();
    try {
      Set<Object> futures = Collections.newSetFromMap(new IdentityHashMap<>());
      Stream.of(
              queue.stream(),
              workers.stream().flatMap(worker -> worker.tasks.inOrder().stream()),
              workers.stream().flatMap(worker -> worker.pinned.stream()),
              Stream.ofNullable(assigner.gathering()).map(GroupSubmission::first))
          .flatMap(tasks -> tasks)
          .filter(task -> !task.future.isDone() && !task.isChunk())
          .forEach(task -> futures.add(task.request()));
      String text = counted(futures.size(), "future", "futures");
      int batches = end.sources();
      return batches == 0 ? text : text + " and " + counted(batches, "batch", "batches");
    } finally {
      lock.unlock();
    }
  }

  private static String counted(int count, String one, String several) {
    return count + " " + (count == 1 ? one : several);
  }

  /** The pool's state and each living worker's tasks in flight, for people. */
  @Override
  public String toString() {
    lock.lock();
    try {
      String held =
          workers.stream()
              .filter(WorkerState::isAlive)
              .map(WorkerState::toString)
              .collect(Collectors.joining(", "));
      return "[%s, queued tasks: %d, open batches: %d%s, workers: {%s}]"
          .formatted(
              state,
              queue.size(),
              end.sources(),
              assigner.gathering() == null ? "" : ", a group is gathering",
              held);
    } finally {
      lock.unlock();
    }
  }
}
