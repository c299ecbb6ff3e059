package dev.mpipool.batch;

import java.util.ArrayList;

/**
 * Elements that follow each other and were sent as one chunk, from then until they are consumed.
 * When a worker gives a part of the chunk back, that part is under way as several chunks. Guarded
 * by the lock of {@link BatchState}, but for the outcomes, which are written before a chunk counts
 * as answered.
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
