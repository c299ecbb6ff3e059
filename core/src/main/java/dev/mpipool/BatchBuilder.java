package dev.mpipool;

import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.RejectedExecutionException;
import java.util.stream.Stream;

/**
 * Options of one batch, and then its start: {@code executor.batch().chunkSize(100).map(fn, items)}.
 * Not thread-safe.
 *
 * <p>What starts a batch throws {@link NullPointerException} for a null function or iterable, and
 * {@link RejectedExecutionException} if the pool is shut down ({@link BrokenExecutorException} if
 * it is broken). A function that cannot travel ends the batch at once, with a {@link
 * TaskSerializationException}.
 *
 * <p>Example:
 *
 * <pre>{@code
 * try (Stream<Integer> lengths =
 *     executor.batch().lookAhead(1000).timeout(Duration.ofMinutes(5)).map(String::length, List.of("a", "bc"))) {
 *   lengths.forEach(System.out::println);
 * }
 * }</pre>
 */
public interface BatchBuilder {

  /**
   * How many elements share a message and are run by one worker without another word.
   *
   * @param items at most so many; if not called, as many as take about a millisecond, at most 4,096
   * @return this
   */
  BatchBuilder chunkSize(int items);

  /**
   * How many elements may have been taken whose results have not been consumed.
   *
   * @param items at least 1; if not called, four chunks for each task thread of the workers
   * @return this
   */
  BatchBuilder lookAhead(int items);

  /**
   * How long the batch may take. What is not done by then is cancelled, and the consumer gets a
   * {@link java.util.concurrent.TimeoutException} as the cause of its exception.
   *
   * @param whole from its start to its end, positive; if not called, as long as it takes
   * @return this
   */
  BatchBuilder timeout(Duration whole);

  /**
   * Lets {@code map} return results in the order in which they come.
   *
   * @return this
   */
  BatchBuilder unordered();

  /**
   * Keeps results in a folder, each saved on main as soon as it has come: a batch that was
   * interrupted, whatever ended it, is started again as it is, and computes only what is missing.
   * Failures are not kept. An element is known again by its place and by what it is serialized to;
   * the function is not: give each function a folder of its own.
   *
   * <p>While a batch is under way the folder is its own: {@code submit} (with {@code map}, the
   * stream's use) throws {@link java.io.UncheckedIOException} if another has it, or if it cannot be
   * read or made. If results cannot be saved, or there is one of another element, the batch ends
   * with that. A folder in which this process may not write serves a batch whose results are all
   * there.
   *
   * @param folder made if it is missing; stays
   * @return this
   */
  BatchBuilder cachedIn(Path folder);

  /**
   * Starts a batch.
   *
   * @param <A> the type of the elements
   * @param <R> the type of the results
   * @param fn called with each element
   * @param a the elements
   * @return the batch, at once
   */
  <A, R> Batch<R> submit(SerializableFunction<? super A, ? extends R> fn, Iterable<? extends A> a);

  /**
   * Starts a batch over pairs of elements, one of each iterable, up to the end of the shorter one.
   *
   * @param <A> the type of the first elements
   * @param <B> the type of the second elements
   * @param <R> the type of the results
   * @param fn called with each pair
   * @param a the first elements
   * @param b the second elements
   * @return the batch, at once
   */
  <A, B, R> Batch<R> submit(
      SerializableBiFunction<? super A, ? super B, ? extends R> fn,
      Iterable<? extends A> a,
      Iterable<? extends B> b);

  /**
   * Starts a batch over triples of elements, one of each iterable, up to the end of the shortest.
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
  <A, B, C, R> Batch<R> submit(
      SerializableTriFunction<? super A, ? super B, ? super C, ? extends R> fn,
      Iterable<? extends A> a,
      Iterable<? extends B> b,
      Iterable<? extends C> c);

  /**
   * A stream of results; see {@link MPIExecutor#map(SerializableFunction, Iterable)}.
   *
   * @param <A> the type of the elements
   * @param <R> the type of the results
   * @param fn called with each element
   * @param a the elements
   * @return the results
   */
  <A, R> Stream<R> map(SerializableFunction<? super A, ? extends R> fn, Iterable<? extends A> a);

  /**
   * A stream of results, up to the end of the shorter iterable; see {@link
   * MPIExecutor#map(SerializableFunction, Iterable)}.
   *
   * @param <A> the type of the first elements
   * @param <B> the type of the second elements
   * @param <R> the type of the results
   * @param fn called with each pair
   * @param a the first elements
   * @param b the second elements
   * @return the results
   */
  <A, B, R> Stream<R> map(
      SerializableBiFunction<? super A, ? super B, ? extends R> fn,
      Iterable<? extends A> a,
      Iterable<? extends B> b);

  /**
   * A stream of results, up to the end of the shortest iterable; see {@link
   * MPIExecutor#map(SerializableFunction, Iterable)}.
   *
   * @param <A> the type of the first elements
   * @param <B> the type of the second elements
   * @param <C> the type of the third elements
   * @param <R> the type of the results
   * @param fn called with each triple
   * @param a the first elements
   * @param b the second elements
   * @param c the third elements
   * @return the results
   */
  <A, B, C, R> Stream<R> map(
      SerializableTriFunction<? super A, ? super B, ? super C, ? extends R> fn,
      Iterable<? extends A> a,
      Iterable<? extends B> b,
      Iterable<? extends C> c);
}
