package dev.mpipool.dispatch;

import dev.mpipool.protocol.EntryKind;
import dev.mpipool.serial.Payload;
import dev.mpipool.serial.SharedValue;
import dev.mpipool.serial.TaskCall;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The dispatcher's record of a submitted task: its encoded form, the worker that has it, and the
 * workers lost with it. The user's {@link TaskFuture} informs this record when the user cancels or
 * completes the future.
 *
 * <p>A task is in one place at most: queued, pinned to a worker, or in flight. All state is guarded
 * by the dispatcher's lock.
 */
class ScheduledTask implements TaskFuture.Listener {

  /** The dispatcher, as tasks and groups see it. */
  interface Owner {

    /** Drops or cancels a task whose future the user is about to complete by {@code ending}. */
    void aboutToEnd(ScheduledTask task, boolean interrupt, Runnable ending);

    /** Completes the task's future by {@code ending}, and interrupts the task if it runs. */
    void end(ScheduledTask task, Runnable ending);

    /** Cancels a task on the worker that has it. Called with the lock held. */
    void cancel(ScheduledTask task, boolean interrupt);

    /** Guards the state of tasks and groups; must be released by {@link #unlock}. */
    ReentrantLock lock();

    /** Releases the lock, and then runs the effects of what happened under it. */
    void unlock();
  }

  private final Owner owner;
  final TaskFuture<?> future;

  /** The kind of entry in which the task is sent. */
  final EntryKind kind;

  /** The shared value that a worker needs to run the task, or null. */
  final SharedValue needs;

  /** The encoded task; null once it will not be sent again. */
  Payload encoded;

  /** The worker that has the task, or null. */
  WorkerState worker;

  /** The number of the current attempt. */
  long id;

  /** The place in the order of submissions. */
  int order;

  /** Completes the future as the user has decided; any thread may run it. Null if still wanted. */
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

  /** A task for one worker only; it fails if that worker is lost. */
  static final class Pinned extends ScheduledTask {

    Pinned(Owner owner, TaskFuture<?> future, SharedValue needs, Payload encoded) {
      super(owner, future, EntryKind.TASK, needs, encoded);
    }

    @Override
    boolean isPinned() {
      return true;
    }

    @Override
    Object request() {
      TaskCall call = future.call();
      return call == null ? this : call; // null once the future is done
    }

    @Override
    int maxAttempts(int usual) {
      return 1;
    }
  }

  /** A chunk of a batch. */
  static final class Chunk extends ScheduledTask {

    /** Whether the worker can return a part of it, and has not been asked to. */
    private boolean divisible;

    Chunk(
        Owner owner, TaskFuture<?> future, SharedValue needs, Payload encoded, boolean divisible) {
      super(owner, future, EntryKind.CHUNK, needs, encoded);
      this.divisible = divisible;
    }

    boolean isDivisible() {
      return divisible;
    }

    /** Records that the worker has been asked to return a part. */
    void askedToDivide() {
      divisible = false;
    }
  }

  /** Whether it is for one worker only. */
  boolean isPinned() {
    return false;
  }

  /** The same object for all tasks that a user has submitted at once, and gets one future for. */
  Object request() {
    return this;
  }

  /** The number of lost workers at which the task fails. */
  int maxAttempts(int usual) {
    return usual;
  }

  /** Whether it is a chunk of a batch. */
  final boolean isChunk() {
    return kind == EntryKind.CHUNK;
  }

  /** Whether the user has ended the future, or is about to. */
  final boolean isUnwanted() {
    return ending != null || future.isDone();
  }

  /** The name for messages. */
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

  /** It has been assigned to {@link #worker}. */
  void assigned() {}

  /** It is no longer in flight to a worker. */
  void removed() {}

  @Override
  public final void aboutToEnd(boolean interrupt, Runnable how) {
    owner.aboutToEnd(this, interrupt, how);
  }

  @Override
  public final void end(Runnable how) {
    owner.end(this, how);
  }
}
