package dev.mpipool.dispatch;

import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Ring;
import dev.mpipool.wire.Chunk;
import dev.mpipool.wire.LeanSerializer;
import dev.mpipool.wire.SharedValue;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A batch on its way: items are taken from the user's iterables, share chunks, and come back.
 *
 * <p><b>Taking.</b> A thread of the batch, the feeder, takes items and fills a chunk, as long as
 * fewer than the look-ahead are under way or wait for the consumer. A chunk is handed in when it is
 * full. If the user's iterator blocks while the chunk has items and a worker has nothing to do,
 * somebody else hands it in: a watch, set when the chunk begins and the workers are short of work,
 * looks after a millisecond. So an item waits for company, but not for long.
 *
 * <p><b>Size of a chunk.</b> See {@link ChunkSizer}.
 *
 * <p><b>Consuming.</b> One consumer takes chunks, in the order of the items or of their answers.
 * What it has taken makes room for more. When somebody waits for the end instead, nothing needs to
 * be consumed, and only what is under way is bounded.
 *
 * <p><b>The end</b> comes when the source is exhausted and every chunk is answered, or early: with
 * a reason, which the consumer gets after what is there. What is under way then is dropped, if the
 * user wants no more of it, or else still comes.
 *
 * <p>Two locks: {@code state} for the books, and {@code filling} for the chunk that is filled,
 * which is held while user code encodes an item, but not while it takes one. {@code filling} may be
 * held when {@code state} is taken; neither the dispatcher nor user code is called with {@code
 * state} held.
 *
 * <p>Without memory an element fails, or the batch ends with the {@link OutOfMemoryError}; what has
 * been taken from the iterables has an outcome in any case, and the pool hears of the end.
 */
public final class BatchRun implements TaskSource {

  private static final Logger LOG = LoggerFactory.getLogger(BatchRun.class);

  private static final long CLOSING_NANOS = TimeUnit.SECONDS.toNanos(2);

  private static final Executor AFTER_A_MILLISECOND =
      CompletableFuture.delayedExecutor(1, TimeUnit.MILLISECONDS, Runnable::run);

  /**
   * Items on their way or answered, until they are consumed: a chunk, or what it was divided into.
   */
  private static final class Part {
    final long firstIndex;
    final Object[] outcomes;
    final ArrayList<ChunkFuture> underWay = new ArrayList<>(1);
    boolean done;

    Part(long firstIndex, Object[] outcomes) {
      this.firstIndex = firstIndex;
      this.outcomes = outcomes;
    }
  }

  private final Dispatcher dispatcher;
  private final LeanSerializer serializer;
  private final long functionNumber;
  private final int arity;
  private final long size;
  private final BatchOptions options;
  private final ChunkSizer sizer;

  // the user's objects, which are let go when the batch is over

  private volatile SharedValue function;
  private volatile Object code;
  private volatile ItemSource source;

  private final CompletableFuture<Void> timer = new CompletableFuture<>();
  private final Runnable lettingGo = this::letGo;
  private final AtomicBoolean watched = new AtomicBoolean();
  private volatile int taskThreads;

  /** Null if results are not kept. */
  private ItemCache cache;

  // the feeder's own
  private volatile Thread feeder;
  private long taken;

  /** How many items may be taken before it has to look again. */
  private long room;

  // guarded by filling
  private final ReentrantLock filling = new ReentrantLock();
  private Chunk chunk;
  private List<Failed> unsent;
  private long firstIndex;
  private int lastLength = 64;
  private volatile boolean flushWanted;

  // guarded by state
  private final ReentrantLock state = new ReentrantLock();
  private final Condition changed = state.newCondition();
  private final Ring<Part> inOrder = new Ring<>();
  private final Ring<Part> answered = new Ring<>();
  private long completed;
  private long consumed;
  private int underWay;
  private boolean exhausted;
  private volatile Throwable endedBy;
  private boolean dropping;
  private boolean consumer;
  private boolean runToEnd;
  private boolean removed;
  private boolean cacheClosed;
  private long takenFrom;

