package dev.mpipool.nativempi;

import dev.mpipool.comm.CommunicatorException;
import java.util.concurrent.atomic.AtomicInteger;

/** Lets threads into MPI until its end. */
final class Gate {

  private final AtomicInteger inside = new AtomicInteger();
  private volatile boolean closed;

  /**
   * Goes in; {@link #leave} must follow.
   *
   * @throws CommunicatorException if MPI ends, or has ended
   */
  void enter() {
    inside.getAndIncrement();
    if (closed) {
      inside.getAndDecrement();
      check();
    }
  }

  void leave() {
    inside.getAndDecrement();
  }

  /** To be called while waiting inside. */
  void check() {
    if (closed) {
      throw new CommunicatorException("MPI has ended in this process", null);
    }
  }

  boolean isClosed() {
    return closed;
  }

  /** Lets no more in; those inside that wait come out. */
  void close() {
    closed = true;
  }

  boolean isEmpty() {
    return inside.get() == 0;
  }
}
