package dev.mpipool.dispatch;

import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Ring;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.Outbox;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Brings tasks and workers together: who gets the next one, who gives some back, for whom workers
 * are kept. Belongs to the {@link Dispatcher}, and is guarded by its lock: every method is called
 * with it held.
 *
 * <p>An {@link OutOfMemoryError} leaves everything in its place: a task in the queue or in a
 * worker's books, a worker in its line. What was not done then is done at the next occasion, at the
 * latest when {@link Heartbeats} look.
 */
final class Assigner {

  /** A task is not called back from a worker that will begin it sooner. */
  private static final long RECALL_NANOS = TimeUnit.MICROSECONDS.toNanos(300);

  /** To look at one worker for work takes some nanoseconds: that is to be a small part of all. */
  private static final long LOOK_NANOS = 250;

  /** A chunk is to take less than this. */
  private static final long CHUNK_RECALL_NANOS = TimeUnit.MILLISECONDS.toNanos(3);

  private final ReentrantLock lock;
  private final PoolState state;
  private final Map<Integer, WorkerState> workers;
  private final Ring<ScheduledTask> queue;
  private final CompletionExecutor completions;
  private final SharedValues shared;
  private final Outbox outbox;
  private final WorkerSelector selector = new WorkerSelector();
  final CalledBack calledBack;

  /** How many tasks workers hold. */
  private int held;

  /** Whether what is handed out now is sent by this thread, which finds the workers idle. */
  private boolean flushing;

  /** The group whose turn it is, while workers are kept for it. */
  private GroupSubmission<?> gathering;

  /** How many tasks workers hold that they have not begun. */
  private int unstarted;

  /** How many chunks of batches workers hold. */
  private int chunks;

  private boolean lookingForWork;
  private long lastId;

  Assigner(SharedState common, SharedValues shared) {
    this.lock = common.lock();
    this.state = common.state();
    this.workers = common.workers();
    this.queue = common.queue();
    this.completions = common.completions();
    this.shared = shared;
    this.outbox = common.outbox();
    this.calledBack = new CalledBack(lock, workers.values());
  }

  /** All workers are there: each can be listed without any memory. */
  void ensureRoom() {
    selector.ensureRoom(workers.size());
  }

  boolean holdsNoTask() {
    return held == 0;
  }

  /** The group whose turn it is, while workers are kept for it; else null. */
  GroupSubmission<?> gathering() {
    return gathering;
  }

  /**
   * As {@link #assignTasks()}.
   *
   * @param flush whether the calling thread sends the tasks, as soon as it has released the lock
   */
  void assignTasks(boolean flush) {
    flushing = flush;
    try {
      assignTasks();
    } finally {
      flushing = false;
    }
  }

  /** Gives tasks to workers while there are both, and as long as there is memory to do so. */
  void assignTasks() {
    try {
      assignWhilePossible();
    } catch (OutOfMemoryError e) {
      // the next time
    }
  }

  private void assignWhilePossible() {
    while (!state.isBroken() && (gathering != null || !queue.isEmpty())) {
      if (gathering != null) {
        if (!gather()) {
          rebalance();
          return;
        }
        continue;
      }
      WorkerState worker = selector.next(outbox.waiting(), held == 0);
      if (worker == null) {
        return;
      }
      try {
        dropUnwanted();
        ScheduledTask task = queue.peek();
        GroupSubmission<?> group = task == null ? null : GroupSubmission.waitingIn(task);
        if (group != null) {
          gathering = group;
        } else if (task != null) {
          assign(worker, task);
        }
        queue.poll();
      } finally {
        makeAvailable(worker);
      }
    }
    if (!state.isBroken()) {
      rebalance();
    }
  }

