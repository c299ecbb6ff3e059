package dev.mpipool.pool;

import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A result to come.
 *
 * <p>An example is at {@link AsyncVerbs}.
 *
 * @param <T> the type of the result
 */
public interface AsyncResult<T> {

  /**
   * Waits for the result.
   *
   * @return the result
   * @throws InterruptedException if the calling thread is interrupted; the work goes on
   * @throws ExecutionException if the work failed, with the function's own exception as its cause;
   *     where elements are mapped, the message names index and value
   * @throws CancellationException if it was cancelled, or the pool terminated
   */
  T get() throws InterruptedException, ExecutionException;

  /**
   * Waits for the result, but not for ever.
   *
   * @param timeout how long at most
   * @param unit of the timeout
   * @return the result
   * @throws InterruptedException if the calling thread is interrupted; the work goes on
   * @throws ExecutionException if the work failed; see {@link #get()}
   * @throws TimeoutException if it is not there in time; the work goes on
   * @throws CancellationException if it was cancelled, or the pool terminated
   */
  T get(long timeout, TimeUnit unit)
      throws InterruptedException, ExecutionException, TimeoutException;

  /**
   * Waits until the result is there or the time is over.
   *
   * @param timeout how long at most
   * @param unit of the timeout
   * @return whether it is there
   * @throws InterruptedException if the calling thread is interrupted; the work goes on
   */
  boolean await(long timeout, TimeUnit unit) throws InterruptedException;

  /**
   * Whether the work is over.
   *
   * @return true also when it failed
   */
  boolean ready();

  /**
   * Whether the work is over and has not failed.
   *
   * @return false if it failed or was cancelled
   * @throws IllegalStateException if it is not over
   */
  boolean successful();

  /**
   * This result as a future. Cancelling it, or completing it in another way, cancels the work.
   *
   * @return always the same
   */
  CompletableFuture<T> toCompletableFuture();
}
