package dev.mpipool;

import java.io.Serializable;

/**
 * A function of one argument that can travel to a worker, and may throw.
 *
 * <p>Example:
 *
 * <pre>{@code
 * SerializableFunction<Integer, Integer> square = x -> x * x;
 * List<Integer> squares = executor.map(square, List.of(1, 2, 3)).toList();
 * }</pre>
 *
 * @param <A> the type of the argument
 * @param <R> the type of the result
 */
@FunctionalInterface
public interface SerializableFunction<A, R> extends Serializable {

  /**
   * Applies this function.
   *
   * @param a the argument
   * @return the result
   * @throws Exception whatever goes wrong
   */
  R apply(A a) throws Exception;
}
