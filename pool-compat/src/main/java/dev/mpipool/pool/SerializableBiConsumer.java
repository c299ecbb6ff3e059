package dev.mpipool.pool;

import java.io.Serializable;

/**
 * A task of two arguments without a result that can travel to a worker, and may throw.
 *
 * <p>Example:
 *
 * <pre>{@code
 * SerializableBiConsumer<String, String> set = (key, value) -> System.setProperty(key, value);
 * MPIPool pool = MPIPool.builder().initializer(set, "data", "stars").open();
 * }</pre>
 *
 * @param <A> the type of the first argument
 * @param <B> the type of the second argument
 */
@FunctionalInterface
public interface SerializableBiConsumer<A, B> extends Serializable {

  /**
   * Does the work.
   *
   * @param a the first argument
   * @param b the second argument
   * @throws Exception whatever goes wrong
   */
  void accept(A a, B b) throws Exception;
}
