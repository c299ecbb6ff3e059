package dev.mpipool.pool;

import dev.mpipool.SerializableBiFunction;
import dev.mpipool.SerializableCallable;
import dev.mpipool.SerializableFunction;
import dev.mpipool.SerializableTriFunction;
import java.util.List;
import java.util.stream.Stream;
import org.apache.commons.lang3.tuple.Pair;
import org.apache.commons.lang3.tuple.Triple;

/**
 * The verbs of Python's {@code multiprocessing.Pool}: a program that is written for them runs in
 * one thread, on threads, or on the ranks of an MPI job ({@link Pools#choose}).
 *
 * <pre>{@code
 * List<Integer> squares = pool.map(x -> x * x, List.of(1, 2, 3));
 * }</pre>
 *
 * <p><b>Failures.</b> {@link #apply} throws a {@link java.util.concurrent.CompletionException}
 * whose cause is the function's own exception. So do {@link #map}, {@link #starmap} and the
 * streams, and their message names the element's index and value. From the lists' verbs it comes at
 * once, also while an earlier element is still running; only elements of the same chunk are waited
 * for. Nothing more is taken from the iterable then, and the rest is cancelled. {@link
 * AsyncResult#get} throws the same as {@link java.util.concurrent.ExecutionException}. What the
 * iterable throws comes in the same way, without an element. An iterator of a stream that has
 * thrown has ended: {@code hasNext()} is false from then on.
 *
 * <p><b>The end.</b> {@link #close} lets work finish, and waits for it: what Python does with
 * {@code close()} and then {@code join()}. {@link #terminate} drops what has not started,
 * interrupts the rest and returns at once. After either, the pool takes no more.
 *
 * <p>What is said of iterables, callbacks and arguments in {@link AsyncVerbs} holds for the verbs
 * here, too. If a thread is interrupted while it waits in one of them, the work is cancelled, and a
 * {@link java.util.concurrent.CompletionException} with the {@link InterruptedException} as its
 * cause is thrown.
 */
public interface Pool extends AsyncVerbs, AutoCloseable {
  /**
   * Calls a function without arguments on a worker, and waits for its result.
   *
   * @param <R> the type of the result
   * @param fn the function
   * @return its result
   */
  default <R> R apply(SerializableCallable<R> fn) {
    return Running.await(applyAsync(fn));
  }

  /**
   * Calls a function of one argument on a worker, and waits for its result.
   *
   * @param <A> the type of the argument
   * @param <R> the type of the result
   * @param fn the function
   * @param a its argument
   * @return its result
   */
  default <A, R> R apply(SerializableFunction<? super A, ? extends R> fn, A a) {
    return Running.await(applyAsync(fn, a));
  }

  /**
   * Calls a function of two arguments on a worker, and waits for its result.
   *
   * @param <A> the type of the first argument
   * @param <B> the type of the second argument
   * @param <R> the type of the result
   * @param fn the function
   * @param a its first argument
   * @param b its second argument
   * @return its result
   */
  default <A, B, R> R apply(
      SerializableBiFunction<? super A, ? super B, ? extends R> fn, A a, B b) {
    return Running.await(applyAsync(fn, a, b));
  }

  /**
   * Calls a function of three arguments on a worker, and waits for its result.
   *
   * @param <A> the type of the first argument
   * @param <B> the type of the second argument
   * @param <C> the type of the third argument
   * @param <R> the type of the result
   * @param fn the function
   * @param a its first argument
   * @param b its second argument
   * @param c its third argument
   * @return its result
   */
  default <A, B, C, R> R apply(
      SerializableTriFunction<? super A, ? super B, ? super C, ? extends R> fn, A a, B b, C c) {
    return Running.await(applyAsync(fn, a, b, c));
  }

  /**
   * Calls a function with each element, and waits for all results.
   *
   * @param <A> the type of the element
   * @param <R> the type of a result
   * @param fn called with each element
   * @param items the elements
   * @return the results in the order of the elements
   */
  default <A, R> List<R> map(
      SerializableFunction<? super A, ? extends R> fn, Iterable<? extends A> items) {
    return map(fn, items, AUTOMATIC);
  }

  /**
   * Calls a function with each element, and waits for all results.
   *
   * @param <A> the type of the element
   * @param <R> the type of a result
   * @param fn called with each element
   * @param items the elements
   * @param chunkSize how many elements share a message; {@link #AUTOMATIC} for as many as take
   *     about a millisecond
   * @return the results in the order of the elements
   */
  default <A, R> List<R> map(
      SerializableFunction<? super A, ? extends R> fn, Iterable<? extends A> items, int chunkSize) {
    return Running.await(mapAsync(fn, items, chunkSize));
  }

  /**
   * Calls a function with each pair, taken apart, and waits for all results.
   *
   * @param <A> the type of the first part
   * @param <B> the type of the second part
   * @param <R> the type of a result
   * @param fn called with each pair, taken apart
   * @param items the pairs
   * @return the results in the order of the pairs
   */
  default <A, B, R> List<R> starmap(
      SerializableBiFunction<? super A, ? super B, ? extends R> fn,
      Iterable<? extends Pair<? extends A, ? extends B>> items) {
    return starmap(fn, items, AUTOMATIC);
  }

  /**
   * Calls a function with each pair, taken apart, and waits for all results.
   *
   * @param <A> the type of the first part
   * @param <B> the type of the second part
   * @param <R> the type of a result
   * @param fn called with each pair, taken apart
   * @param items the pairs
   * @param chunkSize how many elements share a message; {@link #AUTOMATIC} for as many as take
   *     about a millisecond
   * @return the results in the order of the pairs
   */
  default <A, B, R> List<R> starmap(
      SerializableBiFunction<? super A, ? super B, ? extends R> fn,
      Iterable<? extends Pair<? extends A, ? extends B>> items,
      int chunkSize) {
    return Running.await(starmapAsync(fn, items, chunkSize));
  }

