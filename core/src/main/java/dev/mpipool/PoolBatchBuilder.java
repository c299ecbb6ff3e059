package dev.mpipool;

import dev.mpipool.batch.BatchOptions;
import dev.mpipool.batch.BatchRun;
import dev.mpipool.batch.ClosingStream;
import dev.mpipool.batch.ItemSource;
import dev.mpipool.batch.UntilFailure;
import dev.mpipool.serial.ItemFunction;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Iterator;
import java.util.Objects;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.concurrent.CancellationException;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.apache.commons.lang3.Validate;

/** Collects the options of a batch and starts it. */
final class PoolBatchBuilder implements BatchBuilder {

  private final PoolOnMain pool;
  private int chunkSize;
  private int lookAhead;
  private Duration timeout;
  private boolean unordered;
  private Path cache;

  PoolBatchBuilder(PoolOnMain pool) {
    this.pool = pool;
  }

  @Override
  public BatchBuilder chunkSize(int items) {
    Validate.isTrue(items > 0, "A chunk has at least one item, not %d", items);
    chunkSize = items;
    return this;
  }

  @Override
  public BatchBuilder lookAhead(int items) {
    Validate.isTrue(items > 0, "A batch looks ahead by at least one item, not %d", items);
    lookAhead = items;
    return this;
  }

  @Override
  public BatchBuilder timeout(Duration whole) {
    Validate.isTrue(
        !whole.isNegative() && !whole.isZero(), "A timeout is positive, but this is %s", whole);
    timeout = whole;
    return this;
  }

  @Override
  public BatchBuilder unordered() {
    unordered = true;
    return this;
  }

  @Override
  public BatchBuilder cachedIn(Path folder) {
    cache = Objects.requireNonNull(folder, "folder");
    return this;
  }

  @Override
  public <A, R> Batch<R> submit(
      SerializableFunction<? super A, ? extends R> fn, Iterable<? extends A> a) {
    return start(one(fn), source(a));
  }

  @Override
  public <A, B, R> Batch<R> submit(
      SerializableBiFunction<? super A, ? super B, ? extends R> fn,
      Iterable<? extends A> a,
      Iterable<? extends B> b) {
    return start(two(fn), source(a, b));
  }

  @Override
  public <A, B, C, R> Batch<R> submit(
      SerializableTriFunction<? super A, ? super B, ? super C, ? extends R> fn,
      Iterable<? extends A> a,
      Iterable<? extends B> b,
      Iterable<? extends C> c) {
    return start(three(fn), source(a, b, c));
  }

  @Override
  public <A, R> Stream<R> map(
      SerializableFunction<? super A, ? extends R> fn, Iterable<? extends A> a) {
    return lazily(one(fn), source(a));
  }

  @Override
  public <A, B, R> Stream<R> map(
      SerializableBiFunction<? super A, ? super B, ? extends R> fn,
      Iterable<? extends A> a,
      Iterable<? extends B> b) {
    return lazily(two(fn), source(a, b));
  }

  @Override
  public <A, B, C, R> Stream<R> map(
      SerializableTriFunction<? super A, ? super B, ? super C, ? extends R> fn,
      Iterable<? extends A> a,
      Iterable<? extends B> b,
      Iterable<? extends C> c) {
    return lazily(three(fn), source(a, b, c));
  }

  private static <A> ItemFunction one(SerializableFunction<? super A, ?> fn) {
    return new Calls.EachOfOne<A>(Objects.requireNonNull(fn, "fn"));
  }

  private static <A, B> ItemFunction two(SerializableBiFunction<? super A, ? super B, ?> fn) {
    return new Calls.EachOfTwo<A, B>(Objects.requireNonNull(fn, "fn"));
  }

  private static <A, B, C> ItemFunction three(
      SerializableTriFunction<? super A, ? super B, ? super C, ?> fn) {
    return new Calls.EachOfThree<A, B, C>(Objects.requireNonNull(fn, "fn"));
  }

  private static ItemSource source(Iterable<?>... iterables) {
    for (Iterable<?> iterable : iterables) {
      Objects.requireNonNull(iterable, "iterable");
    }
    return new ItemSource(iterables);
  }

  private <R> PoolBatch<R> start(ItemFunction function, ItemSource source) {
    BatchOptions options = new BatchOptions(chunkSize, lookAhead, timeout, cache);
    return new PoolBatch<>(pool.prepareBatch(function).apply(source, options));
  }

  /** Nothing is taken or sent before the stream is used. */
  private <R> Stream<R> lazily(ItemFunction function, ItemSource source) {
    BatchOptions options = new BatchOptions(chunkSize, lookAhead, timeout, cache);
    BiFunction<ItemSource, BatchOptions, BatchRun> prepared = pool.prepareBatch(function);
    LazyStart<R> results = new LazyStart<>(() -> prepared.apply(source, options), !unordered);
    int characteristics = unordered ? 0 : Spliterator.ORDERED;
    Stream<R> stream =
        StreamSupport.stream(
                Spliterators.spliteratorUnknownSize(
                    new UntilFailure<>(results, results::cancel), characteristics),
                false)
            .onClose(results::cancel);
    return ClosingStream.of(stream, results::cancel);
  }

  /** Starts its batch when it is asked for the first result. */
  private static final class LazyStart<R> implements Iterator<R> {
    private final boolean ordered;
    private Iterator<R> results;

    // guarded by this

    /** Holds the function and the elements, and so is forgotten when it is done. */
    private Supplier<BatchRun> start;

    private PoolBatch<R> batch;
    private boolean cancelled;

    LazyStart(Supplier<BatchRun> start, boolean ordered) {
      this.start = start;
      this.ordered = ordered;
    }

    private Iterator<R> results() {
      if (results == null) {
        results = begun().values(ordered);
      }
      return results;
    }

    private synchronized PoolBatch<R> begun() {
      if (cancelled) {
        throw new CancellationException("The stream was closed before it was read");
      }
      batch = new PoolBatch<>(start.get());
      start = null;
      return batch;
    }

    @Override
    public boolean hasNext() {
      return results().hasNext();
    }

    @Override
    public R next() {
      return results().next();
    }

    synchronized void cancel() {
      cancelled = true;
      start = null;
      if (batch != null) {
        batch.cancel();
      }
    }
  }
}
