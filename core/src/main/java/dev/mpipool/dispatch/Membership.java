package dev.mpipool.dispatch;

import dev.mpipool.BrokenExecutorException;
import dev.mpipool.WorkerLostException;
import dev.mpipool.memory.Ring;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.Outbox;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.IntToLongFunction;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which workers belong to the pool. Removes lost workers, excludes those that are silent or violate
 * the protocol, and requeues or fails their tasks. Part of the {@link Dispatcher} and guarded by
 * its lock, which callers hold.
 *
 * <p>A loss is handled in steps. After an {@link OutOfMemoryError} the remaining tasks are still in
 * flight to the worker; repeating the call, or else the next heartbeat look, continues with them.
 */
final class Membership {

  private static final Logger LOG = LoggerFactory.getLogger(Membership.class);

  private final int maxAttempts;
  private final boolean survivesLostWorkers;
  private final PoolState state;
  private final Workers workers;
  private final Ring<ScheduledTask> queue;
  private final Assigner assigner;
  private final Outbox outbox;

  /** How many workers are lost or have left. */
  private int gone;

  /** The most workers that any group has needed; with as many left, no group is too large. */
  private int largestGroup;

  /** Null until {@link #watch}. */
  private Heartbeats heartbeats;

  Membership(SharedState common, int maxAttempts, boolean survivesLostWorkers, Assigner assigner) {
    this.maxAttempts = maxAttempts;
    this.survivesLostWorkers = survivesLostWorkers;
    this.state = common.state();
    this.workers = common.workers();
    this.queue = common.queue();
    this.assigner = assigner;
    this.outbox = common.outbox();
  }

  /** The living worker with this rank, or null. */
  WorkerState living(int rank) {
    WorkerState worker = workers.get(rank);
    return worker != null && worker.isAlive() ? worker : null;
  }

  List<WorkerState> living() {
    return workers.stream().filter(WorkerState::isAlive).toList();
  }

  int count(Predicate<WorkerState> which) {
    int count = 0;
    for (WorkerState worker : workers) {
      count += which.test(worker) ? 1 : 0;
    }
    return count;
  }

  /** The number of living workers. */
  int size() {
    return workers.size() - gone;
  }

  /** Records that a worker has left, or that nothing more is expected of it. */
  void leave(WorkerState worker) {
    gone += worker.isAlive() ? 1 : 0;
    worker.leave();
  }

  /** Whether no worker has a task in flight or a pinned task. */
  boolean isIdle() {
    return workers.stream().allMatch(WorkerState::isIdle);
  }

  /** Tells each living worker to leave, once. */
  void release() {
    for (WorkerState worker : workers) {
      if (worker.isAlive()) {
        release(worker);
      }
    }
  }

  private void release(WorkerState worker) {
    if (!worker.isToldToLeave()) {
      outbox.post(worker.rank, new Entry(EntryKind.RELEASE, 0));
      worker.tellToLeave();
    }
  }

  /** Informs each living worker that main ends without having closed the pool. */
  void abandon() {
    living().forEach(worker -> outbox.post(worker.rank, new Entry(EntryKind.ABANDON, 0)));
  }

  /** Stops the heartbeats and expects no more messages; workers of a broken pool may still run. */
  void end() {
    if (heartbeats != null) {
      heartbeats.stop();
    }
    workers.forEach(this::leave);
  }

  /** Records that an excluded worker has acknowledged that it left, or is known to be dead. */
  void hasLeft(int rank) {
    WorkerState worker = workers.get(rank);
    if (worker != null) {
      worker.hasLeft();
    }
  }

  /**
   * Handles the loss of a worker: its tasks are requeued or fail. Breaks the pool if it cannot go
   * on without this worker. Ignores other ranks.
   */
  void lose(int rank, String reason) {
    WorkerState worker = workers.get(rank);
    if (worker == null || (!worker.isAlive() && worker.lossReason() == null)) {
      hasLeft(rank); // if it was excluded, it is known to be dead now
      return;
    }
    if (worker.isAlive()) {
      LOG.warn("Worker rank {} was lost: {}", rank, reason);
      worker.lose(reason);
      gone++;
    }
    if (assigner.gathering() != null && worker.isReserved()) {
      assigner.gathering().gathered.remove(worker);
    }
    for (ScheduledTask task = worker.pinned.peekLast();
        task != null;
        task = worker.pinned.peekLast()) {
      requeueOrFail(task, rank, reason);
      worker.pinned.pollLast();
    }
    List<ScheduledTask> held = worker.tasks.inOrder();
    queue.ensureRoom(held.size());
    for (int i = held.size() - 1; i >= 0; i--) {
      requeueOrFail(held.get(i), rank, reason);
      assigner.remove(worker, held.get(i).id);
    }
    failGroupsTooLarge();
    breakIfNeeded(rank, reason);
    worker.lossHandled();
  }

  private void breakIfNeeded(int rank, String reason) {
    if (!survivesLostWorkers) {
      breakDown(
          "Rank %d was lost, and the ranks cannot go on without it: %s".formatted(rank, reason),
          null);
    } else if (size() == 0 && !state.isReleased()) {
      breakDown("No worker is left; the last, rank %d, was lost: %s".formatted(rank, reason), null);
    }
  }

