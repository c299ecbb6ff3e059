package dev.mpipool.batch;

import java.nio.file.Path;
import java.time.Duration;

/**
 * How a batch is to go.
 *
 * @param chunkSize how many items share a message at most; 0 to follow the time they take
 * @param lookAhead how many items may be under way or wait for the consumer; 0 for as many as four
 *     chunks for each task thread
 * @param timeout for the whole, or null
 * @param cache the folder in which results are kept, or null
 */
public record BatchOptions(int chunkSize, int lookAhead, Duration timeout, Path cache) {}
