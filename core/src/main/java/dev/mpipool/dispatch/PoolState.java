package dev.mpipool.dispatch;

import java.util.concurrent.RejectedExecutionException;

/**
 * The life of a pool, as one state that only moves forward. A stimulus that changes nothing in a
 * state leaves it as it is.
 *
 * <pre>
 *                   shutDown         stop             release   breakDown        end    terminate
 * RUNNING           SHUTDOWN         STOPPING         (never)   BROKEN           (never)  .
 * SHUTDOWN          .                STOPPING         RELEASED  BROKEN_SHUTDOWN  (never)  .
 * STOPPING          .                .                RELEASED  BROKEN_SHUTDOWN  (never)  .
 * RELEASED          .                .                .         BROKEN_SHUTDOWN  ENDED    .
 * BROKEN            BROKEN_SHUTDOWN  BROKEN_SHUTDOWN  (never)   .                (never)  .
 * BROKEN_SHUTDOWN   .                .                .         .                ENDED    .
 * ENDED             .                .                .         .                .        TERMINATING
 * TERMINATING       .                .                .         .                .        .
 * </pre>
 *
 * <p>A broken pool does not end by itself: its workers stay until its user shuts it down, so there
 * are two broken states. Both come after RELEASED, since a pool whose workers are about to leave
 * can still break.
 *
 * <p>Changed only with the dispatcher's lock held; read by any thread.
 */
final class PoolState {

  /** The states, in the order in which a pool can pass through them. */
  enum Phase {
    /** Accepts tasks. */
    RUNNING,

    /** Accepts no tasks but those of open batches; all that were accepted are done. */
    SHUTDOWN,

    /** The same, and tasks that workers have not begun are cancelled. */
    STOPPING,

    /** Nothing is left to do, and each worker has been told to leave. */
    RELEASED,

    /** Nothing can be run any more: all futures fail. The pool has not been shut down. */
    BROKEN,

    /** The same after a shutdown: workers are told to leave as soon as the batches have ended. */
    BROKEN_SHUTDOWN,

    /** No message from a worker is expected any more. */
    ENDED,

    /** A thread has undertaken to terminate the pool once all futures are done. */
    TERMINATING
  }

  private volatile Phase phase = Phase.RUNNING;

  /** Why the pool is broken, or null. Set before the phase. */
  private volatile RejectedExecutionException cause;

  Phase phase() {
    return phase;
  }

  /** Whether tasks are accepted from users. */
  boolean isRunning() {
    return phase == Phase.RUNNING;
  }

  /** Whether the user has shut the pool down. */
  boolean isShutdown() {
    Phase now = phase;
    return now != Phase.RUNNING && now != Phase.BROKEN;
  }

  /** Whether tasks that come back from workers are cancelled rather than given to others. */
  boolean isStopping() {
    return phase == Phase.STOPPING;
  }

  /** Whether the workers have been told to leave for want of work. */
  boolean isReleased() {
    return phase == Phase.RELEASED || isEnded();
  }

  /** Whether the pool has broken, and may have ended since. */
  boolean isBroken() {
    return cause != null;
  }

  /** Whether the pool has broken or ended, of which others have to be told. */
  boolean mayHaveEffects() {
    return phase.compareTo(Phase.BROKEN) >= 0;
  }

  /** Why the pool has broken; null if it has not. */
  RejectedExecutionException cause() {
    return cause;
  }

  /** Whether no message from a worker is expected any more. */
  boolean isEnded() {
    return phase.compareTo(Phase.ENDED) >= 0;
  }

  /** The user shuts the pool down: what was accepted is done. */
  void shutDown() {
    moveTo(
        switch (phase) {
          case RUNNING -> Phase.SHUTDOWN;
          case BROKEN -> Phase.BROKEN_SHUTDOWN;
          default -> phase;
        });
  }

  /** The user shuts the pool down: what has not begun is cancelled. */
  void stop() {
    moveTo(
        switch (phase) {
          case RUNNING, SHUTDOWN -> Phase.STOPPING;
          case BROKEN -> Phase.BROKEN_SHUTDOWN;
          default -> phase;
        });
  }

  /** Every worker has been told to leave. */
  void release() {
    assert isShutdown() : phase;
    moveTo(
        switch (phase) {
          case SHUTDOWN, STOPPING -> Phase.RELEASED;
          default -> phase;
        });
  }

  /**
   * Nothing can be run any more.
   *
   * @param why what later callers and pending futures are told; the first counts
   */
  void breakDown(RejectedExecutionException why) {
    Phase next =
        switch (phase) {
          case RUNNING -> Phase.BROKEN;
          case SHUTDOWN, STOPPING, RELEASED -> Phase.BROKEN_SHUTDOWN;
          default -> phase;
        };
    if (next != phase) {
      cause = why;
      moveTo(next);
    }
  }

  /** The workers have left, or are not waited for. */
  void end() {
    assert phase.compareTo(Phase.RELEASED) >= 0 && phase != Phase.BROKEN : phase;
    if (!isEnded()) {
      moveTo(Phase.ENDED);
    }
  }

  /**
   * A thread undertakes to terminate the pool.
   *
   * @return true for the first after the end
   */
  boolean terminate() {
    boolean first = phase == Phase.ENDED;
    if (first) {
      moveTo(Phase.TERMINATING);
    }
    return first;
  }

  private void moveTo(Phase next) {
    assert next.compareTo(phase) >= 0 : phase + " -> " + next;
    phase = next;
  }

  /** For people. */
  @Override
  public String toString() {
    return switch (phase) {
      case RUNNING -> "running";
      case SHUTDOWN, STOPPING, RELEASED -> "shut down";
      case BROKEN, BROKEN_SHUTDOWN -> "broken";
      case ENDED, TERMINATING -> "ended";
    };
  }
}
