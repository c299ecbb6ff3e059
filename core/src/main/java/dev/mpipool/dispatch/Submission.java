package dev.mpipool.dispatch;

import dev.mpipool.BrokenExecutorException;
import dev.mpipool.TaskSerializationException;
import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Ring;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.Hello;
import dev.mpipool.protocol.Outbox;
import dev.mpipool.serial.CallCodec;
import dev.mpipool.serial.EncodedCall;
import dev.mpipool.serial.Payload;
import dev.mpipool.serial.SharedValue;
import dev.mpipool.serial.TaskCall;
import dev.mpipool.serial.TaskName;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Accepts tasks: encodes them in the submitting thread, and queues them. Part of the {@link
 * Dispatcher}; each method takes the lock.
 */
final class Submission {

  /** The longest task that submit sends itself; sending a longer one takes too long. */
  private static final int FLUSHED_BYTES = 16 << 10;

  private final CallCodec codec;
  private final ReentrantLock lock;
  private final PoolState state;
  private final Workers workers;
  private final Ring<ScheduledTask> queue;
  private final CompletionExecutor completions;
  private final Assigner assigner;
  private final Membership membership;
  private final SharedValues shared;
  private final PoolEnd end;
  private final ScheduledTask.Owner owner;
  private final Outbox outbox;

  /** The number of the last submission. */
  private int lastNumber;

  Submission(
      SharedState common,
      CallCodec codec,
      Assigner assigner,
      Membership membership,
      SharedValues shared,
      PoolEnd end,
      ScheduledTask.Owner owner) {
    this.codec = codec;
    this.lock = common.lock();
    this.state = common.state();
    this.workers = common.workers();
    this.queue = common.queue();
    this.completions = common.completions();
    this.assigner = assigner;
    this.membership = membership;
    this.shared = shared;
    this.end = end;
    this.owner = owner;
    this.outbox = common.outbox();
  }

  /**
   * Throws an exception unless tasks are accepted. Takes no lock.
   *
   * @throws RejectedExecutionException if the pool is shut down or broken
   */
  void checkAccepting() {
    if (state.isRunning()) {
      return;
    }
    RejectedExecutionException why = state.cause();
    throw why != null
        ? new BrokenExecutorException(why.getMessage(), why.getCause())
        : new RejectedExecutionException("The pool has been shut down and takes no more tasks");
  }

  /** Wraps after 2<sup>31</sup> - 1, long after tasks with the same number are done. */
  private int nextNumber() {
    lastNumber = lastNumber == Integer.MAX_VALUE ? 1 : lastNumber + 1;
    return lastNumber;
  }

  /** Sends every worker its first entry. Takes no lock. */
  void open(TaskCall initializer, int threadsPerWorker, String format)
      throws TaskSerializationException {
    ByteBuffer task =
        initializer == null
            ? ByteBuffer.allocate(0)
            : travelling(initializer.code(), () -> codec.encodeWhole(initializer));
    ByteBuffer body = new Hello(threadsPerWorker, format, task).encode();
    workers.forEach(worker -> outbox.post(worker.rank, new Entry(EntryKind.OPEN, 0, body)));
  }

  private EncodedCall encode(TaskCall call, Object task) throws TaskSerializationException {
    return travelling(task, () -> codec.encode(call));
  }

  private static <T> T travelling(Object task, Callable<T> encoding)
      throws TaskSerializationException {
    try {
      return encoding.call();
    } catch (Throwable e) {
      throw TaskName.cannotTravel(task, e);
    }
  }

