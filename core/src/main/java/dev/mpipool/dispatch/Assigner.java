package dev.mpipool.dispatch;

import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Ring;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.Outbox;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Assigns tasks to workers, recalls unstarted tasks, and reserves workers for groups. Part of the
 * {@link Dispatcher} and guarded by its lock, which callers hold.
 *
 * <p>An {@link OutOfMemoryError} leaves each task queued or in flight and each worker listed. The
 * next call continues, at the latest at the next look of {@link Heartbeats}.
 */
final class Assigner {

  /** A task is not recalled from a worker that will begin it within this time. */
  private static final long RECALL_NANOS = TimeUnit.MICROSECONDS.toNanos(300);

  /**
   * Added per worker to the delay of a search, so that searching stays a small part of the work.
   */
  private static final long LOOK_NANOS = 250;

  /**
   * The most workers that a search recalls tasks from. Of many workers all seem silent when main or
   * the network is behind, and recalls would keep both there.
   */
  private static final int MOST_RECALLS = 64;

  /** A part of a chunk is recalled from a worker that has been silent for longer. */
  private static final long CHUNK_RECALL_NANOS = TimeUnit.MILLISECONDS.toNanos(3);

  private final ReentrantLock lock;
  private final PoolState state;
  private final Workers workers;
  private final Ring<ScheduledTask> queue;
  private final CompletionExecutor completions;
  private final SharedValues shared;
  private final Outbox outbox;
  private final WorkerSelector selector = new WorkerSelector();
  final CalledBack calledBack;

  /** How many tasks are in flight. */
  private int held;

  /** Whether the submitting thread sends the task itself, since all workers are idle. */
  private boolean flushing;

  /** The group for which workers are being reserved, or null. */
  private GroupSubmission<?> gathering;

  /** How many tasks in flight have not begun. */
  private int unstarted;

  /** How many chunks are in flight. */
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
    this.calledBack = new CalledBack(lock, workers);
  }

  /** Called when all workers exist: from now on listing one allocates nothing. */
  void ensureRoom() {
    selector.ensureRoom(workers.size());
  }

  /** Whether no task is in flight. */
  boolean holdsNoTask() {
    return held == 0;
  }

  /** The group for which workers are being reserved, or null. */
  GroupSubmission<?> gathering() {
    return gathering;
  }

  /**
   * As {@link #assignTasks()}.
   *
   * @param flush whether the calling thread sends the tasks itself, once it has released the lock
   */
  void assignTasks(boolean flush) {
    flushing = flush;
    try {
      assignTasks();
    } finally {
      flushing = false;
    }
  }

  /** Assigns tasks as long as there are tasks, workers with room, and memory. */
  void assignTasks() {
    try {
      assignWhilePossible();
    } catch (OutOfMemoryError e) {
      // retried by the next call
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
   * Reserves free workers for the gathering group, and assigns its task when there are enough.
   *
   * @return false if the group still needs workers
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
      failing.failure = e; // the group fails: assigned members would wait for the others
      completions.add(failing);
    }
    stopGathering();
    return true;
  }

  /**
   * If a worker is free, schedules a search for work. Not at once, since usually more tasks are
   * submitted soon, and searching all workers at every answer would be expensive.
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

  /** Repeats assignments that failed for lack of memory. */
  void retryAssignment() {
    lookingForWork = false;
    for (WorkerState worker : workers) {
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
      // retried by the next call
    } finally {
      lock.unlock();
    }
  }

  /**
   * Recalls tasks for free workers: tasks that their workers will not begin soon, or without such
   * tasks, a part of a chunk that takes long.
   */
  private void recallFromFullest() {
    long now = System.nanoTime();
    int wanted = gathering == null ? Math.min(MOST_RECALLS, selector.free()) : gathering.size();
    for (WorkerState worker : workers) {
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
      } else if (chunks > 0 && unstarted == 0 && silent > CHUNK_RECALL_NANOS) {
        ScheduledTask.Chunk chunk = worker.divisibleChunk();
        if (chunk != null) {
          recall(worker, 0);
          chunk.askedToDivide();
          wanted--;
        }
      }
    }
  }

  /** Asks a worker to return unstarted tasks. The worker answers even if it has none. */
  void recall(WorkerState worker, int most) {
    ByteBuffer body = ByteBuffer.allocate(Integer.BYTES).putInt(most).flip();
    outbox.post(worker.rank, new Entry(EntryKind.RECALL, 0, body));
    worker.recall();
  }

  /** Frees the workers that are reserved for the gathering group. */
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

  /** Posts the task, which may fail, before recording it: handling the answer needs the lock. */
  private void assign(WorkerState worker, ScheduledTask task) {
    worker.tasks.ensureRoom();
    if (task.needs != null) {
      shared.give(worker, task.needs);
    }
    Entry entry = new Entry(task.kind, lastId + 1, task.encoded);
    task.encoded.lend();
    if (flushing) {
      outbox.postForFlush(worker.rank, entry);
    } else {
      outbox.post(worker.rank, entry);
    }
    task.worker = worker;
    task.assigned();
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
   * Assigns a worker its pinned tasks, and lists the worker if it has room and is not reserved: a
   * group has each worker once.
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
      // retried by the next call
    }
    selector.add(worker);
  }

  /** Whether a queued task is no longer wanted. If so, its future will be completed. */
  boolean isUnwanted(ScheduledTask task) {
    if (task.ending != null && !task.future.isDone()) {
      completions.add(new CompletionExecutor.Item(task.future, task.ending));
    }
    return task.isUnwanted();
  }

  /** Removes a task from those in flight to a worker; null if it is not among them. */
  ScheduledTask remove(WorkerState worker, long id) {
    ScheduledTask task = worker.tasks.remove(id);
    if (task != null) {
      task.worker = null;
      task.removed();
      held--;
      unstarted -= worker.tasks.size() >= worker.threads ? 1 : 0;
      chunks -= task.isChunk() ? 1 : 0;
    }
    return task;
  }

  /** Fails the future of a task that will not be assigned again. */
  void fail(ScheduledTask task, Throwable failure) {
    completions.add(new CompletionExecutor.Failing(task.future, failure));
    task.encoded = null;
  }

  /** Requeues returned tasks at the head, in their order; if the pool is stopping, cancels them. */
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

  /** Cancels a task on the worker that holds it. */
  void cancel(ScheduledTask task, boolean interrupt) {
    byte[] body = {(byte) (interrupt ? 1 : 0)};
    outbox.post(task.worker.rank, new Entry(EntryKind.CANCEL, task.id, ByteBuffer.wrap(body)));
  }
}
