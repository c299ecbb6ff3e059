package dev.mpipool.batch;

import dev.mpipool.memory.Memory;
import dev.mpipool.protocol.Chunk;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * The thread of a batch that takes elements from the user's iterables, waits for room, and fills
 * chunks.
 *
 * <p>A chunk is submitted when it is full. If the user's iterator blocks while workers are short of
 * work, another thread submits the incomplete chunk: a watch, which is set when a chunk begins,
 * checks after 1 ms.
 *
 * <p>The current chunk has its own lock, {@code filling}, not that of {@link BatchState}, since
 * user code encodes elements under it; elements are taken from the iterators without it. It is also
 * held while a chunk is submitted, which keeps chunks in the order of their elements. The locks of
 * the state and of the dispatcher may be taken under {@code filling}, never the other way round:
 * the watch only tries to lock it, and a thread that shuts the pool down holds no other lock.
 */
final class Feeder {

  private static final Executor AFTER_A_MILLISECOND =
      CompletableFuture.delayedExecutor(1, TimeUnit.MILLISECONDS, Runnable::run);

  private static final Object[] NONE = {};

  private final BatchState state;
  private final ChunkSubmitter chunks;
  private final Consumer<Throwable> atEnd;
  private final int arity;
  private final AtomicBoolean watched = new AtomicBoolean();

  /** The user's; null when the batch is over. */
  private volatile ItemSource source;

  /** Null if results are not kept. */
  private ItemCache cache;

  private volatile Thread thread;

  // used by the feeder's thread only

  private long taken;

  /** How many elements may be taken before {@link BatchState} is asked again. */
  private long room;

  // guarded by filling

  private final ReentrantLock filling = new ReentrantLock();
  private Chunk chunk;

  /** Failures of the chunk's elements that could not be encoded, at their places; null for none. */
  private List<Failed> unsent;

  /** The index of the current chunk's first element. */
  private long firstIndex;

  private int lastLength = 64;

  /** Whether the chunk is to be submitted with its next element. */
  private volatile boolean flushWanted;

  /**
   * Creates a feeder without a thread.
   *
   * @param source the elements
   * @param chunks submits chunks
   * @param atEnd called once by the feeder's thread, with the exception of an iterator, or null
   *     when there are no more elements
   */
  Feeder(ItemSource source, BatchState state, ChunkSubmitter chunks, Consumer<Throwable> atEnd) {
    this.source = source;
    this.arity = source.arity();
    this.state = state;
    this.chunks = chunks;
    this.atEnd = atEnd;
  }

  /** Sets the cache of earlier results. Called before the start. */
  void useCache(ItemCache known) {
    cache = known;
  }

  /** Starts the thread; again when the feeder was parked. */
  void start() {
    Thread next = new Thread(this::feed, "mpipool-batch");
    next.setDaemon(true);
    thread = next;
    next.start();
  }

  /** Interrupts the feeder, which may block in the user's iterator, unless it is the caller. */
  void interrupt() {
    Thread waiting = thread;
    if (waiting != null && waiting != Thread.currentThread()) {
      waiting.interrupt();
    }
  }

  /** Releases the user's objects. */
  void letGo() {
    source = null;
  }

  // ---- the thread

  private void feed() {
    try {
      Object[] element = new Object[arity];
      ItemSource elements = source;
      boolean more = true;
      while (more && awaitRoom()) {
        more = elements.next(element) && state.isTaking();
        if (more) {
          take(element);
        }
      }
      if (more && state.isTaking()) {
        return; // parked
      }
      end(null);
    } catch (Throwable e) { // from the user's iterator, or out of memory
      end(e);
    }
  }

  private void end(Throwable reason) {
    Memory.persist(this::handInRest);
    Memory.persist(() -> atEnd.accept(reason));
  }

  /** Waits until an element may be taken; false if this thread has to end. */
  private boolean awaitRoom() throws InterruptedException {
    if (room == 0) {
      room = state.room(taken);
      if (room == 0) {
        handInRest();
        room = state.awaitRoom(taken);
        if (room == 0) {
          return false;
        }
      }
    }
    room--;
    return state.isTaking();
  }

  private void take(Object[] element) throws Exception {
    Optional<ItemCache.Known> known = cache == null ? Optional.empty() : cache.find(taken, element);
    if (known.isPresent()) {
      addKnown(known.get().result());
    } else {
      add(element);
    }
  }

  private void add(Object[] element) {
    boolean begun;
    filling.lock();
    try {
      begun = chunk == null;
      if (begun) {
        chunk = chunks.newChunk(lastLength);
        unsent = null;
      }
      int before = chunk.count();
      try {
        chunk.add(element);
      } catch (Throwable e) {
        if (chunk.count() == before) {
          throw new OutOfMemoryError("There is no memory for an element of a batch");
        }
        Memory.persist(() -> keepUnsent(e));
      }
      taken++;
      if (flushWanted
          || ChunkSizer.isFull(chunk.count(), chunk.length(), state.chunkSize(firstIndex))) {
        handIn();
        room = 0; // to be asked for again: it depends on the length of these elements
        return;
      }
    } finally {
      filling.unlock();
    }
    if (begun) {
      watchIfShortOfWork();
    }
  }

  /** Adds an element with a cached result, as a separate part that needs no answer. */
  private void addKnown(Object result) {
    filling.lock();
    try {
      handIn();
      state.addDone(new Part(firstIndex, new Object[] {result}));
      firstIndex++;
      taken++;
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
      unsent.add(chunks.unsendable(firstIndex + chunk.count() - 1, failure));
    }
  }

  // ---- the current chunk

  /** Submits the current chunk, if there is one. */
  void handInRest() {
    filling.lock();
    try {
      handIn();
    } finally {
      filling.unlock();
    }
  }

  /** Submits the current chunk, if there is one. Called with {@code filling} held. */
  private void handIn() {
    flushWanted = false;
    if (chunk == null) {
      return;
    }
    Chunk full = chunk;
    Object[] failed = unsent == null ? NONE : unsent.toArray();
    List<ChunkFuture> booked = chunks.book(full, firstIndex, failed);
    chunk = null;
    lastLength = full.length();
    state.encoded(lastLength, full.count());
    firstIndex += full.count();
    chunks.submit(booked);
  }

  /** Submits the chunk without waiting for the lock; false if another thread holds it. */
  private boolean flush() {
    if (!filling.tryLock()) {
      return false;
    }
    try {
      handIn();
    } catch (OutOfMemoryError e) {
      // the feeder submits it, or the next watch
    } finally {
      filling.unlock();
    }
    return true;
  }

  // ---- the watch

  /** Sets a watch if workers are short of work: an incomplete chunk must not wait for long. */
  void watchIfShortOfWork() {
    if (state.isShortOfWork() && watched.compareAndSet(false, true)) {
      try {
        AFTER_A_MILLISECOND.execute(this::watch);
      } catch (OutOfMemoryError e) { // then at once
        watched.set(false);
        flush();
      }
    }
  }

  private void watch() {
    watched.set(false);
    if (!state.isShortOfWork()) {
      return;
    }
    if (!flush()) {
      flushWanted = true; // for the feeder; if it has just checked, for the next watch
      watchIfShortOfWork();
    }
  }
}
