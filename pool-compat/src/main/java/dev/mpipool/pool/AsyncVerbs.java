package dev.mpipool.pool;

import dev.mpipool.SerializableBiFunction;
import dev.mpipool.SerializableCallable;
import dev.mpipool.SerializableFunction;
import dev.mpipool.SerializableTriFunction;
import java.util.List;
import java.util.function.Consumer;
import org.apache.commons.lang3.tuple.Pair;
import org.apache.commons.lang3.tuple.Triple;

/**
 * The verbs of a {@link Pool} that return at once.
 *
 * <p>All of them throw {@link NullPointerException} for a null function or iterable, {@link
 * IllegalArgumentException} for a negative chunk size, and {@link
 * java.util.concurrent.RejectedExecutionException} once the pool is closed.
 *
 * <p><b>Callbacks</b> run when the work is done, one of the two, and have run when {@link
 * AsyncResult#ready} says true and {@link AsyncResult#get} returns. An error callback is told the
 * exception of the function, of the iterable or of the pool itself, which is the cause of what a
 * verb that waits throws. What a callback throws goes to its thread's handler of uncaught
 * exceptions, and changes nothing else. A callback may close the pool; it must not wait for its own
 * result. A result that is cancelled through its future has no callback.
 *
 * <p><b>Iterables</b> are taken from on a thread of the pool, as workers become free: what has been
 * taken and has not come back is never more than four chunks for each worker's task thread.
 *
 * <p>Example:
 *
 * <pre>{@code
 * AsyncResult<List<Integer>> squares = pool.mapAsync(x -> x * x, List.of(1, 2, 3));
 * System.out.println("Done already? " + squares.ready());
 * System.out.println(squares.get(1, TimeUnit.MINUTES));
 * }</pre>
 */
public interface AsyncVerbs {
  /**
   * A chunk size that follows the time elements take: as many to a chunk as take about a
   * millisecond.
   */
  int AUTOMATIC = 0;

  /**
   * Calls a function without arguments on a worker.
   *
   * @param <R> the type of the result
   * @param fn the function
   * @return its result to come
   */
  default <R> AsyncResult<R> applyAsync(SerializableCallable<R> fn) {
    return applyAsync(fn, null, null);
  }

  /**
   * Calls a function without arguments on a worker.
   *
   * @param <R> the type of the result
   * @param fn the function
   * @param callback called with the result, before threads that wait for it are released; null for
   *     none
   * @param errorCallback called with the function's own exception; null for none
   * @return its result to come
   */
  <R> AsyncResult<R> applyAsync(
      SerializableCallable<R> fn,
      Consumer<? super R> callback,
      Consumer<? super Throwable> errorCallback);

  /**
   * Calls a function of one argument on a worker.
   *
   * @param <A> the type of the argument
   * @param <R> the type of the result
   * @param fn the function
   * @param a its argument
   * @return its result to come
   */
  default <A, R> AsyncResult<R> applyAsync(SerializableFunction<? super A, ? extends R> fn, A a) {
    return applyAsync(fn, a, null, null);
  }

  /**
   * Calls a function of one argument on a worker.
   *
   * @param <A> the type of the argument
   * @param <R> the type of the result
   * @param fn the function
   * @param a its argument
   * @param callback called with the result, before threads that wait for it are released; null for
   *     none
   * @param errorCallback called with the function's own exception; null for none
   * @return its result to come
   */
  <A, R> AsyncResult<R> applyAsync(
      SerializableFunction<? super A, ? extends R> fn,
      A a,
      Consumer<? super R> callback,
      Consumer<? super Throwable> errorCallback);

  /**
   * Calls a function of two arguments on a worker.
   *
   * @param <A> the type of the first argument
   * @param <B> the type of the second argument
   * @param <R> the type of the result
   * @param fn the function
   * @param a its first argument
   * @param b its second argument
   * @return its result to come
   */
  default <A, B, R> AsyncResult<R> applyAsync(
      SerializableBiFunction<? super A, ? super B, ? extends R> fn, A a, B b) {
    return applyAsync(fn, a, b, null, null);
  }

  /**
   * Calls a function of two arguments on a worker.
   *
   * @param <A> the type of the first argument
   * @param <B> the type of the second argument
   * @param <R> the type of the result
   * @param fn the function
   * @param a its first argument
   * @param b its second argument
   * @param callback called with the result, before threads that wait for it are released; null for
   *     none
   * @param errorCallback called with the function's own exception; null for none
   * @return its result to come
   */
  <A, B, R> AsyncResult<R> applyAsync(
      SerializableBiFunction<? super A, ? super B, ? extends R> fn,
      A a,
      B b,
      Consumer<? super R> callback,
      Consumer<? super Throwable> errorCallback);

