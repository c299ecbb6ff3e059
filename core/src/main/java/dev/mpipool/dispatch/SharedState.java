package dev.mpipool.dispatch;

import dev.mpipool.memory.Ring;
import dev.mpipool.protocol.Outbox;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The state that all parts of a {@link Dispatcher} share.
 *
 * @param lock guards the state of all parts, and the components below that have no lock of their
 *     own
 * @param state the pool's phase
 * @param workers all workers by rank, lost ones included
 * @param queue the tasks that any worker may run
 * @param completions completes futures; has a lock of its own
 * @param outbox sends to workers; has a lock of its own
 */
record SharedState(
    ReentrantLock lock,
    PoolState state,
    Workers workers,
    Ring<ScheduledTask> queue,
    CompletionExecutor completions,
    Outbox outbox) {

  /** The state of a new pool, without workers. */
  SharedState(Outbox outbox) {
    this(
        new ReentrantLock(),
        new PoolState(),
        new Workers(),
        new Ring<>(),
        new CompletionExecutor(),
        outbox);
  }
}
