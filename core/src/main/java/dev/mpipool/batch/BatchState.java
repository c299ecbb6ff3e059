package dev.mpipool.batch;

import dev.mpipool.memory.Memory;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The state of a batch, and the waits for its changes. It has two parts: the {@linkplain Phase
 * phase}, which only moves forward, and the {@link Demand}, what the user wants.
 *
 * <pre>
 *            exhaust    stop     drop      last answer      cacheClosed
 * TAKING     EXHAUSTED  STOPPED  DROPPING  .                (never)
 * EXHAUSTED  .          .        DROPPING  CLOSING or OVER  (never)
 * STOPPED    .          .        DROPPING  CLOSING or OVER  (never)
 * DROPPING   .          .        .         CLOSING or OVER  (never)
 * CLOSING    .          .        .         (never)          OVER
 * OVER       .          .        .         (never)          .
 * </pre>
 *
 * <p>"Last answer" is when no chunk is under way; a batch of which nothing is under way passes on
 * at once. A batch without a cache is OVER then. The thread that is told of this by {@link
 * #answered} or {@link #finish} is the only one, and lets go of what the batch has.
 *
 * <p>All is guarded by one lock, which each method takes once; neither the dispatcher nor user code
 * is called while it is held.
 */
final class BatchState {

  /** The phases, in the order in which a batch can pass through them. */
  enum Phase {
    /** Elements are taken from the source. */
    TAKING,

    /** The source has no more; chunks are under way. */
    EXHAUSTED,

    /** No more elements are taken, for a reason; chunks are under way, and still count. */
    STOPPED,

    /**
     * No more elements are taken, for a reason, and the chunks that are under way are cancelled.
     */
    DROPPING,

    /** Everything is answered; the cache is being closed. */
    CLOSING,

    /** Everything is answered, and another batch may have the cache. */
    OVER
  }

  private final ChunkSizer sizer;
  private final boolean cached;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final BatchResults results = new BatchResults();
  private Demand demand = Demand.UNREAD;

  // written with the lock held, and read by any thread

  private volatile Phase phase = Phase.TAKING;

  /** Why the batch has ended early, or null. Set before the phase. */
  private volatile Throwable reason;

  /** The size of chunks for the time that elements take. */
  private volatile int chunkSize = ChunkSizer.FIRST_SIZE;

  private volatile int taskThreads = 1;

  BatchState(ChunkSizer sizer, boolean cached) {
    this.sizer = sizer;
    this.cached = cached;
  }

  // ---- how far it is

  boolean isTaking() {
    return phase == Phase.TAKING;
  }

  boolean isOver() {
    return phase == Phase.OVER;
  }

  /** Why the batch has ended early; null if it has not. */
  Throwable reason() {
    return reason;
  }

  /** How many tasks the living workers run at a time, at least 1. */
  int taskThreads() {
    return taskThreads;
  }

  void taskThreads(int threads) {
    taskThreads = Math.max(1, threads);
  }

  /** How many elements the next chunk has. */
  int chunkSize(long before) {
    return sizer.size(chunkSize, before, taskThreads);
  }

  /** Whether workers have nothing to do, or will soon, while elements may come. */
  boolean isShortOfWork() {
    Memory.lock(lock);
    try {
      return results.underWay() < taskThreads
          && phase != Phase.EXHAUSTED
          && phase.compareTo(Phase.CLOSING) < 0;
    } finally {
      lock.unlock();
    }
  }

  // ---- room

  /** How many elements may be taken now, so many having been taken before. */
  long room(long taken) {
    lock.lock();
    try {
      return roomNow(taken);
    } finally {
      lock.unlock();
    }
  }

  private long roomNow(long taken) {
    long gone = demand.isToEnd() ? results.completed() : results.consumed();
    return Math.max(0, sizer.ahead(chunkSize, taskThreads) - (taken - gone));
  }

  /**
   * Waits for room, or for the end.
   *
   * @return 0 if the wait may take for ever, and needs no thread: the feeder is parked
   */
  long awaitRoom(long taken) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (isTaking() && roomNow(taken) == 0) {
        if (demand == Demand.UNREACHABLE) {
          demand = Demand.PARKED;
          return 0;
        }
        changed.await();
      }
      return Math.max(1, roomNow(taken));
    } finally {
      lock.unlock();
    }
  }

  // ---- chunks

  /**
   * Adds chunks that are about to be submitted.
   *
   * @return false if they are not wanted any more
   */
  boolean begin(Part part, List<ChunkFuture> futures) {
    lock.lock();
    try {
      boolean wanted = phase.compareTo(Phase.DROPPING) < 0;
      if (wanted) {
        results.begin(part, futures);
      }
      return wanted;
    } finally {
      lock.unlock();
    }
  }

  /** Adds elements whose outcomes are known. */
  void addDone(Part part) {
    lock.lock();
    try {
      results.addDone(part, demand.keepsResults());
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /**
   * A chunk is answered.
   *
   * @param done how many of its elements a worker has run
   * @return whether it was the last, and the calling thread has to let go of what the batch has
   */
  boolean answered(Part part, ChunkFuture future, int done) {
    Memory.lock(lock);
    try {
      results.answered(part, future, demand.keepsResults());
      if (done > 0) {
        chunkSize = ChunkSizer.adapted(chunkSize, future.nanos() / done);
      }
      changed.signalAll();
      return finishNow();
    } finally {
      lock.unlock();
    }
  }

  // ---- the end

  /**
   * Takes no more elements.
   *
   * @param next the phase: EXHAUSTED, STOPPED or DROPPING
   * @param why the reason, or null; the first counts
   * @return the chunks that are to be cancelled; null if the batch has been as far before
   */
  List<ChunkFuture> end(Phase next, Throwable why) {
    lock.lock();
    try {
      if (next.compareTo(phase) <= 0 || (next == Phase.STOPPED && phase == Phase.EXHAUSTED)) {
        return null;
      }
      List<ChunkFuture> dropped =
          next == Phase.DROPPING ? results.chunksUnderWay() : List.of(); // from here nothing fails
      if (reason == null) {
        reason = why;
      }
      phase = next;
      changed.signalAll();
      return dropped;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Finishes the batch if no more elements are taken and nothing is under way.
   *
   * @return whether the calling thread has to let go of what the batch has
   */
  boolean finish() {
    Memory.lock(lock);
    try {
      return finishNow();
    } finally {
      lock.unlock();
    }
  }

  private boolean finishNow() {
    if (isTaking() || phase.compareTo(Phase.CLOSING) >= 0 || results.underWay() > 0) {
      return false;
    }
    phase = cached ? Phase.CLOSING : Phase.OVER;
    changed.signalAll();
    return true;
  }

  /** Another batch may have the cache. */
  void cacheClosed() {
    Memory.lock(lock);
    try {
      phase = Phase.OVER;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  // ---- what the user wants

  /**
   * There is a consumer from now on.
   *
   * @return false if there was one before
   */
  boolean consume() {
    lock.lock();
    try {
      boolean first = !demand.isConsumed();
      demand = demand.consume();
      return first;
    } finally {
      lock.unlock();
    }
  }

  void runToEnd() {
    lock.lock();
    try {
      want(demand.runToEnd());
    } finally {
      lock.unlock();
    }
  }

  /** Whether no more elements will be taken; asked by the user. */
  boolean askSubmitted() {
    lock.lock();
    try {
      want(demand.ask());
      return !isTaking();
    } finally {
      lock.unlock();
    }
  }

  /** Whether the batch is over; asked by the user. */
  boolean askOver() {
    lock.lock();
    try {
      want(demand.ask());
      return isOver();
    } finally {
      lock.unlock();
    }
  }

  private void want(Demand next) {
    if (next != demand) {
      demand = next;
      changed.signalAll();
    }
  }

  /**
   * The results cannot be reached any more.
   *
   * @param mayBeEndless whether the number of elements is unknown
   * @return false if there is a consumer, and the batch has to be dropped
   */
  boolean abandon(boolean mayBeEndless) {
    lock.lock();
    try {
      if (demand.isConsumed()) {
        return false;
      }
      want(demand.abandon(mayBeEndless));
      results.discard();
      return true;
    } finally {
      lock.unlock();
    }
  }

  /**
   * The pool is shut down.
   *
   * @return what was wanted before. If that {@linkplain Demand#isConsumed has a consumer}, the
   *     batch has to be stopped; if the feeder was parked, it has to be started.
   */
  Demand shutDown() {
    lock.lock();
    try {
      Demand before = demand;
      want(demand.shutDown());
      return before;
    } finally {
      lock.unlock();
    }
  }

  /** The feeder that was parked could not be started. */
  void parkAgain() {
    Memory.lock(lock);
    try {
      demand = Demand.PARKED;
    } finally {
      lock.unlock();
    }
  }

  // ---- the consumer

  /**
   * Waits for more of the results.
   *
   * @return for each element its value or a {@link Failed}; null at the end
   */
  Object[] take(boolean ordered, int before) throws BatchEndedException, InterruptedException {
    lock.lock();
    try {
      results.addConsumed(before);
      if (before > 0) {
        changed.signalAll();
      }
      while (true) {
        Part part = results.next(ordered);
        if (part != null) {
          return part.outcomes;
        }
        if (isOver() && results.isEmpty(ordered)) {
          if (reason != null) {
            throw new BatchEndedException(reason);
          }
          return null;
        }
        changed.await();
      }
    } finally {
      lock.unlock();
    }
  }

  long takenFrom() {
    lock.lock();
    try {
      return results.takenFrom();
    } finally {
      lock.unlock();
    }
  }

  /** Waits until the batch is over; false if that takes longer. */
  boolean awaitOver(long nanos) throws InterruptedException {
    long rest = nanos;
    lock.lockInterruptibly();
    try {
      while (!isOver()) {
        if (rest <= 0) {
          return false;
        }
        rest = changed.awaitNanos(rest);
      }
      return true;
    } finally {
      lock.unlock();
    }
  }
}
