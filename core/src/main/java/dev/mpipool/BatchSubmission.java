package dev.mpipool;

import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.stream.Stream;

/**
 * Runs a function over many elements: the short forms, for a batch with the default options, of
 * what a {@link BatchBuilder} starts. See {@link Batch} for how elements are taken and results are
 * consumed.
 *
 * <p>The methods that start a batch throw {@link NullPointerException} for a null function or
 * iterable, {@link RejectedExecutionException} if the pool is shut down ({@link
 * BrokenExecutorException} if it is broken), and {@link IllegalStateException} on a worker and in a
 * task. A function that cannot travel ends the batch at once, with a {@link
 * TaskSerializationException}. Any thread of main may call these methods. A call costs the encoding
 * of the function; elements are taken and encoded by a thread of the batch.
 *
 * <p>Example:
 *
 * <pre>{@code
 * List<Integer> items = List.of(1, 2, 3);
 * int sum = executor.map(x -> x * x, items).mapToInt(x -> x).sum();
 * List<Integer> products = executor.map((a, b) -> a * b, items, items).toList();
 * }</pre>
 */
public interface BatchSubmission {

  /**
   * Options for a batch, and its start.
   *
   * @return a builder with the defaults
   * @throws IllegalStateException on a worker
   */
  BatchBuilder batch();

  /**
   * Runs a function over elements that are taken lazily; see {@link Batch}.
   *
   * @param <A> the type of the elements
   * @param <R> the type of the results
   * @param fn called with each element, not null
   * @param a the elements, not null; may contain null
   * @return the batch, at once
   * @throws RejectedExecutionException if the pool is shut down; {@link BrokenExecutorException} if
   *     it is broken
   */
  default <A, R> Batch<R> submitBatch(
      SerializableFunction<? super A, ? extends R> fn, Iterable<? extends A> a) {
    return batch().submit(fn, a);
  }

  /**
   * Runs a function over pairs of elements, up to the end of the shorter iterable; see {@link
   * #submitBatch(SerializableFunction, Iterable)}.
   *
   * @param <A> the type of the first elements
   * @param <B> the type of the second elements
   * @param <R> the type of the results
   * @param fn called with each pair
   * @param a the first elements
   * @param b the second elements
   * @return the batch, at once
   */
  default <A, B, R> Batch<R> submitBatch(
      SerializableBiFunction<? super A, ? super B, ? extends R> fn,
      Iterable<? extends A> a,
      Iterable<? extends B> b) {
    return batch().submit(fn, a, b);
  }

  /**
   * Runs a function over triples of elements, up to the end of the shortest iterable; see {@link
   * #submitBatch(SerializableFunction, Iterable)}.
   *
   * @param <A> the type of the first elements
   * @param <B> the type of the second elements
   * @param <C> the type of the third elements
   * @param <R> the type of the results
   * @param fn called with each triple
   * @param a the first elements
   * @param b the second elements
   * @param c the third elements
   * @return the batch, at once
   */
  default <A, B, C, R> Batch<R> submitBatch(
      SerializableTriFunction<? super A, ? super B, ? super C, ? extends R> fn,
      Iterable<? extends A> a,
      Iterable<? extends B> b,
      Iterable<? extends C> c) {
    return batch().submit(fn, a, b, c);
  }

  /**
   * A function's results for elements that are taken lazily, in their order. Nothing happens before
   * the stream is used; the function is encoded now. The stream takes from the elements as {@link
   * Batch} does, so it may be endless if the stream is cut short. An element's failure comes as a
   * {@link CompletionException} with the function's exception as its cause, after the results of
   * the elements before it, and cancels the rest; so does closing the stream. An iterator of the
   * stream that has thrown has ended.
   *
   * <p>The function, with what it captured, travels once to each worker, apart from the elements:
   * an object that it captured and that is also a part of an element is another object on the
   * worker.
   *
   * @param <A> the type of the elements
   * @param <R> the type of the results
   * @param fn called with each element, not null
   * @param a the elements, not null; may contain null
   * @return a sequential stream
   * @throws RejectedExecutionException if the pool is shut down; {@link BrokenExecutorException} if
   *     it is broken
   */
  default <A, R> Stream<R> map(
      SerializableFunction<? super A, ? extends R> fn, Iterable<? extends A> a) {
    return batch().map(fn, a);
  }

  /**
   * A function's results for pairs of elements, up to the end of the shorter iterable; see {@link
   * #map(SerializableFunction, Iterable)}. What both elements of a pair refer to is one object on
   * the worker.
   *
   * @param <A> the type of the first elements
   * @param <B> the type of the second elements
   * @param <R> the type of the results
   * @param fn called with each pair
   * @param a the first elements
   * @param b the second elements
   * @return a sequential stream
   */
  default <A, B, R> Stream<R> map(
      SerializableBiFunction<? super A, ? super B, ? extends R> fn,
      Iterable<? extends A> a,
      Iterable<? extends B> b) {
    return batch().map(fn, a, b);
  }

  /**
   * A function's results for triples of elements, up to the end of the shortest iterable; see
   * {@link #map(SerializableFunction, Iterable)}.
   *
   * @param <A> the type of the first elements
   * @param <B> the type of the second elements
   * @param <C> the type of the third elements
   * @param <R> the type of the results
   * @param fn called with each triple
   * @param a the first elements
   * @param b the second elements
   * @param c the third elements
   * @return a sequential stream
   */
  default <A, B, C, R> Stream<R> map(
      SerializableTriFunction<? super A, ? super B, ? super C, ? extends R> fn,
      Iterable<? extends A> a,
      Iterable<? extends B> b,
      Iterable<? extends C> c) {
    return batch().map(fn, a, b, c);
  }
}
