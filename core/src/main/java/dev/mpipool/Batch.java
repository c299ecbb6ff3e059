package dev.mpipool;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;

/**
 * A function that is run over the elements of iterables, which are taken lazily: {@link
 * MPIExecutor#submitBatch}.
 *
 * <p><b>The function</b> travels once to each worker, with what it captured when the batch was
 * made. So it has no objects in common with the elements: one that it captured and that an element
 * refers to arrives as two, of which the function's serves all elements on that worker. The
 * elements of several iterables that make one call are one graph, as the arguments of a task are,
 * and share nothing with other calls. They are turned into bytes one by one, as they are taken, on
 * a thread of the batch, which is also the one that calls the iterators. Workers get several
 * elements at a time where these take little time ({@link BatchBuilder#chunkSize}); each still has
 * its own result or failure.
 *
 * <p><b>Looking ahead.</b> No more elements are taken than the look-ahead ({@link
 * BatchBuilder#lookAhead}) beyond those whose results have been consumed. So an endless iterable is
 * fine, and a slow consumer, or one that stops half-way, costs bounded memory. A thread that waits
 * for the end instead of consuming ({@link #results}, {@link #await}, or, as long as no iterator
 * has been requested, {@link #submitted}, {@link #finished} and the closing of the pool) lets the
 * batch run to its end, and its results wait.
 *
 * <p><b>Consuming.</b> The results can be had once: by one iterator, of this batch or of {@link
 * #ordered}, or by one {@link #stream}, or by {@link #results}, which may be called again. Another
 * attempt gets an {@link IllegalStateException}. An iterator belongs to one thread; all else may be
 * called by any.
 *
 * <p><b>Unreachable batches</b> are released: a batch whose results have begun to be read is
 * cancelled some time after the last reference to it, its iterator and its stream is gone, and at
 * once when a terminal operation of its stream has ended, however much it has read. A batch whose
 * results have not begun to be read goes on without keeping them, since it may serve for what its
 * function does; one over iterables of unknown size, which may be endless, does so when the pool is
 * closed.
 *
 * <p><b>The end.</b> When a batch ends early, what it has taken still comes, and then the consumer
 * gets the reason. What an iterable throws comes as the cause of a {@link CompletionException}; so
 * does the {@link TimeoutException} of {@link BatchBuilder#timeout}. {@link #cancel} leads to a
 * {@link CancellationException}. An iterator that has thrown this has ended: {@code hasNext()} is
 * false from then on. If the pool is shut down while the batch is being consumed, no more is taken,
 * and the consumer gets a {@link RejectedExecutionException}; without a consumer it runs to its end
 * before the pool is closed.
 *
 * <p>Example:
 *
 * <pre>{@code
 * for (CompletableFuture<Integer> future : executor.submitBatch(x -> x * x, List.of(1, 2, 3))) {
 *   System.out.println(future.get());   // each as it is done
 * }
 * List<Integer> all = executor.submitBatch(x -> x * x, List.of(1, 2, 3)).results();   // in order
 * }</pre>
 *
 * @param <R> the type of the results
 */
public interface Batch<R> extends Iterable<CompletableFuture<R>>, AutoCloseable {

  /**
   * The futures in the order of the elements, each when it is done.
   *
   * @return an iterable that can be used once
   */
  Iterable<CompletableFuture<R>> ordered();

  /**
   * Waits for all results. All of them are in memory then.
   *
   * @return the results in the order of the elements; a list that can be changed, the same in every
   *     call
   * @throws InterruptedException if the calling thread is interrupted; the batch goes on
   * @throws ExecutionException if an element fails, with its exception as the cause, or if the
   *     batch ends early, with the reason as the cause; the rest of the batch is cancelled
   */
  List<R> results() throws InterruptedException, ExecutionException;

  /**
   * The results in the order of the elements. A failure comes as a {@link CompletionException}
   * after the results of the elements before it, and cancels the rest, as does closing the stream.
   * An iterator of the stream that has thrown has ended, unlike one of futures, each of which tells
   * of its own element.
   *
   * @return a stream that is consumed as fast as results come
   */
  Stream<R> stream();

  /**
   * Whether everything has been taken from the iterables.
   *
   * @return true also when the batch has ended early
   */
  boolean submitted();

  /**
   * Whether every element has been run.
   *
   * @return true also when the batch has ended early and nothing is under way any more
   */
  boolean finished();

  /**
   * Waits until the batch is finished.
   *
   * @param timeout how long at most
   * @return whether it is finished
   * @throws InterruptedException if the calling thread is interrupted
   */
  boolean await(Duration timeout) throws InterruptedException;

  /**
   * Ends the batch: nothing more is taken, elements that workers have not begun are dropped, those
   * that run are interrupted.
   *
   * @return false if it was finished or cancelled before
   */
  boolean cancel();

  /**
   * Cancels it, as {@link #cancel} does. Consuming it afterwards, or asking for {@link #results},
   * throws an {@link IllegalStateException}.
   */
  @Override
  void close();
}
