package dev.mpipool.batch;

import java.util.concurrent.TimeUnit;

/**
 * How many elements of a batch share a chunk, and how many may be on their way: pure functions of
 * what is passed in.
 *
 * <p>A chunk has as many elements as keep a worker busy for about a millisecond, which is worth a
 * message. The time that an element takes is known from answers only, so the size begins at one and
 * at most doubles from one answer to the next. Towards the end of a collection chunks become
 * smaller, so that all workers have some of the rest.
 *
 * @param chunkSize how many elements share a chunk at most; 0 to follow the time they take
 * @param lookAhead how many elements may be on their way or wait for the consumer; 0 to follow the
 *     size of the chunks
 * @param elements how many elements the batch has; {@link Long#MAX_VALUE} if that is not known
 */
record ChunkSizer(int chunkSize, int lookAhead, long elements) {

  /** The size before the first answer. */
  static final int FIRST_SIZE = 1;

  static final int MAX_SIZE = 4096;
  static final int MAX_BYTES = 1 << 20;

  private static final long CHUNK_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  /** Chunks for each task thread: one that runs, one that waits, and as many answered. */
  private static final int CHUNKS_AHEAD = 4;

  /**
   * The size for the time that elements take, before the other limits.
   *
   * @param current the size so far
   * @param nanosPerElement as a worker has reported it
   */
  static int adapted(int current, long nanosPerElement) {
    long fitting = CHUNK_NANOS / Math.max(1, nanosPerElement);
    return (int) Math.max(1, Math.min(Math.min(fitting, MAX_SIZE), 2L * current));
  }

  /**
   * How many elements the next chunk has.
   *
   * @param adapted the size for the time that elements take
   * @param before how many elements are in chunks before this one
   * @param taskThreads how many tasks all workers run at a time
   */
  int size(int adapted, long before, int taskThreads) {
    if (chunkSize > 0) {
      return chunkSize;
    }
    long size = adapted;
    if (lookAhead > 0) {
      size = Math.min(size, lookAhead / 2);
    }
    if (elements != Long.MAX_VALUE) {
      size = Math.min(size, (elements - before) / (2L * taskThreads + 1));
    }
    return (int) Math.max(1, size);
  }

  /**
   * Whether a chunk is to be handed in.
   *
   * @param count how many elements it has
   * @param bytes its length
   * @param size how many elements it may have
   */
  static boolean isFull(int count, int bytes, int size) {
    return count >= size || bytes >= MAX_BYTES;
  }

  /**
   * How many elements may be on their way or wait for the consumer.
   *
   * @param adapted the size for the time that elements take
   * @param taskThreads how many tasks all workers run at a time
   */
  long ahead(int adapted, int taskThreads) {
    if (lookAhead > 0) {
      return lookAhead;
    }
    return (long) CHUNKS_AHEAD * taskThreads * (chunkSize > 0 ? chunkSize : adapted);
  }
}
