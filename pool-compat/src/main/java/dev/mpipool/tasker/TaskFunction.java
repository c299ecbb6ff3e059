package dev.mpipool.tasker;

/**
 * What is done for each argument. It never travels: every rank calls its own, which may hold
 * whatever exists on that rank.
 *
 * <p>An example is at {@link Tasker}.
 *
 * @param <A> the type of the arguments
 * @param <R> the type of the results
 */
@FunctionalInterface
public interface TaskFunction<A, R> {

  /**
   * Does a task.
   *
   * @param argument a copy of the root's
   * @return the result; it has to be serializable
   * @throws Exception whatever goes wrong
   */
  R apply(A argument) throws Exception;
}