  /**
   * Calls a function of three arguments on a worker.
   *
   * @param <A> the type of the first argument
   * @param <B> the type of the second argument
   * @param <C> the type of the third argument
   * @param <R> the type of the result
   * @param fn the function
   * @param a its first argument
   * @param b its second argument
   * @param c its third argument
   * @return its result to come
   */
  default <A, B, C, R> AsyncResult<R> applyAsync(
      SerializableTriFunction<? super A, ? super B, ? super C, ? extends R> fn, A a, B b, C c) {
    return applyAsync(fn, a, b, c, null, null);
  }

  /**
   * Calls a function of three arguments on a worker.
   *
   * @param <A> the type of the first argument
   * @param <B> the type of the second argument
   * @param <C> the type of the third argument
   * @param <R> the type of the result
   * @param fn the function
   * @param a its first argument
   * @param b its second argument
   * @param c its third argument
   * @param callback called with the result, before threads that wait for it are released; null for
   *     none
   * @param errorCallback called with the function's own exception; null for none
   * @return its result to come
   */
  <A, B, C, R> AsyncResult<R> applyAsync(
      SerializableTriFunction<? super A, ? super B, ? super C, ? extends R> fn,
      A a,
      B b,
      C c,
      Consumer<? super R> callback,
      Consumer<? super Throwable> errorCallback);

  /**
   * Calls a function with each element. A failing element ends it at once: nothing more is taken,
   * the rest is cancelled.
   *
   * @param <A> the type of the element
   * @param <R> the type of a result
   * @param fn called with each element
   * @param items the elements
   * @return the results to come, in the order of the elements
   */
  default <A, R> AsyncResult<List<R>> mapAsync(
      SerializableFunction<? super A, ? extends R> fn, Iterable<? extends A> items) {
    return mapAsync(fn, items, AUTOMATIC, null, null);
  }

  /**
   * Calls a function with each element. A failing element ends it at once: nothing more is taken,
   * the rest is cancelled.
   *
   * @param <A> the type of the element
   * @param <R> the type of a result
   * @param fn called with each element
   * @param items the elements
   * @param chunkSize how many elements share a message; {@link #AUTOMATIC} for as many as take
   *     about a millisecond
   * @return the results to come, in the order of the elements
   */
  default <A, R> AsyncResult<List<R>> mapAsync(
      SerializableFunction<? super A, ? extends R> fn, Iterable<? extends A> items, int chunkSize) {
    return mapAsync(fn, items, chunkSize, null, null);
  }

  /**
   * Calls a function with each element. A failing element ends it at once: nothing more is taken,
   * the rest is cancelled.
   *
   * @param <A> the type of the element
   * @param <R> the type of a result
   * @param fn called with each element
   * @param items the elements
   * @param callback called with the results, before threads that wait for them are released; null
   *     for none
   * @param errorCallback called with the function's own exception; null for none
   * @return the results to come, in the order of the elements
   */
  default <A, R> AsyncResult<List<R>> mapAsync(
      SerializableFunction<? super A, ? extends R> fn,
      Iterable<? extends A> items,
      Consumer<? super List<R>> callback,
      Consumer<? super Throwable> errorCallback) {
    return mapAsync(fn, items, AUTOMATIC, callback, errorCallback);
  }

  /**
   * Calls a function with each element. A failing element ends it at once: nothing more is taken,
   * the rest is cancelled.
   *
   * @param <A> the type of the element
   * @param <R> the type of a result
   * @param fn called with each element
   * @param items the elements
   * @param chunkSize how many elements share a message; {@link #AUTOMATIC} for as many as take
   *     about a millisecond
   * @param callback called with the results, before threads that wait for them are released; null
   *     for none
   * @param errorCallback called with the function's own exception; null for none
   * @return the results to come, in the order of the elements
   */
  <A, R> AsyncResult<List<R>> mapAsync(
      SerializableFunction<? super A, ? extends R> fn,
      Iterable<? extends A> items,
      int chunkSize,
      Consumer<? super List<R>> callback,
      Consumer<? super Throwable> errorCallback);

  /**
   * Calls a function with each pair, taken apart.
   *
   * @param <A> the type of the first part
   * @param <B> the type of the second part
   * @param <R> the type of a result
   * @param fn called with each pair, taken apart
   * @param items the pairs
   * @return the results to come, in the order of the pairs
   */
  default <A, B, R> AsyncResult<List<R>> starmapAsync(
      SerializableBiFunction<? super A, ? super B, ? extends R> fn,
      Iterable<? extends Pair<? extends A, ? extends B>> items) {
    return starmapAsync(fn, items, AUTOMATIC, null, null);
  }

  /**
   * Calls a function with each pair, taken apart.
   *
   * @param <A> the type of the first part
   * @param <B> the type of the second part
   * @param <R> the type of a result
   * @param fn called with each pair, taken apart
   * @param items the pairs
   * @param chunkSize how many elements share a message; {@link #AUTOMATIC} for as many as take
   *     about a millisecond
   * @return the results to come, in the order of the pairs
   */
  default <A, B, R> AsyncResult<List<R>> starmapAsync(
      SerializableBiFunction<? super A, ? super B, ? extends R> fn,
      Iterable<? extends Pair<? extends A, ? extends B>> items,
      int chunkSize) {
    return starmapAsync(fn, items, chunkSize, null, null);
  }

