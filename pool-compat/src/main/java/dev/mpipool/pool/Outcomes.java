package dev.mpipool.pool;

import dev.mpipool.Batch;
import dev.mpipool.BrokenExecutorException;
import dev.mpipool.batch.BatchEndedException;
import dev.mpipool.batch.BatchRun;
import dev.mpipool.batch.ClosingStream;
import dev.mpipool.batch.Consumable;
import dev.mpipool.batch.Failed;
import dev.mpipool.batch.UntilFailure;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * What comes of a batch, chunk by chunk, to be had as a list or as a stream; the first failure ends
 * the batch.
 */
final class Outcomes<R> {

  private final Batch<R> batch;
  private final BatchRun run;
  private final boolean ordered;
  private final Elements<?> elements;

  private Object[] chunk = {};
  private long first;
  private int next;
  private boolean ended;

  /**
   * Becomes the consumer of a batch.
   *
   * @param batch cancelled by the first failure
   * @param ordered whether chunks are wanted in the order of the elements, or as they come
   * @param elements as they were taken
   */
  Outcomes(Batch<R> batch, boolean ordered, Elements<?> elements) {
    this.batch = batch;
    this.run = ((Consumable) batch).run();
    this.ordered = ordered;
    this.elements = elements;
    if (!run.consume()) {
      throw new IllegalStateException("The results of a batch can be consumed only once");
    }
  }

  /** Puts results to their places as they come. */
  void collect(Running<List<R>> running) {
    List<R> results;
    try {
      results = collect();
    } catch (Throwable e) {
      batch.cancel();
      running.fail(e);
      return;
    }
    running.succeed(results);
  }

  @SuppressWarnings("unchecked") // the function returned R
  private List<R> collect() {
    Object[] results = new Object[elements.expected()];
    int count = 0;
    while (nextChunk()) {
      for (int i = 0; i < chunk.length; i++) {
        checkNotFailed(i);
      }
      int start = Math.toIntExact(first);
      int end = Math.addExact(start, chunk.length);
      if (end > results.length) {
        results = Arrays.copyOf(results, Math.max(end, results.length + (results.length >> 1)));
      }
      System.arraycopy(chunk, 0, results, start, chunk.length);
      count += chunk.length;
    }
    return (List<R>) new ArrayList<>(Arrays.asList(results).subList(0, count));
  }

  /** Gives results as they come; closing it cancels the batch. */
  Stream<R> stream() {
    int characteristics = ordered ? Spliterator.ORDERED : 0;
    Stream<R> stream =
        StreamSupport.stream(
                Spliterators.spliteratorUnknownSize(
                    new UntilFailure<>(values(), batch::cancel), characteristics),
                false)
            .onClose(batch::cancel);
    return ClosingStream.of(stream, batch::cancel);
  }

  private Iterator<R> values() {
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return next < chunk.length || nextChunk();
      }

      @Override
      @SuppressWarnings("unchecked") // the function returned R
      public R next() {
        if (!hasNext()) {
          throw new NoSuchElementException();
        }
        int place = next++;
        checkNotFailed(place);
        return (R) chunk[place];
      }
    };
  }

  /** Waits for more; what was there has been consumed. False at the end. */
  private boolean nextChunk() {
    if (ended) {
      return false;
    }
    elements.forget(first, chunk.length);
    int before = chunk.length;
    chunk = new Object[0];
    next = 0;
    try {
      Object[] taken = run.take(ordered, before);
      ended = taken == null;
      if (!ended) {
        first = run.takenFrom();
        chunk = taken;
      }
      return !ended;
    } catch (BatchEndedException e) {
      ended = true;
      throw thrown(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CompletionException("Interrupted while waiting for results", e);
    }
  }

  private void checkNotFailed(int place) {
    if (chunk[place] instanceof Failed failed) {
      if (failed.dropped()) {
        throw thrown(failed.cause());
      }
      throw Elements.failure(first + place, elements.get(first + place), failed.cause());
    }
  }

  /** Why there is no more, which is no element's fault. */
  private static RuntimeException thrown(Throwable reason) {
    if (reason instanceof BrokenExecutorException) {
      return new CompletionException(reason.getMessage(), reason);
    }
    return reason instanceof CancellationException || reason instanceof RejectedExecutionException
        ? (RuntimeException) reason
        : new CompletionException(reason);
  }
}
