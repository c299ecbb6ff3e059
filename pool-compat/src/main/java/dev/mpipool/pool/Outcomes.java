package dev.mpipool.pool;

import dev.mpipool.Batch;
import dev.mpipool.dispatch.ElementFuture;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Spliterators;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** What comes of a batch, to be had as a list or as a stream; the first failure ends the batch. */
final class Outcomes<R> {

  private final Batch<R> batch;
  private final Iterator<CompletableFuture<R>> futures;
  private final Elements<?> elements;

  /**
   * Becomes the consumer of a batch.
   *
   * @param batch cancelled by the first failure
   * @param futures the batch's, in the order that is wanted
   * @param elements as they were taken
   */
  Outcomes(Batch<R> batch, Iterable<CompletableFuture<R>> futures, Elements<?> elements) {
    this.batch = batch;
    this.futures = futures.iterator();
    this.elements = elements;
  }

  /** Puts results to their places as they come. */
  void collect(Running<List<R>> running) {
    List<R> results = new ArrayList<>();
    try {
      while (futures.hasNext()) {
        CompletableFuture<R> future = futures.next();
        int index = (int) indexOf(future);
        R value = value(future);
        while (results.size() <= index) {
          results.add(null);
        }
        results.set(index, value);
      }
    } catch (Throwable e) {
      batch.cancel();
      running.fail(e);
      return;
    }
    running.succeed(results);
  }

  /** Gives results as they come; closing it cancels the batch. */
  Stream<R> stream(int characteristics) {
    Iterator<R> values =
        new Iterator<>() {
          @Override
          public boolean hasNext() {
            return futures.hasNext();
          }

          @Override
          public R next() {
            try {
              return value(futures.next());
            } catch (CompletionException e) {
              batch.cancel();
              throw e;
            }
          }
        };
    return StreamSupport.stream(Spliterators.spliteratorUnknownSize(values, characteristics), false)
        .onClose(batch::cancel);
  }

  private static long indexOf(CompletableFuture<?> future) {
    return ((ElementFuture<?>) future).index();
  }

  private R value(CompletableFuture<R> future) {
    long index = indexOf(future);
    Object element = elements.remove(index);
    if (!future.isCompletedExceptionally()) {
      return future.join();
    }
    try {
      return future.get();
    } catch (ExecutionException e) {
      throw Elements.failure(index, element, e.getCause());
    } catch (CancellationException e) {
      throw Elements.failure(index, element, e);
    } catch (InterruptedException e) {
      throw new IllegalStateException("what is done is not waited for", e);
    }
  }
}