  /**
   * Calls a function with each triple, taken apart, and waits for all results.
   *
   * @param <A> the type of the first part
   * @param <B> the type of the second part
   * @param <C> the type of the third part
   * @param <R> the type of a result
   * @param fn called with each triple, taken apart
   * @param items the triples
   * @return the results in the order of the triples
   */
  default <A, B, C, R> List<R> starmap(
      SerializableTriFunction<? super A, ? super B, ? super C, ? extends R> fn,
      Iterable<? extends Triple<? extends A, ? extends B, ? extends C>> items) {
    return starmap(fn, items, AUTOMATIC);
  }

  /**
   * Calls a function with each triple, taken apart, and waits for all results.
   *
   * @param <A> the type of the first part
   * @param <B> the type of the second part
   * @param <C> the type of the third part
   * @param <R> the type of a result
   * @param fn called with each triple, taken apart
   * @param items the triples
   * @param chunkSize how many elements share a message; {@link #AUTOMATIC} for as many as take
   *     about a millisecond
   * @return the results in the order of the triples
   */
  default <A, B, C, R> List<R> starmap(
      SerializableTriFunction<? super A, ? super B, ? super C, ? extends R> fn,
      Iterable<? extends Triple<? extends A, ? extends B, ? extends C>> items,
      int chunkSize) {
    return Running.await(starmapAsync(fn, items, chunkSize));
  }

  /**
   * A function's results in the order of the elements, while they come. Work begins with this call,
   * and looks ahead of the results that have been read by four chunks for each task thread at most,
   * so the iterable may be endless. Closing the stream stops the work. So does an element that
   * fails: the results of those before it come, then its failure, and then the stream has ended.
   *
   * @param <A> the type of the element
   * @param <R> the type of a result
   * @param fn called with each element
   * @param items the elements
   * @return a sequential stream; read or close it before the pool is closed
   */
  default <A, R> Stream<R> imap(
      SerializableFunction<? super A, ? extends R> fn, Iterable<? extends A> items) {
    return imap(fn, items, AUTOMATIC);
  }

  /**
   * A function's results in the order of the elements, while they come. Work begins with this call,
   * and looks ahead of the results that have been read by four chunks for each task thread at most,
   * so the iterable may be endless. Closing the stream stops the work. So does an element that
   * fails: the results of those before it come, then its failure, and then the stream has ended.
   *
   * @param <A> the type of the element
   * @param <R> the type of a result
   * @param fn called with each element
   * @param items the elements
   * @param chunkSize how many elements share a message; {@link #AUTOMATIC} for as many as take
   *     about a millisecond
   * @return a sequential stream; read or close it before the pool is closed
   */
  <A, R> Stream<R> imap(
      SerializableFunction<? super A, ? extends R> fn, Iterable<? extends A> items, int chunkSize);

  /**
   * A function's results in the order in which they come, while they come. Work begins with this
   * call, and looks ahead of the results that have been read by four chunks for each task thread at
   * most, so the iterable may be endless. Closing the stream stops the work. So does an element
   * that fails: its failure comes after the results that came before it, and then the stream has
   * ended.
   *
   * @param <A> the type of the element
   * @param <R> the type of a result
   * @param fn called with each element
   * @param items the elements
   * @return a sequential stream; read or close it before the pool is closed
   */
  default <A, R> Stream<R> imapUnordered(
      SerializableFunction<? super A, ? extends R> fn, Iterable<? extends A> items) {
    return imapUnordered(fn, items, AUTOMATIC);
  }

  /**
   * A function's results in the order in which they come, while they come. Work begins with this
   * call, and looks ahead of the results that have been read by four chunks for each task thread at
   * most, so the iterable may be endless. Closing the stream stops the work. So does an element
   * that fails: its failure comes after the results that came before it, and then the stream has
   * ended.
   *
   * @param <A> the type of the element
   * @param <R> the type of a result
   * @param fn called with each element
   * @param items the elements
   * @param chunkSize how many elements share a message; {@link #AUTOMATIC} for as many as take
   *     about a millisecond
   * @return a sequential stream; read or close it before the pool is closed
   */
  <A, R> Stream<R> imapUnordered(
      SerializableFunction<? super A, ? extends R> fn, Iterable<? extends A> items, int chunkSize);

  /**
   * How many workers there are.
   *
   * @return at least 1 in an open pool
   */
  int size();

  /**
   * Whether this rank is the one that uses the pool.
   *
   * @return true where there are no ranks
   */
  boolean isMain();

  /**
   * Whether this rank has run tasks.
   *
   * @return false where there are no ranks
   */
  boolean isWorker();

  /**
   * Takes workers out of the block that only main is to run; does nothing on main, and where there
   * are no ranks.
   *
   * @throws dev.mpipool.WorkersExitException on a worker
   */
  void workersExit();

  /**
   * Takes no more work, drops what has not started, interrupts the rest, and returns at once.
   * Results that were not there are cancelled.
   */
  void terminate();

  /**
   * Waits until all work is done and the workers are released.
   *
   * @throws IllegalStateException if the pool is neither closed nor terminated
   * @throws InterruptedException if the calling thread is interrupted
   */
  void join() throws InterruptedException;

  /**
   * Takes no more work, lets what there is finish, and waits for it. A stream that is not read to
   * its end gives what it has looked ahead, and then a {@link
   * java.util.concurrent.RejectedExecutionException}. If the calling thread is interrupted, the
   * pool is terminated, and it goes on waiting. Does nothing on a worker, and when closed already.
   */
  @Override
  void close();
}