  /** Whether nobody can reach the results any more, and nobody ever asked for them. */
  private boolean discarding;

  /** Whether the feeder has ended before the source, for want of somebody who wants more. */
  private boolean parked;

  private volatile int adaptedSize = ChunkSizer.FIRST_SIZE;

  /**
   * Creates a batch; {@link #start} begins it.
   *
   * @param dispatcher runs the chunks
   * @param serializer for items and results
   * @param function encoded, an ItemFunction
   * @param code the user's function, for messages
   * @param source the items
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
    this.function = new SharedValue(function);
    this.functionNumber = this.function.number();
    this.code = code;
    this.source = source;
    this.arity = source.arity();
    this.size = source.size();
    this.options = options;
    this.sizer = new ChunkSizer(options.chunkSize(), options.lookAhead(), size);
  }

  /**
   * Begins to take items.
   *
   * @param impossible null, or why the batch has to end before it has begun
   * @throws RejectedExecutionException if the pool is shut down or broken
   * @throws UncheckedIOException if there is a cache and its folder cannot be had
   */
  public void start(Throwable impossible) {
    taskThreads = Math.max(1, dispatcher.taskThreads());
    openCache();
    try {
      dispatcher.addSource(this);
    } catch (RuntimeException e) {
      closeCache();
      throw e;
    }
    if (impossible != null) {
      end(impossible, false);
      return;
    }
    startFeeder();
    if (options.timeout() != null) {
      Duration timeout = options.timeout();
      timer
          .orTimeout(TimeUnit.NANOSECONDS.convert(timeout), TimeUnit.NANOSECONDS)
          .whenComplete((done, late) -> timeIsUp(late, timeout));
    }
  }

  private void startFeeder() {
    Thread thread = new Thread(this::feed, "mpipool-batch");
    thread.setDaemon(true);
    feeder = thread;
    thread.start();
  }

  private void openCache() {
    if (options.cache() != null) {
      try {
        cache = new ItemCache(options.cache(), serializer);
      } catch (IOException e) {
        throw new UncheckedIOException(
            "Results cannot be cached in %s: %s".formatted(options.cache(), e), e);
      }
    }
  }

  private void closeCache() {
    if (cache != null && !cacheClosed) {
      try {
        cache.close();
      } catch (IOException e) {
        LOG.warn("The results in {} may not survive a crash of this machine", options.cache(), e);
      }
      state.lock();
      try {
        cacheClosed = true;
        changed.signalAll();
      } finally {
        state.unlock();
      }
    }
  }

  private void timeIsUp(Throwable late, Duration timeout) {
    if (late instanceof TimeoutException) {
      Memory.persist(
          () -> end(new TimeoutException("The batch has taken longer than " + timeout), true));
    }
  }

  // ---- the feeder

  private void feed() {
    Object[] item = new Object[arity];
    ItemSource items = source;
    try {
      boolean more = true;
      while (more && awaitRoom()) {
        more = items.next(item) && endedBy == null;
        if (more) {
          take(item);
        }
      }
      if (more && endedBy == null) {
        return; // parked
      }
      endFeeding(null);
    } catch (Throwable e) { // of the user's iterator, or an exhausted memory
      endFeeding(e);
    }
  }

  private void endFeeding(Throwable reason) {
    Memory.persist(this::handInRest);
    Memory.persist(() -> end(reason, false));
  }

  private void take(Object[] item) throws Exception {
    Optional<ItemCache.Known> known = cache == null ? Optional.empty() : cache.find(taken, item);
    if (known.isPresent()) {
      addKnown(known.get().result());
    } else {
      add(item);
    }
  }

  /** Waits until an item may be taken; false if none is to be, by this thread at least. */
  private boolean awaitRoom() throws InterruptedException {
    if (room == 0) {
      room = roomNow();
      if (room == 0) {
        handInRest();
        room = awaitedRoom();
        if (room == 0) {
          return false;
        }
      }
    }
    room--;
    return endedBy == null;
  }

