package dev.mpipool.batch;

/**
 * What the user wants of a batch, which decides what makes room for more elements, and whether
 * results are kept.
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
 * <p>A batch that becomes unreachable before its results or its end were asked for may be there for
 * what its tasks do, which must not depend on the garbage collector. It goes on as far as it would
 * have gone, without keeping results: a collection to its end; a source that may be endless until
 * the look-ahead is used up, and then without a thread until the pool is shut down.
 */
enum Demand {
  /** Nothing was asked for: what is answered waits, and makes no room. */
  UNREAD,

  /** There is a consumer; what it has taken makes room. */
  CONSUMED,

  /** The end is awaited: what is answered makes room. */
  TO_END,

  /** The end is awaited, and there is a consumer. */
  CONSUMED_TO_END,

  /** Results cannot be reached and are not kept; nothing makes room. */
  UNREACHABLE,

  /** The same, and the feeder has ended for want of room. */
  PARKED,

  /** Results cannot be reached and are not kept; what is answered makes room. */
  DISCARDED;

  boolean isConsumed() {
    return this == CONSUMED || this == CONSUMED_TO_END;
  }

  /** Whether what is answered makes room; otherwise what is consumed does. */
  boolean isToEnd() {
    return this == TO_END || this == CONSUMED_TO_END || this == DISCARDED;
  }

  boolean keepsResults() {
    return compareTo(UNREACHABLE) < 0;
  }

  /** There is a consumer from now on. */
  Demand consume() {
    return switch (this) {
      case UNREAD -> CONSUMED;
      case TO_END -> CONSUMED_TO_END;
      default -> this;
    };
  }

  /** The end is awaited. */
  Demand runToEnd() {
    return switch (this) {
      case UNREAD -> TO_END;
      case CONSUMED -> CONSUMED_TO_END;
      case UNREACHABLE -> DISCARDED;
      default -> this;
    };
  }

  /** The user looks whether the end has come: without a consumer that is enough to get there. */
  Demand ask() {
    return isConsumed() ? this : runToEnd();
  }

  /** Results cannot be reached any more. */
  Demand abandon(boolean mayBeEndless) {
    return switch (this) {
      case UNREAD -> mayBeEndless ? UNREACHABLE : DISCARDED;
      case TO_END -> DISCARDED;
      default -> this;
    };
  }

  /** The pool is shut down: all that the batch has is to be done. */
  Demand shutDown() {
    return this == PARKED ? DISCARDED : ask();
  }
}
