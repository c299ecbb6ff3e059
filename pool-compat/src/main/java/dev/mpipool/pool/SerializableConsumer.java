package dev.mpipool.pool;

import java.io.Serializable;

/**
 * A task of one argument without a result that can travel to a worker, and may throw.
 *
 * <p>Example:
 *
 * <pre>{@code
 * SerializableConsumer<String> open = name -> System.setProperty("data", name);
 * MPIPool pool = MPIPool.builder().initializer(open, "stars").open();
 * }</pre>
 *
 * @param <A> the type of the argument
 */
@FunctionalInterface
public interface SerializableConsumer<A> extends Serializable {

  /**
   * Does the work.
   *
   * @param a the argument
   * @throws Exception whatever goes wrong
   */
  void accept(A a) throws Exception;
}
