package dev.mpipool.device;

import dev.mpipool.memory.Memory;
import java.util.List;
import java.util.function.Supplier;
import mpi.MPIException;
import mpjdev.Status;

/**
 * An operation that completes once, with or without a failure. Its completion happens before the
 * return of the {@code iwait} or {@code itest} that sees it.
 */
abstract class DeviceRequest extends mpjdev.Request {

  private final Progress progress;

  /** The thread that sleeps until this is done, if it does not make progress itself. */
  volatile Thread sleeper;

  private volatile boolean done;
  private MPIException failure;
  private boolean peekable;
  private Status seen;

  DeviceRequest(Progress progress) {
    this.progress = progress;
  }

  final Progress progress() {
    return progress;
  }

  final boolean isDone() {
    return done;
  }

  /** Whether a thread has to go on waiting for it. */
  boolean isAwaited() {
    return !done;
  }

  final void succeed() {
    end(null);
  }

  final void fail(MPIException why) {
    end(why);
  }

  /** Fails all of them, whatever memory there is. */
  static void failAll(List<? extends DeviceRequest> requests, Supplier<MPIException> why) {
    long pause = 0;
    for (int i = 0; i < requests.size(); i++) {
      while (!requests.get(i).isDone()) {
        try {
          requests.get(i).fail(why.get());
        } catch (OutOfMemoryError e) {
          pause = Memory.pause(pause);
        }
      }
    }
  }

  private void end(MPIException why) {
    boolean tell;
    synchronized (this) {
      if (done) {
        return;
      }
      failure = why;
      done = true;
      tell = peekable;
    }
    if (tell) {
      progress.completed().add(this);
    }
    progress.wake(this);
  }

  /** Waits, throws the failure as it is. */
  final void await() {
    progress.await(this);
    if (failure != null) {
      throw failure;
    }
  }

  final MPIException failure() {
    return failure;
  }

  abstract Status status();

  /**
   * Waits; a failure arrives as the cause, since mpi.Request hands on what it catches here without
   * wrapping it.
   */
  @Override
  public Status iwait() {
    progress.await(this);
    synchronized (this) {
      if (peekable) {
        progress.completed().remove(this);
      }
      if (failure != null) {
        throw new MPIException(failure);
      }
      if (seen == null) {
        seen = status();
        complete(seen);
      }
      return seen;
    }
  }

  /**
   * A status if the operation is complete, without the completion handlers: MPJ Express calls iwait
   * after it.
   */
  @Override
  public Status itest() {
    if (!done) {
      progress.poll();
    }
    synchronized (this) {
      if (!done) {
        peekable = true;
        return null;
      }
      return seen != null ? seen : new Status(-1, 0, -1);
    }
  }

  @Override
  public void free() {}

  @Override
  public boolean isnull() {
    return false;
  }

  /** MPJ Express does not implement cancelling above the device. */
  @Override
  public boolean cancel() {
    return false;
  }
}
