package dev.mpipool.shared;

import dev.mpipool.comm.Communicator;
import dev.mpipool.memory.Uninterruptibles;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;

/**
 * A mutex over the ranks of a communicator: one thread of one rank holds it at a time. It is
 * granted in the order in which requests reach its keeper, the lowest living rank.
 *
 * <pre>{@code
 * try (MPILock lock = new MPILock(Communicator.world())) {   // on every rank
 *   try (MPILock.Held held = lock.hold()) {
 *     // one rank at a time is here
 *   }
 * }
 * }</pre>
 *
 * <p><b>As any {@link Lock}</b> it is held by a thread; other threads of the same rank queue as
 * those of other ranks do. What a thread did before it unlocked happens before what the next owner
 * in the same JVM does; between processes it is files and messages that have to be in order. It is
 * not reentrant: a thread that locks twice gets an {@link IllegalStateException} rather than
 * waiting for itself. Conditions are not supported.
 *
 * <p><b>When the owner's process dies</b> the next in line gets the lock, and is told: {@code lock}
 * and its kin throw {@link OwnerDiedException} once, <b>with the lock held</b>, and {@link
 * Held#ownerDied} says so. If the keeper dies, it is unknown whether it held the lock: unless a
 * living rank has it, the next owner is told of a death, and requests of different ranks may change
 * places once. A rank that is merely silent keeps the lock. One that leaves its job ({@link
 * dev.mpipool.MPIRuntime#finish}) with the lock held counts as dead here. Under a communicator that
 * does not survive the loss of a rank, waiting threads get a {@link
 * dev.mpipool.comm.RankLostException}.
 *
 * <p><b>Cost.</b> To get a free lock takes a message to the keeper and one back; on the keeper
 * itself none. Waiting costs no CPU time. Each rank has two threads for each lock. Interrupts do
 * not reach the communicator.
 *
 * <p>Making one is collective; any number of locks on the same or on different communicators are
 * independent of each other. All methods may be called by any thread.
 */
public final class MPILock implements Lock, AutoCloseable {

  private final LockService service;
  private final int rank;

  /** The thread that holds the lock, and with which request; written by that thread alone. */
  private volatile Thread owner;

  private LockWaiter request;

  /**
   * Makes a lock. Collective.
   *
   * @param communicator its ranks, or null for this process alone
   */
  public MPILock(Communicator communicator) {
    Communicator own = Agreement.orAlone(communicator).duplicate();
    rank = own.rank();
    service = new LockService(own);
  }

  /**
   * Waits for the lock. An interrupt does not end this; the thread's interrupt status stays.
   *
   * @throws OwnerDiedException with the lock held, if its owner died
   * @throws IllegalStateException if this thread holds it already, or the lock is closed
   */
  @Override
  public void lock() {
    tellOfDeath(acquire());
  }

  /**
   * Waits for the lock, in the form of try-with-resources.
   *
   * @return unlocks when it is closed; tells whether the owner before died, rather than throwing
   * @throws IllegalStateException if this thread holds it already, or the lock is closed
   */
  public Held hold() {
    return new Held(this, acquire() == LockWaiter.Outcome.GRANTED_BY_DEATH);
  }

  /**
   * Waits for the lock, or for an interrupt.
   *
   * @throws InterruptedException if the thread is interrupted; then it does not have the lock
   * @throws OwnerDiedException with the lock held, if its owner died
   * @throws IllegalStateException if this thread holds it already, or the lock is closed
   */
  @Override
  public void lockInterruptibly() throws InterruptedException {
    checkNotOwner();
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
    LockWaiter waiter = service.request(false);
    try {
      waiter.await();
    } catch (InterruptedException e) {
      if (service.cancel(waiter)) {
        throw e;
      }
      Thread.currentThread().interrupt();
    }
    tellOfDeath(own(waiter));
  }

  /**
   * Takes the lock if no rank has it or waits for it. Takes a message to the keeper and back. A
   * lock that was unlocked a moment ago on another rank may still count as held: the keeper has not
   * heard of it yet.
   *
   * @return whether this thread has it now; false also if it had it before
   * @throws OwnerDiedException with the lock held, if its owner died
   * @throws IllegalStateException if the lock is closed
   */
  @Override
  public boolean tryLock() {
    if (isHeldByCurrentThread()) {
      return false;
    }
    LockWaiter waiter = service.request(true);
    Uninterruptibles.await(waiter::await);
    LockWaiter.Outcome outcome = own(waiter);
    tellOfDeath(outcome);
    return outcome != LockWaiter.Outcome.REFUSED;
  }

