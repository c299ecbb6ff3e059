package dev.mpipool.tasker;

/** What is to be done with results that were saved for other arguments or another version. */
public enum OnChange {
  /** Nothing: the map throws a {@link TasksChangedException}. */
  FAIL,
  /** They are dropped, and everything is computed again. */
  RECOMPUTE
}