  /**
   * Keeps workers for the group whose turn it is, and begins its task when they are enough.
   *
   * @return whether it has begun
   */
  private boolean gather() {
    GroupSubmission<?> group = gathering;
    if (isUnwanted(group.first())) {
      stopGathering();
      return true;
    }
    while (group.gathered.size() < group.size()) {
      WorkerState worker = selector.nextFree();
      if (worker == null) {
        return false;
      }
      worker.reserve(true);
      group.gathered.add(worker);
    }
    List<WorkerState> members = List.copyOf(group.gathered);
    List<? extends ScheduledTask> tasks = group.membersOn(members);
    CompletionExecutor.Failing failing =
        new CompletionExecutor.Failing(tasks.get(tasks.size() - 1).future, null);
    completions.ensureRoom(1);
    int assigned = 0;
    try {
      while (assigned < members.size()) {
        assign(members.get(assigned), tasks.get(assigned));
        assigned++;
      }
    } catch (OutOfMemoryError e) {
      if (assigned == 0) {
        throw e;
      }
      failing.failure = e; // the group fails, for those that have begun wait for the others
      completions.add(failing);
    }
    stopGathering();
    return true;
  }

  /**
   * The queue has run dry: if a worker has nothing to do, soon some is found for it. Not now: most
   * often more is submitted meanwhile, and to look at all workers at every answer would be dear.
   */
  private void rebalance() {
    boolean wanted = gathering != null || selector.hasFree();
    if ((unstarted > 0 || chunks > 0) && !lookingForWork && wanted) {
      long delay = RECALL_NANOS + LOOK_NANOS * workers.size();
      CompletableFuture.delayedExecutor(delay, TimeUnit.NANOSECONDS, Runnable::run)
          .execute(this::findWork);
      lookingForWork = true;
    }
  }

  /** Does what there was no memory for before. */
  void retryAssignment() {
    lookingForWork = false;
    for (WorkerState worker : workers.values()) {
      makeAvailable(worker);
    }
    assignTasks();
  }

  private void findWork() {
    Memory.lock(lock);
    try {
      lookingForWork = false;
      if (!state.isBroken() && (gathering != null || (queue.isEmpty() && selector.hasFree()))) {
        recallFromFullest();
        rebalance();
      }
    } catch (OutOfMemoryError e) {
      // the next time
    } finally {
      lock.unlock();
    }
  }

  /**
   * Workers without a task get some of those that others hold and will not begin soon; or, if there
   * are none, a part of a chunk that takes long.
   */
  private void recallFromFullest() {
    long now = System.nanoTime();
    int wanted = gathering == null ? selector.free() : gathering.size();
    for (WorkerState worker : workers.values()) {
      if (wanted == 0) {
        return;
      }
      if (worker.isRecalled() || !worker.isAlive()) {
        continue;
      }
      long silent = now - worker.lastSign();
      if (worker.unstarted() > 0
          && (silent > RECALL_NANOS || worker.unstartedNanos() > RECALL_NANOS)) {
        recall(worker, gathering == null ? (worker.unstarted() + 1) / 2 : worker.unstarted());
        wanted--;
      } else if (unstarted == 0 && silent > CHUNK_RECALL_NANOS) {
        ScheduledTask.Chunk chunk = worker.divisibleChunk();
        if (chunk != null) {
          recall(worker, 0);
          chunk.askedToDivide();
          wanted--;
        }
      }
    }
  }

  /** Asks a worker for tasks that it has not begun; it answers, even if there are none. */
  void recall(WorkerState worker, int most) {
    ByteBuffer body = ByteBuffer.allocate(Integer.BYTES).putInt(most).flip();
    outbox.post(worker.rank, new Entry(EntryKind.RECALL, 0, body));
    worker.recall();
  }

  /** Gives the workers back that are kept for a group. */
  void stopGathering() {
    List<WorkerState> kept = gathering.gathered;
    gathering = null;
    for (int i = 0; i < kept.size(); i++) {
      kept.get(i).reserve(false);
    }
    for (int i = 0; i < kept.size(); i++) {
      makeAvailable(kept.get(i));
    }
    kept.clear();
  }

