package dev.mpipool.pool;

import dev.mpipool.SerializableBiFunction;
import dev.mpipool.SerializableCallable;
import dev.mpipool.SerializableFunction;
import dev.mpipool.SerializableTriFunction;
import dev.mpipool.batch.UntilFailure;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.apache.commons.lang3.Validate;
import org.apache.commons.lang3.tuple.Pair;
import org.apache.commons.lang3.tuple.Triple;

/**
 * Everything in the thread that calls, while it calls; streams, while they are read. Nothing is
 * serialized: for debugging, and for comparing.
 */
final class SerialPool implements Pool {

  private volatile boolean closed;
  private volatile boolean terminated;

  @Override
  public <R> AsyncResult<R> applyAsync(
      SerializableCallable<R> fn,
      Consumer<? super R> callback,
      Consumer<? super Throwable> errorCallback) {
    Objects.requireNonNull(fn, "fn");
    return done(fn, new Running<>(callback, errorCallback));
  }

  @Override
  public <A, R> AsyncResult<R> applyAsync(
      SerializableFunction<? super A, ? extends R> fn,
      A a,
      Consumer<? super R> callback,
      Consumer<? super Throwable> errorCallback) {
    Objects.requireNonNull(fn, "fn");
    return done(() -> fn.apply(a), new Running<R>(callback, errorCallback));
  }

  @Override
  public <A, B, R> AsyncResult<R> applyAsync(
      SerializableBiFunction<? super A, ? super B, ? extends R> fn,
      A a,
      B b,
      Consumer<? super R> callback,
      Consumer<? super Throwable> errorCallback) {
    Objects.requireNonNull(fn, "fn");
    return done(() -> fn.apply(a, b), new Running<R>(callback, errorCallback));
  }

  @Override
  public <A, B, C, R> AsyncResult<R> applyAsync(
      SerializableTriFunction<? super A, ? super B, ? super C, ? extends R> fn,
      A a,
      B b,
      C c,
      Consumer<? super R> callback,
      Consumer<? super Throwable> errorCallback) {
    Objects.requireNonNull(fn, "fn");
    return done(() -> fn.apply(a, b, c), new Running<R>(callback, errorCallback));
  }

  private <R> AsyncResult<R> done(Callable<? extends R> call, Running<R> running) {
    checkOpen();
    R value;
    try {
      value = call.call();
    } catch (Throwable e) {
      // wrapped, so that what unwraps CompletionExceptions does not unwrap the function's own
      running.fail(new CompletionException(e));
      return running;
    }
    running.succeed(value);
    return running;
  }

  @Override
  public <A, R> AsyncResult<List<R>> mapAsync(
      SerializableFunction<? super A, ? extends R> fn,
      Iterable<? extends A> items,
      int chunkSize,
      Consumer<? super List<R>> callback,
      Consumer<? super Throwable> errorCallback) {
    check(fn, items, chunkSize);
    Running<List<R>> running = new Running<>(callback, errorCallback);
    List<R> results = new ArrayList<>();
    try {
      new Results<>(fn, items).forEachRemaining(results::add);
    } catch (CompletionException e) {
      running.fail(e);
      return running;
    }
    running.succeed(results);
    return running;
  }

  @Override
  public <A, B, R> AsyncResult<List<R>> starmapAsync(
      SerializableBiFunction<? super A, ? super B, ? extends R> fn,
      Iterable<? extends Pair<? extends A, ? extends B>> items,
      int chunkSize,
      Consumer<? super List<R>> callback,
      Consumer<? super Throwable> errorCallback) {
    Objects.requireNonNull(fn, "fn");
    return this.<Pair<? extends A, ? extends B>, R>mapAsync(
        pair -> fn.apply(pair.getLeft(), pair.getRight()),
        items,
        chunkSize,
        callback,
        errorCallback);
  }

