package dev.mpipool.batch;

import dev.mpipool.batch.BatchState.Phase;
import dev.mpipool.dispatch.Dispatcher;
import dev.mpipool.dispatch.TaskSource;
import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Unreachable;
import dev.mpipool.serial.LeanSerializer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running batch: takes elements from the user's iterables, sends them in chunks, and collects the
 * results. Has one method for each event, in the order of a batch's life.
 *
 * <p>The {@link Feeder} takes elements and fills chunks, of the size that {@link ChunkSizer}
 * determines, as long as fewer elements than the look-ahead are in flight or wait for the consumer.
 * The {@link ChunkSubmitter} submits the chunks as tasks. {@link BatchState} has the phase, the
 * user's demand, and the {@link BatchResults}.
 *
 * <p><b>Consuming.</b> One consumer takes chunks, in the order of elements or of answers, which
 * makes room for more. If the end is awaited instead, nothing needs to be consumed, and the
 * look-ahead bounds only elements in flight.
 *
 * <p><b>The end</b> comes when the source is exhausted and every chunk is answered, or early, with
 * a reason, which the consumer gets after the results. Chunks in flight are then cancelled, or
 * still awaited, depending on the reason.
 *
 * <p>This class has no lock: it changes the state, and then acts on the change. The dispatcher and
 * user code are called without the state's lock.
 *
 * <p>If memory runs out, an element fails, or the batch ends with the {@link OutOfMemoryError}. In
 * any case every element taken from the iterables gets an outcome, and the pool is informed of the
 * end.
 */
public final class BatchRun implements TaskSource {

  private static final Logger LOG = LoggerFactory.getLogger(BatchRun.class);

  private static final long CLOSING_NANOS = TimeUnit.SECONDS.toNanos(2);

  private final Dispatcher dispatcher;
  private final LeanSerializer serializer;
  private final BatchOptions options;
  private final boolean mayBeEndless;
  private final BatchState state;
  private final ChunkSubmitter chunks;
  private final Feeder feeder;
  private final CompletableFuture<Void> timer = new CompletableFuture<>();
  private final Runnable lettingGo = this::letGo;

  /** Null if results are not kept. Set at the start. */
  private ItemCache cache;

  /**
   * Creates a batch; {@link #start} begins it.
   *
   * @param dispatcher runs the chunks
   * @param serializer for elements and results
   * @param function an encoded ItemFunction
   * @param code the user's function, for messages
   * @param source of the elements
   * @param options of the batch
   */
  public BatchRun(
      Dispatcher dispatcher,
      LeanSerializer serializer,
      ByteBuffer function,
      Object code,
      ItemSource source,
      BatchOptions options) {
    this.dispatcher = dispatcher;
    this.serializer = serializer;
    this.options = options;
    this.mayBeEndless = source.size() == Long.MAX_VALUE;
    ChunkSizer sizer = new ChunkSizer(options.chunkSize(), options.lookAhead(), source.size());
    this.state = new BatchState(sizer, options.cache() != null);
    this.chunks =
        new ChunkSubmitter(
            dispatcher, this, serializer, function, code, source.arity(), state, this::answered);
    this.feeder = new Feeder(source, state, chunks, this::sourceEnded);
  }

  /**
   * Begins to take elements.
   *
   * @param impossible why the batch has to end at once, or null
   * @throws RejectedExecutionException if the pool is shut down or broken
   * @throws UncheckedIOException if the cache folder cannot be used
   */
  public void start(Throwable impossible) {
    state.taskThreads(dispatcher.taskThreads());
    openCache();
    try {
      dispatcher.addSource(this);
    } catch (RuntimeException e) {
      closeCache();
      throw e;
    }
    if (impossible != null) {
      end(Phase.STOPPED, impossible);
      return;
    }
    feeder.start();
    if (options.timeout() != null) {
      Duration timeout = options.timeout();
      timer
          .orTimeout(TimeUnit.NANOSECONDS.convert(timeout), TimeUnit.NANOSECONDS)
          .whenComplete((done, late) -> timeIsUp(late, timeout));
    }
  }

  private void openCache() {
    if (options.cache() != null) {
      try {
        cache = new ItemCache(options.cache(), serializer);
        feeder.useCache(cache);
      } catch (IOException e) {
        throw new UncheckedIOException(
            "Results cannot be cached in %s: %s".formatted(options.cache(), e), e);
      }
    }
  }

  private void closeCache() {
    if (cache != null) {
      try {
        cache.close();
      } catch (IOException e) {
        LOG.warn("The results in {} may not survive a crash of this machine", options.cache(), e);
      }
    }
  }

  // ---- chunks

  /** Handles a chunk that is done. Does not fail, even without memory. */
  private void answered(Part part, ChunkFuture chunk, Integer done, Throwable failure) {
    try {
      handleOutcomes(part, chunk, done, failure);
    } catch (Throwable e) {
      chunks.fail(chunk, 0, e);
    }
    if (state.answered(part, chunk, failure == null ? done : 0)) {
      Memory.persist(lettingGo);
    } else {
      feeder.watchIfShortOfWork();
    }
  }

  private void handleOutcomes(Part part, ChunkFuture chunk, Integer done, Throwable failure) {
    state.taskThreads(dispatcher.taskThreads());
    if (failure != null) {
      chunks.fail(chunk, 0, failure);
    } else {
      save(part, chunk.offset(), done);
      if (done < chunk.count()) {
        chunks.submitRest(part, chunk, done);
      }
    }
  }

