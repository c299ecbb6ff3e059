package dev.mpipool;

import java.io.Serializable;

/**
 * A function of three arguments that can travel to a worker, and may throw.
 *
 * <p>Example:
 *
 * <pre>{@code
 * SerializableTriFunction<Integer, Integer, Integer, Integer> volume = (a, b, c) -> a * b * c;
 * int answer = executor.submit(volume, 1, 6, 7).get();
 * }</pre>
 *
 * @param <A> the type of the first argument
 * @param <B> the type of the second argument
 * @param <C> the type of the third argument
 * @param <R> the type of the result
 */
@FunctionalInterface
public interface SerializableTriFunction<A, B, C, R> extends Serializable {

  /**
   * Applies this function.
   *
   * @param a the first argument
   * @param b the second argument
   * @param c the third argument
   * @return the result
   * @throws Exception whatever goes wrong
   */
  R apply(A a, B b, C c) throws Exception;
}
