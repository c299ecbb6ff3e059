package dev.mpipool;

import java.io.Serializable;

/**
 * A function of two arguments that can travel to a worker, and may throw.
 *
 * <p>Example:
 *
 * <pre>{@code
 * SerializableBiFunction<Integer, Integer, Integer> product = (a, b) -> a * b;
 * int answer = executor.submit(product, 6, 7).get();
 * }</pre>
 *
 * @param <A> the type of the first argument
 * @param <B> the type of the second argument
 * @param <R> the type of the result
 */
@FunctionalInterface
public interface SerializableBiFunction<A, B, R> extends Serializable {

  /**
   * Applies this function.
   *
   * @param a the first argument
   * @param b the second argument
   * @return the result
   * @throws Exception whatever goes wrong
   */
  R apply(A a, B b) throws Exception;
}
