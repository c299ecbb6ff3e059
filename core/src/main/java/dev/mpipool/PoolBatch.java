package dev.mpipool;

import dev.mpipool.batch.BatchEndedException;
import dev.mpipool.batch.BatchRun;
import dev.mpipool.batch.ClosingStream;
import dev.mpipool.batch.Consumable;
import dev.mpipool.batch.Failed;
import dev.mpipool.batch.UntilFailure;
import java.lang.ref.Reference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** The users' view of a batch: one consumer, in one of several forms. */
final class PoolBatch<R> implements Batch<R>, Consumable {

  private static final Object[] NONE = {};

  private final BatchRun run;

  /** What results() returns; guarded by this. */
  private List<R> results;

  private final List<R> collected = new ArrayList<>();
  private ExecutionException failure;
  private boolean collecting;
  private volatile boolean closed;

  PoolBatch(BatchRun run) {
    this.run = run;
    run.letGoWithout(this); // iterators and streams of this refer to it
  }

  @Override
  public BatchRun run() {
    return run;
  }

  /** Goes through the outcomes, waiting for them as needed. */
  private final class Outcomes {
    private final boolean ordered;
    private Object[] outcomes = NONE;
    private int next;
    private boolean ended;

    Outcomes(boolean ordered) {
      this.ordered = ordered;
    }

    boolean hasNext() {
      while (!ended && next == outcomes.length) {
        try {
          int before = next;
          outcomes = NONE;
          next = 0;
          Object[] more = run.take(ordered, before);
          ended = more == null;
          outcomes = ended ? NONE : more;
        } catch (BatchEndedException e) {
          ended = true;
          throw thrown(e.getCause());
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new CompletionException("Interrupted while waiting for results", e);
        }
      }
      return !ended;
    }

    Object next() {
      if (!hasNext()) {
        throw new NoSuchElementException();
      }
      Object outcome = outcomes[next];
      outcomes[next++] = null;
      return outcome;
    }
  }

  private static RuntimeException thrown(Throwable reason) {
    return reason instanceof CancellationException || reason instanceof RejectedExecutionException
        ? (RuntimeException) reason
        : new CompletionException(reason);
  }

  private void checkOpen() {
    if (closed) {
      throw new IllegalStateException("The batch is closed");
    }
  }

  private Outcomes consume(boolean ordered) {
    checkOpen();
    if (!run.consume()) {
      throw new IllegalStateException("The results of a batch can be consumed only once");
    }
    return new Outcomes(ordered);
  }

  @Override
  public Iterator<CompletableFuture<R>> iterator() {
    return futures(false);
  }

  @Override
  public Iterable<CompletableFuture<R>> ordered() {
    checkOpen();
    return () -> futures(true);
  }

  private Iterator<CompletableFuture<R>> futures(boolean ordered) {
    Outcomes outcomes = consume(ordered);
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return outcomes.hasNext();
      }

      @Override
      public CompletableFuture<R> next() {
        return future(outcomes.next());
      }
    };
  }

  @SuppressWarnings("unchecked") // the function returned an R
  private static <R> CompletableFuture<R> future(Object outcome) {
    CompletableFuture<R> future = new CompletableFuture<>();
    if (!(outcome instanceof Failed failed)) {
      future.complete((R) outcome);
    } else if (failed.cause() instanceof CancellationException) {
      future.cancel(false);
    } else {
      boolean special = failed.cause() instanceof CompletionException;
      future.completeExceptionally(
          special ? new CompletionException(failed.cause()) : failed.cause());
    }
    return future;
  }

  @Override
  public Stream<R> stream() {
    Iterator<R> values = new UntilFailure<>(values(true), this::cancel);
    return ClosingStream.of(
        StreamSupport.stream(
                Spliterators.spliteratorUnknownSize(values, Spliterator.ORDERED), false)
            .onClose(this::cancel),
        this::cancel);
  }

  /** Values and failures, which are thrown. */
  Iterator<R> values(boolean ordered) {
    Outcomes outcomes = consume(ordered);
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return outcomes.hasNext();
      }

      @Override
      @SuppressWarnings("unchecked") // the function returned an R
      public R next() {
        Object outcome = outcomes.next();
        if (outcome instanceof Failed failed) {
          throw failed.dropped() ? thrown(failed.cause()) : new CompletionException(failed.cause());
        }
        return (R) outcome;
      }
    };
  }

  @Override
  public List<R> results() throws InterruptedException, ExecutionException {
    checkOpen();
    run.runToEnd();
    synchronized (this) {
      if (results == null && failure == null) {
        collect();
      }
      if (failure != null) {
        throw new ExecutionException(failure.getCause());
      }
      return results;
    }
  }

  /** Can be interrupted; the next call then continues. */
  @SuppressWarnings("unchecked") // the function returned R
  private void collect() throws InterruptedException {
    if (!collecting && !run.consume()) {
      throw new IllegalStateException("The results of a batch can be consumed only once");
    }
    collecting = true;
    try {
      Object[] outcomes = run.take(true, 0);
      while (outcomes != null) {
        for (Object outcome : outcomes) {
          if (outcome instanceof Failed failed) {
            failure = new ExecutionException(failed.cause());
            cancel();
            return;
          }
          collected.add((R) outcome);
        }
        outcomes = run.take(true, outcomes.length);
      }
      results = collected;
    } catch (BatchEndedException e) {
      failure = new ExecutionException(e.getCause());
    }
  }

  @Override
  public boolean submitted() {
    return run.isSubmitted();
  }

  @Override
  public boolean finished() {
    return run.isFinishedNow();
  }

  @Override
  public boolean await(Duration timeout) throws InterruptedException {
    try {
      return run.await(TimeUnit.NANOSECONDS.convert(timeout));
    } finally {
      Reference.reachabilityFence(this); // a thread that waits keeps it reachable
    }
  }

  @Override
  public boolean cancel() {
    return run.cancel();
  }

  @Override
  public void close() {
    closed = true;
    cancel();
  }
}