  /**
   * It is posted first, which may fail: the answer cannot be dealt with before the lock is free.
   */
  private void assign(WorkerState worker, ScheduledTask task) {
    worker.tasks.ensureRoom();
    if (task.needs != null) {
      shared.give(worker, task.needs);
    }
    Entry entry = new Entry(task.kind, lastId + 1, task.encoded);
    if (flushing) {
      outbox.postForFlush(worker.rank, entry);
    } else {
      outbox.post(worker.rank, entry);
    }
    task.worker = worker;
    task.id = ++lastId;
    worker.addTask(task.id, task);
    held++;
    unstarted += worker.tasks.size() > worker.threads ? 1 : 0;
    chunks += task.isChunk() ? 1 : 0;
  }

  private void dropUnwanted() {
    for (ScheduledTask task = queue.peek(); task != null; task = queue.peek()) {
      if (!isUnwanted(task)) {
        return;
      }
      queue.poll();
    }
  }

  /**
   * Gives a worker what is for it alone, and lists it if it can take still more and is not kept for
   * a group: a group has each worker once.
   */
  void makeAvailable(WorkerState worker) {
    try {
      while (worker.hasFreeThread() && !worker.pinned.isEmpty() && !state.isBroken()) {
        ScheduledTask task = worker.pinned.peek();
        if (!isUnwanted(task)) {
          assign(worker, task);
        }
        worker.pinned.poll();
      }
    } catch (OutOfMemoryError e) {
      // the next time
    }
    selector.add(worker);
  }

  /** Whether a queued task is no longer wanted; sees to it that its task will be done. */
  boolean isUnwanted(ScheduledTask task) {
    if (task.ending != null && !task.future.isDone()) {
      completions.add(new CompletionExecutor.Item(task.future, task.ending));
    }
    return task.isUnwanted();
  }

  /** A worker does not hold this task any more; null if it did not. */
  ScheduledTask remove(WorkerState worker, long id) {
    ScheduledTask task = worker.tasks.remove(id);
    if (task != null) {
      task.worker = null;
      held--;
      unstarted -= worker.tasks.size() >= worker.threads ? 1 : 0;
      chunks -= task.isChunk() ? 1 : 0;
    }
    return task;
  }

  /** A task that no worker will be given any more: its future fails. */
  void fail(ScheduledTask task, Throwable failure) {
    completions.add(new CompletionExecutor.Failing(task.future, failure));
    task.encoded = null;
  }

  /** A worker has given tasks back. They go to the head of the queue, in their order. */
  void returned(WorkerState worker, ByteBuffer numbers) {
    int most = numbers.remaining() / Long.BYTES;
    queue.ensureRoom(most);
    worker.pinned.ensureRoom(most);
    worker.returned();
    while (numbers.remaining() >= Long.BYTES) {
      long number = numbers.getLong();
      ScheduledTask task = state.isStopping() ? dropped(worker, number) : remove(worker, number);
      if (task != null) {
        if (state.isStopping()) {
          task.encoded = null;
        } else if (task.isPinned()) {
          worker.pinned.addFirst(task);
        } else {
          queue.addFirst(task);
        }
      }
    }
  }

  private ScheduledTask dropped(WorkerState worker, long number) {
    ScheduledTask task = worker.tasks.find(number);
    if (task != null) {
      CompletionExecutor.Item item = new CompletionExecutor.Item(task.future, task.future::drop);
      completions.ensureRoom(1);
      calledBack.add(task);
      completions.add(item);
    }
    return remove(worker, number);
  }

  /** Tells a worker that nobody waits for a task it holds. */
  void cancel(ScheduledTask task, boolean interrupt) {
    byte[] body = {(byte) (interrupt ? 1 : 0)};
    outbox.post(task.worker.rank, new Entry(EntryKind.CANCEL, task.id, ByteBuffer.wrap(body)));
  }
}
