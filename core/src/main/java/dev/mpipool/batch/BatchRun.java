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
 * A batch on its way: elements are taken from the user's iterables, share chunks, and come back. It
 * has one method for each stimulus, in the order of a batch's life.
 *
 * <p>The {@link Feeder} takes elements and fills chunks, of the size that {@link ChunkSizer} says,
 * as long as fewer than the look-ahead are under way or wait for the consumer. The {@link
 * ChunkSubmitter} makes them tasks of the dispatcher. {@link BatchState} knows how far the batch is
 * and what the user wants of it, and has the {@link BatchResults}.
 *
 * <p><b>Consuming.</b> One consumer takes chunks, in the order of the elements or of their answers.
 * What it has taken makes room for more. While the end is awaited instead, nothing needs to be
 * consumed, and only what is under way is bounded.
 *
 * <p><b>The end</b> comes when the source is exhausted and every chunk is answered, or early: with
 * a reason, which the consumer gets after what is there. What is under way then is dropped, if the
 * user wants no more of it, or else still comes.
 *
 * <p>This class has no lock: it changes the state, and then does what follows from the change. The
 * dispatcher and user code are called with no lock of the state held.
 *
 * <p>Without memory an element fails, or the batch ends with the {@link OutOfMemoryError}; what has
 * been taken from the iterables has an outcome in any case, and the pool hears of the end.
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
   * @param function encoded, an ItemFunction
   * @param code the user's function, for messages
   * @param source the elements
   * @param options how it is to go
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
   * @param impossible null, or why the batch has to end before it has begun
   * @throws RejectedExecutionException if the pool is shut down or broken
   * @throws UncheckedIOException if there is a cache and its folder cannot be had
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

  /** A chunk is done. Does not fail, whatever memory there is. */
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
      Memory.persist(() -> end(Phase.DROPPING, e)); // what cannot be saved need not be computed
    }
  }

  // ---- the end

  /** The source has no more elements, or its iterator has thrown this. */
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
   * <p>A batch without a consumer goes on to its end, for what counts is that its tasks are done;
   * one with a consumer, which may never come to its end, stops.
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
   * Has the batch let go when the user cannot reach its results any more.
   *
   * @param handle what the user has; this batch must not refer to it
   */
  public void letGoWithout(Object handle) {
    Unreachable.whenUnreachable(handle, this::abandoned);
  }

  /** The results cannot be reached any more, which counts as cancelling if they are being read. */
  private void abandoned() {
    if (!state.abandon(mayBeEndless)) {
      end(
          Phase.DROPPING,
          new CancellationException("The results of the batch cannot be reached any more"));
    }
  }

  /**
   * Cancels the batch, and waits until its cache can be used again, if it has one.
   *
   * @return whether it was not cancelled or at its end before
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
   * @param next how the batch ends
   * @param reason null if there are no more elements
   * @return whether it had not ended in this way, or another that counts more, before
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

  /** What there is no memory to cancel runs to its end. */
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
   * Becomes the one consumer.
   *
   * @return false if there is one already
   */
  public boolean consume() {
    return state.consume();
  }

  /** The end is awaited: nothing needs to be consumed from now on. */
  public void runToEnd() {
    state.runToEnd();
  }

  /**
   * Waits for more of the results.
   *
   * @param ordered whether in the order of the elements, or else of the answers
   * @param before how many the consumer has had before and needs no more
   * @return for each element its value or a failure; null at the end
   * @throws BatchEndedException if it has ended early, and all that comes has been taken
   * @throws InterruptedException if the calling thread is interrupted
   */
  public Object[] take(boolean ordered, int before)
      throws BatchEndedException, InterruptedException {
    return state.take(ordered, before);
  }

  /**
   * Which element the first outcome belongs to that {@link #take} returned last.
   *
   * @return its place among all elements, from 0
   */
  public long takenFrom() {
    return state.takenFrom();
  }

  /**
   * Whether all elements have been taken from the iterables. Without a consumer the batch runs to
   * its end from now on.
   *
   * @return true also if no more will be
   */
  public boolean isSubmitted() {
    return state.askSubmitted();
  }

  /**
   * Whether nothing is under way any more. Without a consumer the batch runs to its end from now
   * on.
   *
   * @return true when everything that will be done is done
   */
  public boolean isFinishedNow() {
    return state.askOver();
  }

  /**
   * Waits until nothing is under way any more.
   *
   * @param nanos how long at most
   * @return whether that is so
   * @throws InterruptedException if the calling thread is interrupted
   */
  public boolean await(long nanos) throws InterruptedException {
    state.runToEnd();
    return state.awaitOver(nanos);
  }
}