  /**
   * Calls a function with each pair, taken apart.
   *
   * @param <A> the type of the first part
   * @param <B> the type of the second part
   * @param <R> the type of a result
   * @param fn called with each pair, taken apart
   * @param items the pairs
   * @param callback called with the results, before threads that wait for them are released; null
   *     for none
   * @param errorCallback called with the function's own exception; null for none
   * @return the results to come, in the order of the pairs
   */
  default <A, B, R> AsyncResult<List<R>> starmapAsync(
      SerializableBiFunction<? super A, ? super B, ? extends R> fn,
      Iterable<? extends Pair<? extends A, ? extends B>> items,
      Consumer<? super List<R>> callback,
      Consumer<? super Throwable> errorCallback) {
    return starmapAsync(fn, items, AUTOMATIC, callback, errorCallback);
  }

  /**
   * Calls a function with each pair, taken apart.
   *
   * @param <A> the type of the first part
   * @param <B> the type of the second part
   * @param <R> the type of a result
   * @param fn called with each pair, taken apart
   * @param items the pairs
   * @param chunkSize how many elements share a message; {@link #AUTOMATIC} for as many as take
   *     about a millisecond
   * @param callback called with the results, before threads that wait for them are released; null
   *     for none
   * @param errorCallback called with the function's own exception; null for none
   * @return the results to come, in the order of the pairs
   */
  <A, B, R> AsyncResult<List<R>> starmapAsync(
      SerializableBiFunction<? super A, ? super B, ? extends R> fn,
      Iterable<? extends Pair<? extends A, ? extends B>> items,
      int chunkSize,
      Consumer<? super List<R>> callback,
      Consumer<? super Throwable> errorCallback);

  /**
   * Calls a function with each triple, taken apart.
   *
   * @param <A> the type of the first part
   * @param <B> the type of the second part
   * @param <C> the type of the third part
   * @param <R> the type of a result
   * @param fn called with each triple, taken apart
   * @param items the triples
   * @return the results to come, in the order of the triples
   */
  default <A, B, C, R> AsyncResult<List<R>> starmapAsync(
      SerializableTriFunction<? super A, ? super B, ? super C, ? extends R> fn,
      Iterable<? extends Triple<? extends A, ? extends B, ? extends C>> items) {
    return starmapAsync(fn, items, AUTOMATIC, null, null);
  }

  /**
   * Calls a function with each triple, taken apart.
   *
   * @param <A> the type of the first part
   * @param <B> the type of the second part
   * @param <C> the type of the third part
   * @param <R> the type of a result
   * @param fn called with each triple, taken apart
   * @param items the triples
   * @param chunkSize how many elements share a message; {@link #AUTOMATIC} for as many as take
   *     about a millisecond
   * @return the results to come, in the order of the triples
   */
  default <A, B, C, R> AsyncResult<List<R>> starmapAsync(
      SerializableTriFunction<? super A, ? super B, ? super C, ? extends R> fn,
      Iterable<? extends Triple<? extends A, ? extends B, ? extends C>> items,
      int chunkSize) {
    return starmapAsync(fn, items, chunkSize, null, null);
  }

  /**
   * Calls a function with each triple, taken apart.
   *
   * @param <A> the type of the first part
   * @param <B> the type of the second part
   * @param <C> the type of the third part
   * @param <R> the type of a result
   * @param fn called with each triple, taken apart
   * @param items the triples
   * @param callback called with the results, before threads that wait for them are released; null
   *     for none
   * @param errorCallback called with the function's own exception; null for none
   * @return the results to come, in the order of the triples
   */
  default <A, B, C, R> AsyncResult<List<R>> starmapAsync(
      SerializableTriFunction<? super A, ? super B, ? super C, ? extends R> fn,
      Iterable<? extends Triple<? extends A, ? extends B, ? extends C>> items,
      Consumer<? super List<R>> callback,
      Consumer<? super Throwable> errorCallback) {
    return starmapAsync(fn, items, AUTOMATIC, callback, errorCallback);
  }

  /**
   * Calls a function with each triple, taken apart.
   *
   * @param <A> the type of the first part
   * @param <B> the type of the second part
   * @param <C> the type of the third part
   * @param <R> the type of a result
   * @param fn called with each triple, taken apart
   * @param items the triples
   * @param chunkSize how many elements share a message; {@link #AUTOMATIC} for as many as take
   *     about a millisecond
   * @param callback called with the results, before threads that wait for them are released; null
   *     for none
   * @param errorCallback called with the function's own exception; null for none
   * @return the results to come, in the order of the triples
   */
  <A, B, C, R> AsyncResult<List<R>> starmapAsync(
      SerializableTriFunction<? super A, ? super B, ? super C, ? extends R> fn,
      Iterable<? extends Triple<? extends A, ? extends B, ? extends C>> items,
      int chunkSize,
      Consumer<? super List<R>> callback,
      Consumer<? super Throwable> errorCallback);
}
