package dev.mpipool.queue;

import java.util.OptionalInt;

/**
 * A job in a queue.
 *
 * <p>Example:
 *
 * <pre>{@code
 * OptionalInt chunk = Job.chunkOf("stars-1", "stars-1-000003");
 * }</pre>
 *
 * @param id what the scheduler calls it; never used again for another during a map
 * @param chunk what it runs
 * @param state what becomes of it
 * @param detail the scheduler's own words for the state, for people
 */
public record Job(String id, int chunk, State state, String detail) {

  /** What becomes of a job. */
  public enum State {
    /** It waits for its turn. */
    PENDING,
    /** It runs, or is just about to end. */
    RUNNING,
    /** It will never run as it is. */
    ERROR
  }

  /**
   * The chunk that a job's name tells.
   *
   * @param session the session asked for
   * @param name as {@link Submission#jobName} makes it, or that of any other job
   * @return empty if the job is of another session
   */
  public static OptionalInt chunkOf(String session, String name) {
    if (!name.startsWith(session + "-")) {
      return OptionalInt.empty();
    }
    String number = name.substring(session.length() + 1);
    return number.matches("\\d{1,9}")
        ? OptionalInt.of(Integer.parseInt(number))
        : OptionalInt.empty();
  }
}
