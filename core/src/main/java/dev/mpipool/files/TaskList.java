package dev.mpipool.files;

import java.util.Objects;
import java.util.Optional;

/**
 * Which tasks results belong to; results of other tasks are not taken for theirs.
 *
 * @param count how many tasks there are, or {@link #UNKNOWN}
 * @param arguments a fingerprint of all their arguments, or 0 where they are not known beforehand
 * @param version of the function, as its author declared it
 */
public record TaskList(long count, long arguments, Optional<String> version) {

  /** Stands for a number that is not known beforehand. */
  public static final long UNKNOWN = -1;

  /** Checks the components. */
  public TaskList {
    Objects.requireNonNull(version, "version");
  }

  /**
   * Tasks that come one after the other, in unknown number.
   *
   * @return without a version
   */
  public static TaskList open() {
    return new TaskList(UNKNOWN, 0, Optional.empty());
  }
}
