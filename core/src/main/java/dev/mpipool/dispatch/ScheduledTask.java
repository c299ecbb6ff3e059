package dev.mpipool.dispatch;

import dev.mpipool.protocol.EntryKind;
import dev.mpipool.serial.Payload;
import dev.mpipool.serial.SharedValue;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The dispatcher's record of a submitted task: what is sent to a worker, which worker has it, and
 * which workers were lost with it. The user has the {@link TaskFuture}, which tells this record
 * what the user does to it.
 *
 * <p>A task is in one place at most: in the queue, in a worker's own queue, or in flight to a
 * worker. All state is guarded by the dispatcher's lock.
 */
class ScheduledTask implements TaskFuture.Listener {

  /** What tasks and groups need of their dispatcher. */
  interface Owner {

    /** The user is about to complete a future in this way: its task is no longer wanted. */
    void aboutToEnd(ScheduledTask task, boolean interrupt, Runnable ending);

    /** Completes a future in this way, instead of its task, which is interrupted. */
    void end(ScheduledTask task, Runnable ending);

    /** Tells the worker that has a task that it is no longer wanted. With the lock held. */
    void cancel(ScheduledTask task, boolean interrupt);

    /** Guards the state of tasks and of groups; is released by {@link #unlock}. */
    ReentrantLock lock();

    /** Releases the lock, and then does what has become due while it was held. */
    void unlock();
  }

  private final Owner owner;
  final TaskFuture<?> future;

  /** How the task travels. */
  final EntryKind kind;

  /** The value that a worker needs for it, or null. */
  final SharedValue needs;

  /** The task as bytes; null once no worker will be given it. */
  Payload encoded;

  /** The worker that has the task, or null. */
  WorkerState worker;

  /** The number of the present attempt. */
  long id;

  /** The place in the order of submissions. */
  int order;

  /** How the user ends the future, soon; whoever finds it so may do it. */
  Runnable ending;

  /** Workers that were lost with the task; null for none. */
  private List<Integer> lostWith;

  ScheduledTask(
      Owner owner, TaskFuture<?> future, EntryKind kind, SharedValue needs, Payload encoded) {
    this.owner = owner;
    this.future = future;
    this.kind = kind;
    this.needs = needs;
    this.encoded = encoded;
  }

  /** A task for one worker alone, which is lost with it. */
  static final class Pinned extends ScheduledTask {

    Pinned(Owner owner, TaskFuture<?> future, SharedValue needs, Payload encoded) {
      super(owner, future, EntryKind.TASK, needs, encoded);
    }

    @Override
    boolean isPinned() {
      return true;
    }

    @Override
    int maxAttempts(int usual) {
      return 1;
    }
  }

  /** Some elements of a batch. */
  static final class Chunk extends ScheduledTask {

    /** Whether its worker could give a part of it back, and has not been asked for one. */
    private boolean divisible;

    Chunk(
        Owner owner, TaskFuture<?> future, SharedValue needs, Payload encoded, boolean divisible) {
      super(owner, future, EntryKind.CHUNK, needs, encoded);
      this.divisible = divisible;
    }

    boolean isDivisible() {
      return divisible;
    }

    /** Its worker is asked for a part of it. */
    void askedToDivide() {
      divisible = false;
    }
  }

  /** Whether it is for one worker alone. */
  boolean isPinned() {
    return false;
  }

  /** With how many workers it may be lost before it fails. */
  int maxAttempts(int usual) {
    return usual;
  }

  /** Whether it is a part of a batch. */
  final boolean isChunk() {
    return kind == EntryKind.CHUNK;
  }

  /** Whether the user has ended the future, or is about to. */
  final boolean isUnwanted() {
    return ending != null || future.isDone();
  }

  /** What to call it in messages. */
  final String name() {
    return future.name();
  }

  final List<Integer> lostWith() {
    return lostWith == null ? List.of() : List.copyOf(lostWith);
  }

  final void lostWith(int rank) {
    if (lostWith == null) {
      lostWith = new ArrayList<>(1);
    }
    lostWith.add(rank);
  }

  @Override
  public final void aboutToEnd(boolean interrupt, Runnable how) {
    owner.aboutToEnd(this, interrupt, how);
  }

  @Override
  public final void end(Runnable how) {
    owner.end(this, how);
  }
}