  /** Breaks the pool: from here on no task is accepted or assigned. */
  void breakDown(String why, Throwable cause) {
    if (!state.isBroken()) {
      state.breakDown(new BrokenExecutorException(why, cause));
      LOG.debug("The pool is broken: {}", why, cause);
    }
  }

  /** Treats a worker that may still be alive as lost from now on. Ignores other ranks. */
  void exclude(int rank, String reason) {
    WorkerState worker = workers.get(rank);
    if (worker == null || (!worker.isAlive() && worker.lossReason() == null)) {
      return;
    }
    if (worker.isAlive()) { // else an earlier call began this
      worker.exclude();
      release(worker);
      worker.attempts().forEach(attempt -> tellGroup(attempt, worker));
    }
    lose(rank, reason); // from here on nothing may be sent to it
  }

  /**
   * Has the other members of a group wait no longer for messages of an excluded one, which their
   * transport does not report. Also if that one has answered: its last messages may be lost. After
   * the first exclusion no member waits any more, so each is told once, however many are excluded.
   * Workers outside the group do not need to know.
   */
  private void tellGroup(GroupAttempt attempt, WorkerState excluded) {
    if (attempt.isOver() || attempt.isToldOfExclusion()) {
      return;
    }
    for (int rank : attempt.ranks()) {
      WorkerState other = workers.get(rank);
      if (other.isAlive() && other != excluded) {
        outbox.post(rank, new Entry(EntryKind.EXCLUDED, excluded.rank));
      }
    }
    attempt.toldOfExclusion();
  }

  /** Requeues or fails a task of a lost worker; the caller then removes it from that worker. */
  private void requeueOrFail(ScheduledTask task, int rank, String reason) {
    if (!task.lostWith().contains(rank)) { // else an earlier call began this
      task.lostWith(rank);
    }
    GroupSubmission.Member<?> member = task instanceof GroupSubmission.Member<?> one ? one : null;
    if (member != null && !member.counts()) {
      return;
    }
    boolean again =
        !state.isStopping()
            && task.lostWith().size() < task.maxAttempts(maxAttempts)
            && survivesLostWorkers;
    if (again) {
      queue.addFirst(member == null ? task : member.beginAgain());
    } else {
      String what =
          "The task %s was lost with rank %s: %s"
              .formatted(task.name(), ranks(task.lostWith()), reason);
      assigner.fail(task, new WorkerLostException(what, task.lostWith()));
    }
  }

  private static String ranks(List<Integer> ranks) {
    return String.join(", ", ranks.stream().map(String::valueOf).toList());
  }

  /** Announces a group that needs so many workers. */
  void expectGroup(int members) {
    largestGroup = Math.max(largestGroup, members);
  }

  /** Fails groups that need more workers than are left, and would wait for ever. */
  void failGroupsTooLarge() {
    int living = size();
    if (living >= largestGroup) {
      return; // without a look at the whole queue for each of many losses
    }
    if (assigner.gathering() != null && assigner.gathering().size() > living) {
      failTooLarge(assigner.gathering(), assigner.gathering().first(), living);
      assigner.stopGathering();
    }
    List<ScheduledTask> impossible =
        queue.stream()
            .filter(
                task -> {
                  GroupSubmission<?> group = GroupSubmission.waitingIn(task);
                  return group != null && group.size() > living;
                })
            .toList();
    for (ScheduledTask task : impossible) {
      failTooLarge(GroupSubmission.waitingIn(task), task, living);
      queue.remove(task);
    }
  }

  private void failTooLarge(GroupSubmission<?> group, ScheduledTask first, int living) {
    String what =
        "The task %s needs %d workers, and %d are left"
            .formatted(first.name(), group.size(), living);
    assigner.fail(first, new WorkerLostException(what, first.lostWith()));
  }

  /**
   * Starts the heartbeats.
   *
   * @param timeout how long a worker may be silent
   * @param lastProgress when a part of a message last came from a rank or was accepted by it, by
   *     {@link System#nanoTime}; 0 if unknown
   * @param look called ten times per timeout, without the lock; returns whether to look again
   */
  void watch(Duration timeout, IntToLongFunction lastProgress, BooleanSupplier look) {
    long nanos = TimeUnit.NANOSECONDS.convert(timeout);
    heartbeats = new Heartbeats(care(lastProgress), nanos, System::nanoTime);
    heartbeats.start(look);
  }

  /** Excludes silent workers, and continues with losses that ran out of memory. */
  void excludeSilent(String reason) {
    for (WorkerState worker : workers) {
      if (worker.lossReason() != null) {
        lose(worker.rank, worker.lossReason());
      }
    }
    for (WorkerState worker : heartbeats.look()) {
      exclude(worker.rank, reason);
    }
  }

  /** Has idle workers give up the room for the many tasks they once had. */
  void trim() {
    workers.forEach(worker -> worker.tasks.trim());
  }

  private Heartbeats.Care care(IntToLongFunction lastProgress) {
    return new Heartbeats.Care() {
      @Override
      public List<WorkerState> living() {
        return Membership.this.living();
      }

      @Override
      public long lastHeard(WorkerState worker) {
        long progress = lastProgress.applyAsLong(worker.rank);
        boolean later = progress != 0 && progress - worker.lastHeard() > 0;
        return later ? progress : worker.lastHeard();
      }

      @Override
      public void ping(WorkerState worker) {
        outbox.post(worker.rank, new Entry(EntryKind.PING, 0));
      }
    };
  }
}