  private long roomNow() {
    state.lock();
    try {
      return Math.max(
          0, sizer.ahead(adaptedSize, taskThreads) - (taken - (runToEnd ? completed : consumed)));
    } finally {
      state.unlock();
    }
  }

  /** 0 if the wait may take for ever, and needs no thread. */
  private long awaitedRoom() throws InterruptedException {
    state.lockInterruptibly();
    try {
      while (endedBy == null && roomNow() == 0) {
        if (discarding && !runToEnd) {
          parked = true;
          return 0;
        }
        changed.await();
      }
      return Math.max(1, roomNow());
    } finally {
      state.unlock();
    }
  }

  private void add(Object[] item) {
    boolean begun;
    filling.lock();
    try {
      begun = chunk == null;
      if (begun) {
        chunk = new Chunk(functionNumber, serializer, lastLength);
        unsent = null;
      }
      int before = chunk.count();
      try {
        chunk.add(item);
      } catch (Throwable e) {
        if (chunk.count() == before) {
          throw new OutOfMemoryError("There is no memory for an element of a batch");
        }
        Memory.persist(() -> keepUnsent(e));
      }
      taken++;
      int size = sizer.size(adaptedSize, firstIndex, taskThreads);
      if (flushWanted || ChunkSizer.isFull(chunk.count(), chunk.length(), size)) {
        handIn();
        return;
      }
    } finally {
      filling.unlock();
    }
    if (begun) {
      watchIfShortOfWork();
    }
  }

  /** An item whose result is there already is a part of its own, which nobody has to answer. */
  private void addKnown(Object result) {
    filling.lock();
    try {
      handIn();
      Part part = new Part(firstIndex, new Object[] {result});
      part.done = true;
      state.lock();
      try {
        if (!discarding) {
          answered.ensureRoom(1);
          inOrder.add(part);
          answered.add(part);
        }
        completed++;
        firstIndex++;
        taken++;
        changed.signalAll();
      } finally {
        state.unlock();
      }
    } finally {
      filling.unlock();
    }
  }

  private void keepUnsent(Throwable failure) {
    if (unsent == null) {
      unsent = new ArrayList<>();
    }
    while (unsent.size() < chunk.count() - 1) {
      unsent.add(null);
    }
    if (unsent.size() < chunk.count()) {
      long index = firstIndex + chunk.count() - 1;
      unsent.add(new Failed(dispatcher.outcome().unsendable(code, index, failure)));
    }
  }

  private void handInRest() {
    filling.lock();
    try {
      handIn();
    } finally {
      filling.unlock();
    }
  }

  /** Hands the chunk in, if there is one; with filling held. */
  private void handIn() {
    flushWanted = false;
    if (chunk == null) {
      return;
    }
    Chunk full = chunk;
    Object[] failed = unsent == null ? new Object[0] : unsent.toArray();
    Part part = new Part(firstIndex, Arrays.copyOf(failed, full.count()));
    List<ChunkFuture> futures = begin(part, List.of(full.toBuffer()), 0);
    chunk = null;
    lastLength = full.length();
    firstIndex += full.count();
    submit(futures);
  }

  /** Chunks that follow each other in a part, and are under way from now on: to be submitted. */
  private List<ChunkFuture> begin(Part part, List<ByteBuffer> bodies, int offset) {
    List<ChunkFuture> futures = new ArrayList<>(bodies.size());
    int next = offset;
    for (ByteBuffer body : bodies) {
      ChunkFuture future =
          new ChunkFuture(
              dispatcher, function, code, serializer, body, part.firstIndex, part.outcomes, next);
      next += future.count();
      futures.add(future);
      future.whenComplete((done, failure) -> answered(part, future, done, failure));
    }
    state.lock();
    try {
      if (dropping || removed) {
        for (ChunkFuture future : futures) {
          future.failAll(new Failed(endedBy, true));
        }
        return List.of();
      }
      part.underWay.ensureCapacity(part.underWay.size() + futures.size());
      if (part.underWay.isEmpty()) {
        inOrder.add(part);
      }
      for (int i = 0; i < futures.size(); i++) {
        part.underWay.add(futures.get(i));
      }
      underWay += futures.size();
      return futures;
    } finally {
      state.unlock();
    }
  }

