package dev.mpipool.dispatch;

import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.Outbox;
import dev.mpipool.serial.SharedValue;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * The values that workers keep for several tasks: broadcasts, the functions of batches, the code of
 * tasks. A worker is sent a value once, before the first task that needs it, and is told when no
 * task will need it any more. Belongs to the {@link Dispatcher}, and is guarded by its lock: every
 * method is called with it held.
 */
final class SharedValues {

  private final PoolState state;
  private final Collection<WorkerState> workers;
  private final Outbox outbox;

  /** Values whose handles are gone, and that tasks under way may need. */
  private final List<SharedValue> unreachable = new ArrayList<>();

  SharedValues(SharedState common) {
    this.state = common.state();
    this.workers = common.workers().values();
    this.outbox = common.outbox();
  }

  /** Sends a value to every living worker that does not have it. */
  void share(SharedValue value) {
    workers.stream().filter(WorkerState::isAlive).forEach(worker -> give(worker, value));
  }

  /** Sends a value to a worker, unless it has it. */
  void give(WorkerState worker, SharedValue value) {
    long number = value.number();
    if (!worker.hasShared(number)) {
      outbox.post(worker.rank, new Entry(EntryKind.PUT, number, value.encoded()));
    }
    worker.addShared(number); // if there is no memory for it, the worker gets the value again
  }

  /** A value could not be sent: tasks that need it fail; the next brings it along. */
  void unsent(WorkerState worker, long number) {
    worker.removeShared(number);
  }

  /** Has every worker forget a value. */
  void unshare(SharedValue value) {
    workers.stream()
        .filter(
            worker ->
                worker.removeShared(value.number()) && worker.isAlive() && !state.isReleased())
        .forEach(worker -> outbox.post(worker.rank, new Entry(EntryKind.FORGET, value.number())));
  }

  /** A value that no task will be given any more, but that tasks under way may need. */
  void addUnreachable(SharedValue value) {
    unreachable.add(value);
  }

  boolean hasUnreachable() {
    return !unreachable.isEmpty();
  }

  /** No task is under way: has the workers forget what no task will be given any more. */
  void unshareUnreachable() {
    unreachable.forEach(this::unshare);
    unreachable.clear();
  }
}
