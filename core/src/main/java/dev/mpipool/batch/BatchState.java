package dev.mpipool.batch;

import dev.mpipool.memory.Memory;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The state of a batch, and the waits for its changes. It consists of the {@linkplain Phase phase},
 * which only moves forward, and the user's {@link Demand}. In the table, a dot means no change.
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
 * <p>"Last answer" means that no chunk is in flight any more; without chunks in flight it comes at
 * once. A batch without a cache is then OVER. {@link #answered} or {@link #finish} reports this to
 * exactly one thread, which releases the batch's resources.
 *
 * <p>Guarded by one lock, which each method takes at most once; neither the dispatcher nor user
 * code is called under it.
 */
final class BatchState {

  /** The phases, in the order in which a batch can pass through them. */
  enum Phase {
    /** Elements are taken from the source. */
    TAKING,

    /** The source has no more elements; chunks are in flight. */
    EXHAUSTED,

    /** No more elements are taken, for a reason; chunks are in flight, and still count. */
    STOPPED,

    /** No more elements are taken, for a reason, and the chunks in flight are cancelled. */
    DROPPING,

    /** Everything is answered; the cache is being closed. */
    CLOSING,

    /** Everything is answered, and the cache is closed. */
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

  /** The number of elements per chunk, adapted to the time elements take. */
  private volatile int chunkSize = ChunkSizer.FIRST_SIZE;

  private volatile int taskThreads = 1;

  /** The length of an element of the last chunk; 0 before the first. */
  private volatile int elementBytes;

  BatchState(ChunkSizer sizer, boolean cached) {
    this.sizer = sizer;
    this.cached = cached;
  }

  // ---- the phase

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

  /** Records the length of an encoded chunk, which may have no element for want of memory. */
  void encoded(int bytes, int elements) {
    elementBytes = Math.max(1, bytes / Math.max(1, elements));
  }

  /** The maximum size of the next chunk, after {@code before} elements. */
  int chunkSize(long before) {
    return sizer.size(chunkSize, before, taskThreads);
  }

  /** Whether some task threads have no chunk, while the source is not exhausted. */
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

  /** How many more elements may be taken after {@code taken}. */
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
    return Math.max(0, sizer.ahead(chunkSize, taskThreads, elementBytes) - (taken - gone));
  }

  /**
   * Waits for room, or for the end.
   *
   * @return how many more elements may be taken; 0 if the wait may take for ever: the feeder is
   *     parked
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

  /** Adds a part whose outcomes are known. */
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
   * Records that a chunk is answered.
   *
   * @param done how many of its elements a worker has run
   * @return whether it was the last, and the caller has to release the batch's resources
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
   * @return the chunks to cancel; null if the phase does not change
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
   * Finishes the batch if no more elements are taken and no chunk is in flight.
   *
   * @return whether the calling thread has to release the batch's resources
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

  /** Records that the cache is closed. */
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
   * Registers the consumer.
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

  /** Whether no more elements will be taken. Applies {@link Demand#ask}. */
  boolean askSubmitted() {
    lock.lock();
    try {
      want(demand.ask());
      return !isTaking();
    } finally {
      lock.unlock();
    }
  }

  /** Whether the batch is over. Applies {@link Demand#ask}. */
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
   * Records that the results are unreachable, and discards them.
   *
   * @param mayBeEndless whether the number of elements is unknown
   * @return false if there is a consumer, so that the batch has to be dropped
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
   * Records the shutdown of the pool.
   *
   * @return the demand before. If it {@linkplain Demand#isConsumed has a consumer}, the batch has
   *     to be stopped; if the feeder was parked, it has to be started.
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

  /** Records that the parked feeder could not be started. */
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

  /** Waits until the batch is over; false if that takes longer than {@code nanos}. */
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