  private void submit(List<ChunkFuture> futures) {
    for (int i = 0; i < futures.size(); i++) {
      submitSurely(futures.get(i));
    }
  }

  /** It is under way: if there is no memory to submit it, it fails. */
  private void submitSurely(ChunkFuture future) {
    long pause = 0;
    OutOfMemoryError failure = null;
    while (!future.isDone()) {
      try {
        if (failure != null) {
          future.fail(failure);
          return;
        }
        dispatcher.submitFrom(this, future, future.body());
        return;
      } catch (OutOfMemoryError e) {
        failure = Memory.mayReturn(0) ? null : e;
        pause = Memory.pause(pause);
      }
    }
  }

  // ---- answers

  private void answered(Part part, ChunkFuture future, Integer done, Throwable failure) {
    try {
      takeOutcomes(part, future, done, failure);
    } catch (Throwable e) {
      failSurely(future, 0, e);
    }
    if (book(part, future, failure == null ? done : 0)) {
      finished();
    } else {
      watchIfShortOfWork();
    }
  }

  private void takeOutcomes(Part part, ChunkFuture future, Integer done, Throwable failure) {
    taskThreads = Math.max(1, dispatcher.taskThreads());
    if (failure != null) {
      failSurely(future, 0, failure);
    } else {
      save(part, future.offset(), done);
      if (done < future.count()) {
        submitRest(part, future, done);
      }
    }
  }

