package dev.mpipool.batch;

import java.util.concurrent.TimeUnit;

/**
 * Computes how many elements a chunk has, and how many may be in flight. Immutable.
 *
 * <p>A chunk keeps a worker busy for about 1 ms, which is worth a message. The time per element is
 * known from answers only, so the size begins at 1 and at most doubles with each answer. Towards
 * the end of a collection chunks become smaller, so that all workers share the rest.
 *
 * @param chunkSize the maximum number of elements in a chunk; 0 to adapt to the time they take
 * @param lookAhead how many elements may be in flight or wait for the consumer; 0 to follow the
 *     size of the chunks
 * @param elements the number of elements; {@link Long#MAX_VALUE} if unknown
 */
record ChunkSizer(int chunkSize, int lookAhead, long elements) {

  /** The size before the first answer. */
  static final int FIRST_SIZE = 1;

  static final int MAX_SIZE = 4096;
  static final int MAX_BYTES = 1 << 20;

  private static final long CHUNK_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  /** Chunks for each task thread: one running, one waiting, and two answered. */
  private static final int CHUNKS_AHEAD = 4;

  /**
   * The size adapted to the time elements take, before other limits.
   *
   * @param current the size so far
   * @param nanosPerElement as reported by a worker
   */
  static int adapted(int current, long nanosPerElement) {
    long fitting = CHUNK_NANOS / Math.max(1, nanosPerElement);
    return (int) Math.max(1, Math.min(Math.min(fitting, MAX_SIZE), 2L * current));
  }

  /**
   * The maximum size of the next chunk.
   *
   * @param adapted the size adapted to the time elements take
   * @param before the number of elements in earlier chunks
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
   * Whether a chunk is full.
   *
   * @param count the number of its elements
   * @param bytes its length
   * @param size the maximum number of its elements
   */
  static boolean isFull(int count, int bytes, int size) {
    return count >= size || bytes >= MAX_BYTES;
  }

  /**
   * How many elements may be in flight or wait for the consumer. Long elements count as chunks that
   * are full by their bytes: more of them would fill caches and memory, and keep no worker busier.
   *
   * @param adapted the size adapted to the time elements take
   * @param taskThreads how many tasks all workers run at a time
   * @param bytes the length of an element; 0 if unknown
   */
  long ahead(int adapted, int taskThreads, int bytes) {
    if (lookAhead > 0) {
      return lookAhead;
    }
    int size = bytes == 0 ? adapted : Math.min(adapted, (MAX_BYTES - 1) / bytes + 1);
    return (long) CHUNKS_AHEAD * taskThreads * (chunkSize > 0 ? chunkSize : size);
  }
}