  /** Accepts a task, unless it has been submitted before. */
  void submit(TaskFuture<?> future) throws TaskSerializationException {
    checkAccepting();
    TaskCall call = future.call();
    if (call == null) {
      return; // it has been submitted before, and is done
    }
    EncodedCall encoded = encode(call, future.original());
    ScheduledTask task =
        new ScheduledTask(owner, future, EntryKind.TASK, encoded.code(), encoded.payload());
    boolean alone;
    lock.lock();
    try {
      checkAccepting();
      alone = assigner.holdsNoTask() && encoded.payload().length() <= FLUSHED_BYTES;
      if (!future.wasSubmitted()) {
        queue.add(task);
        task.order = nextNumber();
        future.submitted(task, alone);
        assigner.assignTasks(alone);
      }
    } finally {
      lock.unlock();
    }
    if (alone) {
      assert end.isUnlocked() : PoolEnd.LOCKED;
      outbox.flush();
    }
  }

  /** Accepts a task that each living worker is to run once. */
  <T> CompletableFuture<List<T>> submitToAll(TaskCall call, Object original)
      throws TaskSerializationException {
    checkAccepting();
    EncodedCall encoded = encode(call, original);
    List<TaskFuture<T>> futures = new ArrayList<>();
    List<ScheduledTask> tasks = new ArrayList<>();
    lock.lock();
    try {
      checkAccepting();
      List<WorkerState> living = membership.living();
      for (WorkerState worker : living) {
        TaskFuture<T> future = TaskFuture.of(owner, call, original);
        ScheduledTask task =
            new ScheduledTask.Pinned(owner, future, encoded.code(), encoded.payload());
        task.order = nextNumber();
        future.submitted(task, false);
        futures.add(future);
        tasks.add(task);
        worker.pinned.ensureRoom(1);
      }
      ListFuture<T> all = ListFuture.of(futures);
      for (int i = 0; i < living.size(); i++) { // from here on nothing fails
        living.get(i).pinned.add(tasks.get(i));
        assigner.makeAvailable(living.get(i));
      }
      return all;
    } finally {
      lock.unlock();
    }
  }

  /** Accepts a task that several workers are to run together. */
  <T> CompletableFuture<List<T>> submitGroup(int members, TaskCall call, Object original)
      throws TaskSerializationException {
    GroupSubmission<T> group =
        new GroupSubmission<>(owner, members, encode(call, original), call, original);
    lock.lock();
    try {
      checkAccepting();
      ScheduledTask first = group.begin();
      first.order = nextNumber();
      queue.add(first);
      membership.expectGroup(members);
      membership.failGroupsTooLarge();
      assigner.assignTasks();
    } finally {
      lock.unlock();
    }
    return group.future();
  }

  /** Sends a value to every living worker, before any task that is submitted later. */
  void share(SharedValue value) {
    lock.lock();
    try {
      checkAccepting();
      shared.share(value);
    } finally {
      lock.unlock();
    }
  }

  /** Lets a source submit tasks until it is removed, even after a shutdown. */
  void addSource(TaskSource source) {
    lock.lock();
    try {
      checkAccepting();
      end.addSource(source);
    } finally {
      lock.unlock();
    }
  }

  /** Removes a source, which submits no more tasks. */
  void removeSource(TaskSource source) {
    Memory.lock(lock);
    try {
      end.removeSource(source);
    } finally {
      end.unlock();
    }
  }

  /** Makes the record of a chunk, before any other thread can end its future. */
  void prepareChunk(
      TaskFuture<?> future, SharedValue function, Payload encoded, boolean divisible) {
    future.submitted(new ScheduledTask.Chunk(owner, future, function, encoded, divisible), false);
  }

  /** Accepts a prepared chunk of a batch. If the chunk cannot run any more, its future fails. */
  void submitFrom(TaskSource source, TaskFuture<?> future) {
    lock.lock();
    try {
      ScheduledTask task = (ScheduledTask) future.task;
      if (task == null) {
        return; // its future is done
      }
      if (state.isBroken()) {
        assigner.fail(task, state.cause());
        return;
      }
      if (state.isStopping() || !end.hasSource(source)) {
        completions.add(new CompletionExecutor.Item(future, future::drop));
        return;
      }
      queue.add(task);
      task.order = nextNumber();
      assigner.assignTasks();
    } finally {
      lock.unlock();
    }
  }
}
