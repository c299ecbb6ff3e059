package dev.mpipool.queue;

/** What {@link QueuePool#map} does when a task has no result. */
public enum OnFailure {
  /** It throws a {@link MapFailedException} when all other tasks are done. */
  THROW,
  /** It returns, with null in the task's place. */
  NULL
}