  /**
   * Waits for the lock, but not longer than a time.
   *
   * @param time how long; if not positive, this does not wait, as {@link #tryLock()}
   * @param unit of the time
   * @return whether this thread has it now; false at once if it had it before
   * @throws InterruptedException if the thread is interrupted; then it does not have the lock
   * @throws OwnerDiedException with the lock held, if its owner died
   * @throws IllegalStateException if the lock is closed
   */
  @Override
  public boolean tryLock(long time, TimeUnit unit) throws InterruptedException {
    long nanos = Objects.requireNonNull(unit, "unit").toNanos(time);
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
    if (nanos <= 0 || isHeldByCurrentThread()) {
      return tryLock();
    }
    LockWaiter waiter = service.request(false);
    try {
      if (!waiter.await(nanos) && service.cancel(waiter)) {
        return false;
      }
    } catch (InterruptedException e) {
      if (service.cancel(waiter)) {
        throw e;
      }
      Thread.currentThread().interrupt();
    }
    tellOfDeath(own(waiter));
    return true;
  }

  /**
   * Gives the lock to the next in line. Does not wait for anything.
   *
   * @throws IllegalMonitorStateException if this thread does not hold it
   * @throws IllegalStateException if the lock is closed, which has unlocked it
   */
  @Override
  public void unlock() {
    if (!isHeldByCurrentThread()) {
      service.checkOpen();
      throw new IllegalMonitorStateException(
          "This thread of rank %d does not hold the lock".formatted(rank));
    }
    LockWaiter ended = request;
    request = null;
    owner = null;
    service.release(ended);
  }

  /**
   * Whether the calling thread holds the lock.
   *
   * @return true between lock and unlock
   */
  public boolean isHeldByCurrentThread() {
    return owner == Thread.currentThread();
  }

  /**
   * Not supported.
   *
   * @return nothing
   * @throws UnsupportedOperationException always
   */
  @Override
  public Condition newCondition() {
    throw new UnsupportedOperationException("A lock over ranks has no conditions");
  }

  /**
   * Closes this rank's part: releases the lock if a thread of this rank has it, and ends waiting
   * threads with an {@link IllegalStateException}. Every rank is to close it. Others can go on
   * using the lock until they do; this waits for them up to five seconds, and then its threads
   * serve the others for as long as it takes.
   */
  @Override
  public void close() {
    service.close();
    owner = null;
  }

  /** Waits through interrupts; the lock is this thread's then. */
  private LockWaiter.Outcome acquire() {
    checkNotOwner();
    LockWaiter waiter = service.request(false);
    Uninterruptibles.await(waiter::await);
    return own(waiter);
  }

  private LockWaiter.Outcome own(LockWaiter waiter) {
    LockWaiter.Outcome outcome = waiter.outcome();
    if (outcome != LockWaiter.Outcome.REFUSED) {
      request = waiter;
      owner = Thread.currentThread();
    }
    return outcome;
  }

  private static void tellOfDeath(LockWaiter.Outcome outcome) {
    if (outcome == LockWaiter.Outcome.GRANTED_BY_DEATH) {
      throw new OwnerDiedException(
          "The lock's owner died, or left its job, without unlocking; this thread holds the lock"
              + " now");
    }
  }

  private void checkNotOwner() {
    if (isHeldByCurrentThread()) {
      throw new IllegalStateException(
          "This thread of rank %d holds the lock already; it is not reentrant".formatted(rank));
    }
  }

  /** The lock, held; closing it unlocks. */
  public static final class Held implements AutoCloseable {

    private final MPILock lock;
    private final boolean ownerDied;
    private boolean unlocked;

    private Held(MPILock lock, boolean ownerDied) {
      this.lock = lock;
      this.ownerDied = ownerDied;
    }

    /**
     * Whether the previous holder died without unlocking.
     *
     * @return true if what the lock protects may be half done
     */
    public boolean ownerDied() {
      return ownerDied;
    }

    /**
     * Unlocks; does nothing when closed already, or when the lock is.
     *
     * @throws IllegalMonitorStateException if the calling thread does not hold the lock
     */
    @Override
    public void close() {
      if (!unlocked && !lock.service.isClosed()) {
        lock.unlock();
        unlocked = true;
      }
    }
  }
}