  private void save(Part part, int offset, int done) {
    if (cache == null) {
      return;
    }
    try {
      for (int i = offset; i < offset + done; i++) {
        cache.save(part.firstIndex + i, part.outcomes[i]);
      }
    } catch (Exception | OutOfMemoryError e) {
      Memory.persist(() -> end(Phase.DROPPING, e)); // what cannot be saved is not worth computing
    }
  }

  // ---- the end

  /** Ends the batch: the source is exhausted, or if not null, its iterator threw this failure. */
  private void sourceEnded(Throwable failure) {
    end(failure == null ? Phase.EXHAUSTED : Phase.STOPPED, failure);
  }

  private void timeIsUp(Throwable late, Duration timeout) {
    if (late instanceof TimeoutException) {
      Memory.persist(
          () ->
              end(
                  Phase.DROPPING,
                  new TimeoutException("The batch has taken longer than " + timeout)));
    }
  }

  /**
   * {@inheritDoc}
   *
   * <p>A batch without a consumer runs to its end, since its tasks must be done; a batch with a
   * consumer, which might stop consuming, stops.
   */
  @Override
  public void poolShutDown() {
    Demand before = state.shutDown();
    if (before.isConsumed()) {
      Memory.persist(feeder::handInRest);
      end(
          Phase.STOPPED,
          new RejectedExecutionException("The pool was shut down before all was submitted"));
    } else if (before == Demand.PARKED) {
      try {
        feeder.start();
      } catch (OutOfMemoryError e) {
        state.parkAgain(); // until the next shutdown
        throw e;
      }
    }
  }

  @Override
  public void poolEnded(Throwable why) {
    end(Phase.DROPPING, why);
  }

  /**
   * Releases the batch when the user cannot reach its results any more.
   *
   * @param handle the user's object; this batch must not refer to it
   */
  public void letGoWithout(Object handle) {
    Unreachable.whenUnreachable(handle, this::abandoned);
  }

  /** The results have become unreachable, which cancels a batch that has a consumer. */
  private void abandoned() {
    if (!state.abandon(mayBeEndless)) {
      end(
          Phase.DROPPING,
          new CancellationException("The results of the batch cannot be reached any more"));
    }
  }

  /**
   * Cancels the batch. If it has a cache, waits 2 s at most until another batch can use it; an
   * interrupt ends the wait, and the status is restored.
   *
   * @return false if the batch was cancelled or at its end before
   */
  public boolean cancel() {
    boolean ended = end(Phase.DROPPING, new CancellationException("The batch was cancelled"));
    if (ended && cache != null) {
      try {
        state.awaitOver(CLOSING_NANOS); // a matter of milliseconds
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    return ended;
  }

  /**
   * Takes no more elements.
   *
   * @param next the phase to enter
   * @param reason null if the source is exhausted
   * @return false if the batch was in this phase, or one that takes precedence, before
   */
  private boolean end(Phase next, Throwable reason) {
    List<ChunkFuture> dropped = state.end(next, reason);
    if (dropped == null) {
      return false;
    }
    if (reason != null) {
      feeder.interrupt();
    }
    cancel(dropped);
    if (state.finish()) {
      Memory.persist(lettingGo);
    }
    return true;
  }

  /** Cancels chunks. If memory runs out, the remaining ones run to their end. */
  private static void cancel(List<ChunkFuture> futures) {
    try {
      futures.forEach(future -> future.cancel(true));
    } catch (OutOfMemoryError e) {
      LOG.warn("There is no memory to cancel all of a batch", e);
    }
  }

  private void letGo() {
    timer.complete(null);
    if (!state.isOver()) {
      closeCache();
      state.cacheClosed();
    }
    chunks.unshare();
    dispatcher.removeSource(this);
    chunks.letGo();
    feeder.letGo();
  }

  // ---- the consumer

  /**
   * Registers the only consumer.
   *
   * @return false if there is one already
   */
  public boolean consume() {
    return state.consume();
  }

  /** Runs the batch to its end; from now on nothing needs to be consumed. */
  public void runToEnd() {
    state.runToEnd();
  }

  /**
   * Waits for more of the results.
   *
   * @param ordered true for the order of elements, false for that of answers
   * @param before with how many earlier elements the consumer is done
   * @return for each element its value or a {@link Failed}; null at the end
   * @throws BatchEndedException if the batch has ended early and all results have been taken
   * @throws InterruptedException if the calling thread is interrupted
   */
  public Object[] take(boolean ordered, int before)
      throws BatchEndedException, InterruptedException {
    return state.take(ordered, before);
  }

  /**
   * The index of the first element of the last result of {@link #take}.
   *
   * @return the place among all elements, from 0
   */
  public long takenFrom() {
    return state.takenFrom();
  }

  /**
   * Whether all elements have been taken from the iterables. Without a consumer the batch runs to
   * its end from now on.
   *
   * @return true also if the batch has ended early
   */
  public boolean isSubmitted() {
    return state.askSubmitted();
  }

  /**
   * Whether the batch is over. Without a consumer the batch runs to its end from now on.
   *
   * @return true when every chunk is answered and the cache is closed
   */
  public boolean isFinishedNow() {
    return state.askOver();
  }

  /**
   * Runs the batch to its end, and waits until it is over.
   *
   * @param nanos how long at most
   * @return whether the batch is over
   * @throws InterruptedException if the calling thread is interrupted
   */
  public boolean await(long nanos) throws InterruptedException {
    state.runToEnd();
    return state.awaitOver(nanos);
  }
}
