package dev.mpipool.dispatch;

import dev.mpipool.wire.Entry;
import dev.mpipool.wire.EntryKind;
import dev.mpipool.wire.SharedValue;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Brings tasks and workers together: who gets the next one, who gives some back, for whom workers
 * are kept. Belongs to the {@link Dispatcher}, and is guarded by its lock: every method is called
 * with it held.
 */
final class Handout {

  /** A task is not called back from a worker that will begin it sooner. */
  private static final long RECALL_NANOS = TimeUnit.MICROSECONDS.toNanos(300);

  /** To look at one worker for work takes some nanoseconds: that is to be a small part of all. */
  private static final long LOOK_NANOS = 250;

  /** A chunk is to take less than this. */
  private static final long CHUNK_RECALL_NANOS = TimeUnit.MILLISECONDS.toNanos(3);

  private final ReentrantLock lock;
  private final Map<Integer, WorkerState> workers;
  private final ArrayDeque<TaskFuture<?>> queue;
  private final CompletionRelay relay;
  private final Dispatcher.Outbox outbox;
  private final Lineup lineup = new Lineup();
  final CalledBack calledBack;

  /** How many tasks workers hold. */
  int held;

  /** Whether what is handed out now is sent by this thread, which finds the workers idle. */
  boolean flushing;

  /** The group whose turn it is, while workers are kept for it. */
  Gang<?> gathering;

  /** Tasks in the queue that have become unwanted since it was last cleared of them. */
  int unwantedQueued;

  /** Nothing is handed out any more. */
  boolean stopped;

  /** What comes back is dropped and not given to another worker. */
  boolean dropping;

  /** How many tasks workers hold that they have not begun. */
  private int unstarted;

  /** How many chunks of batches workers hold. */
  private int chunks;

  private boolean lookingForWork;
  private long lastId;

  Handout(
      ReentrantLock lock,
      Map<Integer, WorkerState> workers,
      ArrayDeque<TaskFuture<?>> queue,
      CompletionRelay relay,
      Dispatcher.Outbox outbox) {
    this.lock = lock;
    this.workers = workers;
    this.queue = queue;
    this.relay = relay;
    this.outbox = outbox;
    this.calledBack = new CalledBack(lock, workers.values());
  }

  /** Gives tasks to workers while there are both. */
  void handOut() {
    while (!stopped && (gathering != null || !queue.isEmpty())) {
      if (gathering != null) {
        if (!gather()) {
          rebalance();
          return;
        }
        continue;
      }
      WorkerState worker = lineup.next(outbox.waiting());
      if (worker == null) {
        return;
      }
      TaskFuture<?> future = nextWanted();
      if (future != null && future.gang() == null) {
        assign(worker, future);
      } else if (future != null) {
        gathering = future.gang();
      }
      lineUp(worker);
    }
    if (!stopped) {
      rebalance();
    }
  }

  /**
   * Keeps workers for the group whose turn it is, and begins its task when they are enough.
   *
   * @return whether it has begun
   */
  private boolean gather() {
    Gang<?> gang = gathering;
    if (isUnwanted(gang.first())) {
      stopGathering();
      return true;
    }
    while (gang.gathered.size() < gang.size()) {
      WorkerState worker = lineup.nextFree();
      if (worker == null) {
        return false;
      }
      worker.reserved = true;
      gang.gathered.add(worker);
    }
    List<WorkerState> members = List.copyOf(gang.gathered);
    List<? extends TaskFuture<?>> tasks = gang.membersOn(members);
    for (int i = 0; i < members.size(); i++) {
      assign(members.get(i), tasks.get(i));
    }
    stopGathering();
    return true;
  }

  /**
   * The queue has run dry: if a worker has nothing to do, soon some is found for it. Not now: most
   * often more is submitted meanwhile, and to look at all workers at every answer would be dear.
   */
  private void rebalance() {
    boolean wanted = gathering != null || lineup.hasFree();
    if ((unstarted > 0 || chunks > 0) && !lookingForWork && wanted) {
      lookingForWork = true;
      long delay = RECALL_NANOS + LOOK_NANOS * workers.size();
      CompletableFuture.delayedExecutor(delay, TimeUnit.NANOSECONDS, Runnable::run)
          .execute(this::findWork);
    }
  }

