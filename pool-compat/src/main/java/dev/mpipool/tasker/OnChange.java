package dev.mpipool.tasker;

/**
 * What is to be done with results that were saved for other arguments or another version.
 *
 * <p>Example:
 *
 * <pre>{@code
 * Tasker tasker = Tasker.builder(args).onChange(OnChange.RECOMPUTE).open();
 * }</pre>
 */
public enum OnChange {
  /** Nothing: the map throws a {@link TasksChangedException}. */
  FAIL,
  /** They are dropped, and everything is computed again. */
  RECOMPUTE
}
