package dev.mpipool.batch;

import java.util.ArrayList;

/**
 * Consecutive elements that were submitted as one chunk, until they are consumed. Elements that a
 * worker returns are resubmitted as several chunks of the same part. Guarded by the lock of {@link
 * BatchState}, except the outcomes, which are written before their chunk counts as answered.
 */
final class Part {

  final long firstIndex;

  /** For each element its value or a {@link Failed}. */
  final Object[] outcomes;

  final ArrayList<ChunkFuture> underWay = new ArrayList<>(1);
  boolean done;

  Part(long firstIndex, Object[] outcomes) {
    this.firstIndex = firstIndex;
    this.outcomes = outcomes;
  }
}
