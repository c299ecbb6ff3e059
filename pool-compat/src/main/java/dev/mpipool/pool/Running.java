package dev.mpipool.pool;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;

/** A pending result: completion runs callbacks first, then releases waiting threads. */
final class Running<T> implements AsyncResult<T> {

  private final CompletableFuture<T> future = new CompletableFuture<>();

  /** Null for none, and when the result is there: users may hold that for long. */
  private volatile Consumer<? super T> callback;

  private volatile Consumer<? super Throwable> errorCallback;
  private volatile Thread inCallback;

  /** The callbacks may be null. */
  Running(Consumer<? super T> callback, Consumer<? super Throwable> errorCallback) {
    this.callback = callback;
    this.errorCallback = errorCallback;
    future.whenComplete((value, failure) -> letGo());
  }

  private void letGo() {
    callback = null;
    errorCallback = null;
  }

  boolean hasCallback() {
    return callback != null || errorCallback != null;
  }

  /** The result is there. */
  void succeed(T value) {
    call(callback, value);
    future.complete(value);
  }

  /**
   * The work has failed. A CompletionException with a cause stands for its cause, which is what the
   * callback is told.
   */
  void fail(Throwable failure) {
    boolean standsForCause = failure instanceof CompletionException && failure.getCause() != null;
    call(errorCallback, standsForCause ? failure.getCause() : failure);
    future.completeExceptionally(failure);
  }

  private <V> void call(Consumer<? super V> consumer, V value) {
    if (consumer == null || future.isDone()) {
      return;
    }
    Thread thread = Thread.currentThread();
    inCallback = thread;
    try {
      consumer.accept(value);
    } catch (Throwable e) {
      thread.getUncaughtExceptionHandler().uncaughtException(thread, e);
    } finally {
      inCallback = null;
    }
  }

  /** Whether the calling thread is in a callback of this result, and so must not wait for it. */
  boolean isCallingBack() {
    return inCallback == Thread.currentThread();
  }

  /** Waits for a result on behalf of a verb that blocks; an interrupt cancels the work. */
  static <T> T await(AsyncResult<T> result) {
    try {
      return result.get();
    } catch (ExecutionException e) {
      throw new CompletionException(e.getMessage(), e.getCause());
    } catch (InterruptedException e) {
      result.toCompletableFuture().cancel(true);
      Thread.currentThread().interrupt();
      throw new CompletionException("Interrupted while waiting for results", e);
    }
  }

  @Override
  public T get() throws InterruptedException, ExecutionException {
    try {
      return future.get();
    } catch (ExecutionException e) {
      throw withMessage(e);
    }
  }

  @Override
  public T get(long timeout, TimeUnit unit)
      throws InterruptedException, ExecutionException, TimeoutException {
    try {
      return future.get(timeout, unit);
    } catch (ExecutionException e) {
      throw withMessage(e);
    }
  }

  /** CompletableFuture.get drops a CompletionException and with it the message. */
  private ExecutionException withMessage(ExecutionException e) {
    String message = future.handle((value, failure) -> failure.getMessage()).join();
    boolean own = future.handle((value, failure) -> failure == e.getCause()).join();
    return own ? e : new ExecutionException(message, e.getCause());
  }

  @Override
  public boolean await(long timeout, TimeUnit unit) throws InterruptedException {
    try {
      future.handle((value, failure) -> true).get(timeout, unit);
      return true;
    } catch (TimeoutException e) {
      return false;
    } catch (ExecutionException e) {
      throw new IllegalStateException("what handles failures failed", e);
    }
  }

  @Override
  public boolean ready() {
    return future.isDone();
  }

  @Override
  public boolean successful() {
    if (!future.isDone()) {
      throw new IllegalStateException("The result is not there yet: ask ready() first, or get()");
    }
    return !future.isCompletedExceptionally();
  }

  @Override
  public CompletableFuture<T> toCompletableFuture() {
    return future;
  }
}