  @Override
  public <A, B, C, R> AsyncResult<List<R>> starmapAsync(
      SerializableTriFunction<? super A, ? super B, ? super C, ? extends R> fn,
      Iterable<? extends Triple<? extends A, ? extends B, ? extends C>> items,
      int chunkSize,
      Consumer<? super List<R>> callback,
      Consumer<? super Throwable> errorCallback) {
    Objects.requireNonNull(fn, "fn");
    return this.<Triple<? extends A, ? extends B, ? extends C>, R>mapAsync(
        triple -> fn.apply(triple.getLeft(), triple.getMiddle(), triple.getRight()),
        items,
        chunkSize,
        callback,
        errorCallback);
  }

  @Override
  public <A, R> Stream<R> imap(
      SerializableFunction<? super A, ? extends R> fn, Iterable<? extends A> items, int chunkSize) {
    check(fn, items, chunkSize);
    Reader<R> reader = new Reader<>(new Results<>(fn, items));
    return StreamSupport.stream(
            Spliterators.spliteratorUnknownSize(
                new UntilFailure<>(reader, () -> {}), Spliterator.ORDERED),
            false)
        .onClose(reader::cancel);
  }

  @Override
  public <A, R> Stream<R> imapUnordered(
      SerializableFunction<? super A, ? extends R> fn, Iterable<? extends A> items, int chunkSize) {
    return imap(fn, items, chunkSize);
  }

  /** Calls the function when it is asked for the next result. */
  private static final class Results<A, R> implements Iterator<R> {
    private final SerializableFunction<? super A, ? extends R> fn;
    private final Iterable<? extends A> items;
    private Iterator<? extends A> elements;
    private long index;

    Results(SerializableFunction<? super A, ? extends R> fn, Iterable<? extends A> items) {
      this.fn = fn;
      this.items = items;
    }

    private Iterator<? extends A> elements() {
      if (elements == null) {
        elements = items.iterator();
      }
      return elements;
    }

    @Override
    public boolean hasNext() {
      return ofUser(() -> elements().hasNext());
    }

    @Override
    public R next() {
      A element = ofUser(() -> elements().next());
      try {
        return fn.apply(element);
      } catch (Throwable e) {
        throw Elements.failure(index, element, e);
      } finally {
        index++;
      }
    }
  }

  /** Results for a stream, whose end, like that of the pool, is the end of the results. */
  private final class Reader<R> implements Iterator<R> {
    private final Iterator<R> results;
    private volatile boolean cancelled;

    Reader(Iterator<R> results) {
      this.results = results;
    }

    void cancel() {
      cancelled = true;
    }

    @Override
    public boolean hasNext() {
      if (!results.hasNext()) {
        return false;
      }
      if (cancelled || terminated) {
        throw new CancellationException("The stream or its pool was ended before all was read");
      }
      if (closed) {
        throw new RejectedExecutionException("The pool was closed before all was read");
      }
      return true;
    }

    @Override
    public R next() {
      return results.next();
    }
  }

  /** What an iterable throws comes as it does from the other pools. */
  private static <T> T ofUser(Callable<? extends T> iterables) {
    try {
      return iterables.call();
    } catch (Throwable e) {
      throw new CompletionException(e);
    }
  }

  private void check(Object fn, Iterable<?> items, int chunkSize) {
    Objects.requireNonNull(fn, "fn");
    Objects.requireNonNull(items, "items");
    Validate.isTrue(chunkSize >= 0, "A chunk has at least one element, not %d", chunkSize);
    checkOpen();
  }

  private void checkOpen() {
    if (closed) {
      throw new RejectedExecutionException("The pool is closed");
    }
  }

  @Override
  public int size() {
    return 1;
  }

  @Override
  public boolean isMain() {
    return true;
  }

  @Override
  public boolean isWorker() {
    return false;
  }

  @Override
  public void workersExit() {}

  @Override
  public void terminate() {
    terminated = true;
    closed = true;
  }

  @Override
  public void join() {
    if (!closed) {
      throw new IllegalStateException("The pool still runs: close or terminate it, then join");
    }
  }

  @Override
  public void close() {
    closed = true;
  }
}