  private void failSurely(ChunkFuture future, int from, Throwable failure) {
    long pause = 0;
    while (true) {
      try {
        future.failFrom(from, failed(failure));
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  /** A chunk is under way no more; returns whether it was the last. */
  private boolean book(Part part, ChunkFuture future, int done) {
    Memory.lock(state);
    try {
      underWay--;
      part.underWay.remove(future);
      part.done = part.underWay.isEmpty();
      if (part.done) {
        completed += part.outcomes.length;
        if (discarding) {
          inOrder.remove(part);
        } else {
          addSurely(answered, part);
        }
      }
      if (done > 0) {
        adaptedSize = ChunkSizer.adapted(adaptedSize, future.nanos() / done);
      }
      changed.signalAll();
      return isFinished();
    } finally {
      state.unlock();
    }
  }

  private static void addSurely(Ring<Part> parts, Part part) {
    long pause = 0;
    while (true) {
      try {
        parts.add(part);
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
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
      Memory.persist(() -> end(e, true)); // what cannot be saved need not be computed
    }
  }

  /** A worker has given items back: they go to as many as want some. */
  private void submitRest(Part part, ChunkFuture future, int done) {
    List<ChunkFuture> rest = List.of();
    long pause = 0;
    while (true) {
      try {
        List<ByteBuffer> pieces = Chunk.divide(future.body(), done, arity, 2 * taskThreads);
        rest = begin(part, pieces, future.offset() + done);
        break;
      } catch (OutOfMemoryError e) {
        if (!Memory.mayReturn(0)) {
          failSurely(future, done, e);
          break;
        }
        pause = Memory.pause(pause);
      } catch (IOException e) {
        failSurely(future, done, e);
        break;
      }
    }
    submit(rest);
  }

  /** A chunk is cancelled, or fails with the pool, for no fault of its items. */
  private Failed failed(Throwable ofChunk) {
    boolean cancelled = ofChunk instanceof CancellationException;
    Throwable reason = endedBy;
    return new Failed(
        cancelled && reason != null ? reason : ofChunk,
        cancelled || ofChunk instanceof RejectedExecutionException);
  }

  private boolean isFinished() {
    return (exhausted || endedBy != null) && underWay == 0;
  }

  /** Then another batch may have the cache. */
  private boolean isOver() {
    return isFinished() && (cache == null || cacheClosed);
  }

  private void finished() {
    Memory.lock(state);
    try {
      if (removed) {
        return;
      }
      removed = true;
    } finally {
      state.unlock();
    }
    Memory.persist(lettingGo);
  }

  private void letGo() {
    timer.complete(null);
    closeCache();
    dispatcher.unshare(function);
    dispatcher.removeSource(this);
    function = null;
    code = null;
    source = null;
  }

  // ---- the watch

  /** A chunk that is not full must not wait while workers do. */
  private void watchIfShortOfWork() {
    if (isShortOfWork() && watched.compareAndSet(false, true)) {
      try {
        AFTER_A_MILLISECOND.execute(this::watch);
      } catch (OutOfMemoryError e) { // then now
        watched.set(false);
        flush();
      }
    }
  }

  /** False if the feeder is at it. */
  private boolean flush() {
    if (!filling.tryLock()) {
      return false;
    }
    try {
      handIn();
    } catch (OutOfMemoryError e) {
      // the feeder does, or the next watch
    } finally {
      filling.unlock();
    }
    return true;
  }

  private boolean isShortOfWork() {
    Memory.lock(state);
    try {
      return underWay < taskThreads && !exhausted;
    } finally {
      state.unlock();
    }
  }

  private void watch() {
    watched.set(false);
    if (!isShortOfWork()) {
      return;
    }
    if (!flush()) {
      flushWanted = true; // the feeder is at it, and looks; if it has just looked, the next watch
      watchIfShortOfWork();
    }
  }

  // ---- the end

  @Override
  public void poolShutDown() {
    state.lock();
    try {
      if (!consumer) {
        runToEnd = true; // nobody has asked for results: what counts is that all is done
        changed.signalAll();
        if (parked) {
          startFeeder();
          parked = false;
        }
        return;
      }
    } finally {
      state.unlock();
    }
    Memory.persist(this::handInRest);
    end(new RejectedExecutionException("The pool was shut down before all was submitted"), false);
  }

  @Override
  public void poolEnded(Throwable why) {
    end(why, true);
  }

  /**
   * Has the batch let go when the user cannot reach its results any more.
   *
   * @param handle what the user has; this batch must not refer to it
   */
  public void letGoWithout(Object handle) {
    Unreachable.whenUnreachable(handle, this::abandoned);
  }

  /**
   * Nobody can reach the results any more. If somebody has begun to read them, that is as if he had
   * cancelled. If nobody has, the batch may be there for what its tasks do, which must not depend
   * on the garbage collector: it goes on as far as it would have gone, without keeping results. A
   * source that may be endless waits for the end of the pool then, without a thread.
   */
  private void abandoned() {
    state.lock();
    try {
      if (!consumer) {
        discarding = true;
        runToEnd |= size != Long.MAX_VALUE;
        inOrder.removeIf(part -> part.done);
        answered.clear();
        changed.signalAll();
        return;
      }
    } finally {
      state.unlock();
    }
    end(new CancellationException("The results of the batch cannot be reached any more"), true);
  }

  /** The user wants no more of it. */
  public boolean cancel() {
    boolean ended = end(new CancellationException("The batch was cancelled"), true);
    if (ended && cache != null) {
      awaitCacheClosed();
    }
    return ended;
  }

  /** So that who has cancelled can begin anew. What it waits for is a matter of milliseconds. */
  private void awaitCacheClosed() {
    state.lock();
    try {
      long rest = CLOSING_NANOS;
      while (!cacheClosed && rest > 0) {
        rest = changed.awaitNanos(rest);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      state.unlock();
    }
  }

  /**
   * Takes no more items.
   *
   * @param reason null if there are no more
   * @param drop whether what is under way is cancelled
   * @return whether it had not ended before
   */
  private boolean end(Throwable reason, boolean drop) {
    List<ChunkFuture> dropped = List.of();
    boolean over;
    state.lock();
    try {
      if (isFinished() || (drop ? dropping : endedBy != null)) {
        return false;
      }
      if (drop) {
        dropped = inOrder.stream().flatMap(part -> part.underWay.stream()).toList();
      }
      if (reason == null) {
        exhausted = true;
      } else if (endedBy == null) {
        endedBy = reason;
      }
      dropping |= drop;
      over = isFinished();
      changed.signalAll();
    } finally {
      state.unlock();
    }
    if (reason != null && feeder != null && Thread.currentThread() != feeder) {
      feeder.interrupt(); // it may wait in the user's iterator
    }
    cancel(dropped);
    if (over) {
      finished();
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

  // ---- the consumer

  /**
   * Becomes the one consumer.
   *
   * @return false if there is one already
   */
  public boolean consume() {
    state.lock();
    try {
      boolean first = !consumer;
      consumer = true;
      return first;
    } finally {
      state.unlock();
    }
  }

  /** Nothing needs to be consumed from now on: somebody waits for the end. */
  public void runToEnd() {
    state.lock();
    try {
      runToEnd = true;
      changed.signalAll();
    } finally {
      state.unlock();
    }
  }

  /** Someone looks whether it is at its end: without a consumer that is enough to get there. */
  private void askedForEnd() {
    if (!consumer && !runToEnd) {
      runToEnd = true;
      changed.signalAll();
    }
  }

  /**
   * Waits for more of the results.
   *
   * @param ordered whether in the order of the items, or else of the answers
   * @param before how many the consumer has had before and needs no more
   * @return for each item its value or a failure; null at the end
   * @throws BatchEndedException if it has ended early, and all that comes has been taken
   * @throws InterruptedException if the calling thread is interrupted
   */
  public Object[] take(boolean ordered, int before)
      throws BatchEndedException, InterruptedException {
    state.lock();
    try {
      consumed += before;
      if (before > 0) {
        changed.signalAll();
      }
      while (true) {
        Part part = next(ordered);
        if (part != null) {
          return part.outcomes;
        }
        boolean nothingLeft = ordered ? inOrder.isEmpty() : answered.isEmpty();
        if (isOver() && nothingLeft) {
          if (endedBy != null) {
            throw new BatchEndedException(endedBy);
          }
          return null;
        }
        changed.await();
      }
    } finally {
      state.unlock();
    }
  }

  private Part next(boolean ordered) {
    Collection<Part> other = ordered ? answered : inOrder;
    Part part = ordered ? inOrder.peek() : answered.peek();
    if (part == null || !part.done) {
      return null;
    }
    (ordered ? inOrder : answered).poll();
    other.remove(part);
    takenFrom = part.firstIndex;
    return part;
  }

  /**
   * Which item the first outcome belongs to that {@link #take} returned last.
   *
   * @return its place among all items, from 0
   */
  public long takenFrom() {
    state.lock();
    try {
      return takenFrom;
    } finally {
      state.unlock();
    }
  }

  /**
   * Whether all items have been taken from the iterables.
   *
   * @return true also if no more will be
   */
  public boolean isSubmitted() {
    state.lock();
    try {
      askedForEnd();
      return exhausted || endedBy != null;
    } finally {
      state.unlock();
    }
  }

  /**
   * Whether nothing is under way any more.
   *
   * @return true when everything that will be done is done
   */
  public boolean isFinishedNow() {
    state.lock();
    try {
      askedForEnd();
      return isOver();
    } finally {
      state.unlock();
    }
  }

  /**
   * Waits until nothing is under way any more.
   *
   * @param nanos how long at most
   * @return whether that is so
   * @throws InterruptedException if the calling thread is interrupted
   */
  public boolean await(long nanos) throws InterruptedException {
    runToEnd();
    long rest = nanos;
    state.lockInterruptibly();
    try {
      while (!isOver()) {
        if (rest <= 0) {
          return false;
        }
        rest = changed.awaitNanos(rest);
      }
      return true;
    } finally {
      state.unlock();
    }
  }
}
