package dev.mpipool.queue;

/**
 * What {@link QueuePool#map} does when a task has no result.
 *
 * <p>Example:
 *
 * <pre>{@code
 * QueuePool pool = QueuePool.builder(Scheduler.detect()).onFailure(OnFailure.NULL).build();
 * }</pre>
 */
public enum OnFailure {
  /** It throws a {@link MapFailedException} when all other tasks are done. */
  THROW,
  /** It returns, with null in the task's place. */
  NULL
}
