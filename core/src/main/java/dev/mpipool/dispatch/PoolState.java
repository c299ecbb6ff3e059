package dev.mpipool.dispatch;

import java.util.concurrent.RejectedExecutionException;

/**
 * The phase of a pool, which only moves forward. In the table, a dot means no change.
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
 * <p>A broken pool keeps its workers until the user shuts it down, so there are two broken phases.
 * Both come after RELEASED, since a pool whose workers are about to leave can still break.
 *
 * <p>Changed only with the dispatcher's lock held; read by any thread.
 */
final class PoolState {

  /** The phases, in the order in which a pool can pass through them. */
  enum Phase {
    /** Accepts tasks. */
    RUNNING,

    /** Accepts only chunks of open batches; runs all accepted tasks. */
    SHUTDOWN,

    /** Accepts no tasks; unstarted tasks are cancelled. */
    STOPPING,

    /** No task is queued or in flight, and each worker has been told to leave. */
    RELEASED,

    /** No task can run: all futures fail. The pool has not been shut down. */
    BROKEN,

    /** Broken and shut down: workers are told to leave as soon as the batches have ended. */
    BROKEN_SHUTDOWN,

    /** No more messages from workers are expected. */
    ENDED,

    /** A thread is terminating the pool, which waits for all futures. */
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

  /** Whether tasks that workers return are cancelled rather than requeued. */
  boolean isStopping() {
    return phase == Phase.STOPPING;
  }

  /** Whether the workers have been told to leave because no work is left, or the pool has ended. */
  boolean isReleased() {
    return phase == Phase.RELEASED || isEnded();
  }

  /** Whether the pool has broken, and may have ended since. */
  boolean isBroken() {
    return cause != null;
  }

  /** Whether the pool has broken or ended: {@link PoolEnd#unlock} may have effects to run. */
  boolean mayHaveEffects() {
    return phase.compareTo(Phase.BROKEN) >= 0;
  }

  /** Why the pool has broken; null if it has not. */
  RejectedExecutionException cause() {
    return cause;
  }

  /** Whether no more messages from workers are expected. */
  boolean isEnded() {
    return phase.compareTo(Phase.ENDED) >= 0;
  }

  /** The user shuts the pool down; accepted tasks still run. */
  void shutDown() {
    moveTo(
        switch (phase) {
          case RUNNING -> Phase.SHUTDOWN;
          case BROKEN -> Phase.BROKEN_SHUTDOWN;
          default -> phase;
        });
  }

  /** The user shuts the pool down; unstarted tasks are cancelled. */
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
   * The pool breaks.
   *
   * @param why the failure of later calls and pending futures; the first call counts
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
   * Claims the termination of the pool for the calling thread.
   *
   * @return true for the first call after the end
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