  private void findWork() {
    lock.lock();
    try {
      lookingForWork = false;
      if (!stopped && (gathering != null || (queue.isEmpty() && lineup.hasFree()))) {
        recallFromFullest();
        rebalance();
      }
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
    int wanted = gathering == null ? lineup.free() : gathering.size();
    for (WorkerState worker : workers.values()) {
      if (wanted == 0) {
        return;
      }
      if (worker.recalls > 0 || !worker.alive) {
        continue;
      }
      long silent = now - worker.lastSign;
      if (worker.unstarted() > 0
          && (silent > RECALL_NANOS || worker.unstartedNanos() > RECALL_NANOS)) {
        recall(worker, gathering == null ? (worker.unstarted() + 1) / 2 : worker.unstarted());
        wanted--;
      } else if (unstarted == 0 && silent > CHUNK_RECALL_NANOS && worker.holdsDivisibleChunk()) {
        recall(worker, 0);
        wanted--;
      }
    }
  }

  /** Asks a worker for tasks that it has not begun; it answers, even if there are none. */
  void recall(WorkerState worker, int most) {
    worker.recalls++;
    ByteBuffer body = ByteBuffer.allocate(Integer.BYTES).putInt(most).flip();
    outbox.post(worker.rank, new Entry(EntryKind.RECALL, 0, body));
  }

  /** Gives the workers back that are kept for a group. */
  void stopGathering() {
    List<WorkerState> kept = List.copyOf(gathering.gathered);
    gathering.gathered.clear();
    gathering = null;
    kept.forEach(worker -> worker.reserved = false);
    kept.forEach(this::lineUp);
  }

  private void assign(WorkerState worker, TaskFuture<?> future) {
    if (worker.tasks.isEmpty()) {
      worker.lastSign = System.nanoTime();
    }
    future.worker = worker;
    future.id = ++lastId;
    worker.tasks.add(future.id, future);
    if (future.needs() != null) {
      give(worker, future.needs());
    }
    held++;
    unstarted += worker.tasks.size() > worker.threads ? 1 : 0;
    chunks += future instanceof ChunkFuture ? 1 : 0;
    Entry entry = new Entry(future.kind(), future.id, future.encoded);
    if (flushing) {
      outbox.postForFlush(worker.rank, entry);
    } else {
      outbox.post(worker.rank, entry);
    }
  }

  private TaskFuture<?> nextWanted() {
    TaskFuture<?> future = queue.poll();
    while (future != null && isUnwanted(future)) {
      future = queue.poll();
    }
    return future;
  }

  /**
   * Gives a worker what is for it alone, and lists it if it can take still more and is not kept for
   * a group: a group has each worker once.
   */
  void lineUp(WorkerState worker) {
    while (worker.hasFreeThread() && !worker.pinned.isEmpty() && !stopped) {
      TaskFuture<?> future = worker.pinned.poll();
      if (!isUnwanted(future)) {
        assign(worker, future);
      }
    }
    lineup.add(worker);
  }

  /** Whether a queued task is no longer wanted; sees to it that its future will be done. */
  boolean isUnwanted(TaskFuture<?> future) {
    if (future.ending != null && !future.isDone()) {
      relay.add(List.of(new CompletionRelay.Item(future, future.ending)));
    }
    return future.ending != null || future.isDone();
  }

  /** A worker does not hold this task any more; null if it did not. */
  TaskFuture<?> take(WorkerState worker, long id) {
    TaskFuture<?> future = worker.tasks.take(id);
    if (future != null) {
      future.worker = null;
      held--;
      unstarted -= worker.tasks.size() >= worker.threads ? 1 : 0;
      chunks -= future instanceof ChunkFuture ? 1 : 0;
    }
    return future;
  }

  /** A worker has given tasks back. They go to the head of the queue, in their order. */
  void returned(WorkerState worker, ByteBuffer numbers) {
    worker.recalls = Math.max(0, worker.recalls - 1);
    worker.gaveBack = true;
    while (numbers.remaining() >= Long.BYTES) {
      TaskFuture<?> future = take(worker, numbers.getLong());
      if (future != null) {
        if (dropping) {
          calledBack.add(future);
          relay.add(List.of(new CompletionRelay.Item(future, future::drop)));
        } else if (future.isPinned()) {
          worker.pinned.addFirst(future);
        } else {
          queue.addFirst(future);
        }
      }
    }
  }

  /** Tells a worker that nobody waits for a task it holds. */
  void cancel(TaskFuture<?> future, boolean interrupt) {
    byte[] body = {(byte) (interrupt ? 1 : 0)};
    outbox.post(future.worker.rank, new Entry(EntryKind.CANCEL, future.id, ByteBuffer.wrap(body)));
  }

  void give(WorkerState worker, SharedValue value) {
    if (worker.lastShared == value.number()) {
      return;
    }
    worker.lastShared = value.number();
    if (worker.shared.add(value.number())) {
      outbox.post(worker.rank, new Entry(EntryKind.SHARE, value.number(), value.encoded()));
    }
  }

  /** A worker holds nothing any more; what it held, in order. */
  List<TaskFuture<?>> takeAll(WorkerState worker) {
    List<TaskFuture<?>> all = worker.tasks.inOrder();
    all.forEach(future -> take(worker, future.id));
    return all;
  }
}
