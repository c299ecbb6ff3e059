package dev.mpipool;

import java.util.List;

/**
 * Every worker that was given a task has died before it answered. Comes as the cause of an {@link
 * java.util.concurrent.ExecutionException}. The task may have run, in part or as a whole.
 *
 * <p>Example:
 *
 * <pre>{@code
 * try {
 *   executor.submit(() -> 6 * 7).get();
 * } catch (ExecutionException e) {
 *   if (e.getCause() instanceof WorkerLostException lost) {
 *     System.err.println("died with the task: ranks " + lost.ranks());
 *   }
 * }
 * }</pre>
 */
public class WorkerLostException extends Exception {

  private static final long serialVersionUID = 1;

  /** The workers that were tried. */
  private final List<Integer> ranks;

  /**
   * Creates an exception.
   *
   * @param message the task, the ranks and why; a whole sentence
   * @param ranks the workers that were given the task, in the order in which they were tried
   */
  public WorkerLostException(String message, List<Integer> ranks) {
    super(message);
    this.ranks = List.copyOf(ranks);
  }

  /**
   * The workers that were given the task.
   *
   * @return their ranks in the pool's communicator, in the order in which they were tried
   */
  public List<Integer> ranks() {
    return ranks;
  }
}
