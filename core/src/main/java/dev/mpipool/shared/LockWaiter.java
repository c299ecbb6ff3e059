package dev.mpipool.shared;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** A request for a lock on the side of the thread that waits for it. Decided once. */
final class LockWaiter {

  /** What became of a request. */
  enum Outcome {
    GRANTED,
    GRANTED_BY_DEATH,
    REFUSED,
    FAILED
  }

  final long id;

  /** Whether it is refused when the lock is not free, and never waits. */
  final boolean immediate;

  private final CountDownLatch decided = new CountDownLatch(1);
  private volatile Outcome outcome;
  private RuntimeException failure;

  LockWaiter(long id, boolean immediate) {
    this.id = id;
    this.immediate = immediate;
  }

  void decide(Outcome result) {
    outcome = result;
    decided.countDown();
  }

  void fail(RuntimeException e) {
    failure = e;
    decide(Outcome.FAILED);
  }

  boolean isDecided() {
    return outcome != null;
  }

  /** The decision, when there is one; with the failure thrown in the waiting thread. */
  Outcome outcome() {
    if (outcome == Outcome.FAILED) {
      failure.addSuppressed(new IllegalStateException("waited here"));
      throw failure;
    }
    return outcome;
  }

  void await() throws InterruptedException {
    decided.await();
  }

  boolean await(long nanos) throws InterruptedException {
    return decided.await(nanos, TimeUnit.NANOSECONDS);
  }
}
