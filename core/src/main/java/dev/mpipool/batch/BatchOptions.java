package dev.mpipool.batch;

import java.nio.file.Path;
import java.time.Duration;

/**
 * The options of a batch.
 *
 * @param chunkSize the maximum number of items in a chunk; 0 to adapt to the time items take
 * @param lookAhead how many items may be in flight or wait for the consumer; 0 for four chunks for
 *     each task thread
 * @param timeout for the whole batch, or null
 * @param cache the folder in which results are kept, or null
 */
public record BatchOptions(int chunkSize, int lookAhead, Duration timeout, Path cache) {}
