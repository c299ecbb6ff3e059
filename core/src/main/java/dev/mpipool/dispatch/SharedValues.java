package dev.mpipool.dispatch;

import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.Outbox;
import dev.mpipool.serial.SharedValue;
import java.util.ArrayList;
import java.util.List;

/**
 * The values that workers keep for several tasks: broadcasts, the functions of batches, the code of
 * tasks. A worker receives a value once, before the first task that needs it, and forgets it when
 * no task needs it any more. Part of the {@link Dispatcher} and guarded by its lock, which callers
 * hold.
 */
final class SharedValues {

  private final PoolState state;
  private final Workers workers;
  private final Outbox outbox;

  /** Values whose handles are unreachable, but that accepted tasks may need. */
  private final List<SharedValue> unreachable = new ArrayList<>();

  SharedValues(SharedState common) {
    this.state = common.state();
    this.workers = common.workers();
    this.outbox = common.outbox();
  }

  /** Sends a value to every living worker that does not have it. */
  void share(SharedValue value) {
    workers.stream().filter(WorkerState::isAlive).forEach(worker -> give(worker, value));
  }

  /** Sends a value to a worker that does not have it. */
  void give(WorkerState worker, SharedValue value) {
    long number = value.number();
    if (!worker.hasShared(number)) {
      outbox.post(worker.rank, new Entry(EntryKind.PUT, number, value.encoded()));
    }
    worker.addShared(number); // if this fails for lack of memory, the value is sent again
  }

  /** A value could not be sent: tasks in flight that need it fail; the next task sends it again. */
  void unsent(WorkerState worker, long number) {
    worker.removeShared(number);
  }

  /** Has every worker that has a value forget it. */
  void unshare(SharedValue value) {
    workers.stream()
        .filter(
            worker ->
                worker.removeShared(value.number()) && worker.isAlive() && !state.isReleased())
        .forEach(worker -> outbox.post(worker.rank, new Entry(EntryKind.FORGET, value.number())));
  }

  /** Adds a value that no later task can need, but that accepted tasks may. */
  void addUnreachable(SharedValue value) {
    unreachable.add(value);
  }

  boolean hasUnreachable() {
    return !unreachable.isEmpty();
  }

  /** Has the workers forget all unreachable values. Called when no task is queued or in flight. */
  void unshareUnreachable() {
    unreachable.forEach(this::unshare);
    unreachable.clear();
  }
}
