package dev.mpipool.queue;

import java.io.Serializable;
import java.util.stream.IntStream;

/**
 * What a map is, as {@link QueuePool#resume} has to know it.
 *
 * @param session its name
 * @param function the name of its function, for people
 * @param tasks how many
 * @param chunks how many, at most as many as tasks
 * @param settings of the pool that was asked
 */
record MapPlan(String session, String function, int tasks, int chunks, PoolSettings settings)
    implements Serializable {

  private static final long serialVersionUID = 1;

  /** The tasks of a chunk; sizes differ by one at most. */
  IntStream tasksOf(int chunk) {
    return IntStream.range(start(chunk), start(chunk + 1));
  }

  private int start(int chunk) {
    return (int) ((long) chunk * tasks / chunks);
  }
}
