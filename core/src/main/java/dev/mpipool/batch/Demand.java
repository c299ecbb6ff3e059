package dev.mpipool.batch;

/**
 * The user's demand on a batch. Determines what makes room for more elements, and whether results
 * are kept. In the table, a dot means no change.
 *
 * <pre>
 *                 consume         runToEnd        ask       abandon                  park    shutDown
 * UNREAD          CONSUMED        TO_END          TO_END    UNREACHABLE or DISCARDED (never) TO_END
 * CONSUMED        .               CONSUMED_TO_END .         (drops)                  (never) (stops)
 * TO_END          CONSUMED_TO_END .               .         DISCARDED                (never) .
 * CONSUMED_TO_END .               .               .         (drops)                  (never) (stops)
 * UNREACHABLE     .               DISCARDED       DISCARDED .                        PARKED  DISCARDED
 * PARKED          .               .               .         .                        .       DISCARDED
 * DISCARDED       .               .               .         .                        (never) .
 * </pre>
 *
 * <p>(drops), (stops): the whole batch ends, see {@link BatchState}.
 *
 * <p>A batch that becomes unreachable before the user asked for its results or its end may matter
 * for its tasks' effects, which must not depend on the garbage collector. It continues without
 * keeping results: a collection runs to its end; a source that may be endless runs until the
 * look-ahead is used up, and is then parked without a thread until the pool is shut down.
 */
enum Demand {
  /** Nothing was asked for: results wait, and make no room. */
  UNREAD,

  /** There is a consumer; consumed results make room. */
  CONSUMED,

  /** The end is awaited; answered elements make room. */
  TO_END,

  /** The end is awaited, and there is a consumer. */
  CONSUMED_TO_END,

  /** Results are unreachable and not kept; nothing makes room. */
  UNREACHABLE,

  /** The same, and the feeder's thread has ended because there was no room. */
  PARKED,

  /** Results are unreachable and not kept; answered elements make room. */
  DISCARDED;

  boolean isConsumed() {
    return this == CONSUMED || this == CONSUMED_TO_END;
  }

  /** Whether answered elements make room; otherwise consumed ones do. */
  boolean isToEnd() {
    return this == TO_END || this == CONSUMED_TO_END || this == DISCARDED;
  }

  boolean keepsResults() {
    return compareTo(UNREACHABLE) < 0;
  }

  /** The demand once there is a consumer. */
  Demand consume() {
    return switch (this) {
      case UNREAD -> CONSUMED;
      case TO_END -> CONSUMED_TO_END;
      default -> this;
    };
  }

  /** The demand once the end is awaited. */
  Demand runToEnd() {
    return switch (this) {
      case UNREAD -> TO_END;
      case CONSUMED -> CONSUMED_TO_END;
      case UNREACHABLE -> DISCARDED;
      default -> this;
    };
  }

  /** The demand once the user asks for progress: without a consumer the batch runs to its end. */
  Demand ask() {
    return isConsumed() ? this : runToEnd();
  }

  /** The demand once the results are unreachable. */
  Demand abandon(boolean mayBeEndless) {
    return switch (this) {
      case UNREAD -> mayBeEndless ? UNREACHABLE : DISCARDED;
      case TO_END -> DISCARDED;
      default -> this;
    };
  }

  /** The demand after a shutdown: without a consumer the batch runs to its end. */
  Demand shutDown() {
    return this == PARKED ? DISCARDED : ask();
  }
}
