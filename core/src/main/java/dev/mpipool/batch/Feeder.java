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
 * <p>A chunk is handed in when it is full. If the user's iterator blocks while the chunk has
 * elements and workers have nothing to do, another thread hands it in: a watch, which is set when
 * the chunk begins and workers are short of work, looks after a millisecond. So an element waits
 * for company, but not for long.
 *
 * <p>The chunk that is filled has a lock of its own, {@code filling}, and not that of {@link
 * BatchState}, since it is held while user code encodes an element; it is not held while an element
 * is taken from an iterator. It is also held while a chunk is submitted, which keeps chunks in the
 * order of their elements. The locks of the state and of the dispatcher may be taken while it is
 * held, and never the other way round: the watch only tries to take it, and a thread that shuts the
 * pool down holds no other.
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

  /** Of the user; null when the batch is over. */
  private volatile ItemSource source;

  /** Null if results are not kept. */
  private ItemCache cache;

  private volatile Thread thread;

  // used by the thread of the feeder alone

  private long taken;

  /** How many elements may be taken before the state is asked again. */
  private long room;

  // guarded by filling

  private final ReentrantLock filling = new ReentrantLock();
  private Chunk chunk;

  /** The elements of the chunk that could not be encoded, at their places; null for none. */
  private List<Failed> unsent;

  /** The index of the first element that no chunk before has had. */
  private long firstIndex;

  private int lastLength = 64;

  /** Whether the chunk is to be handed in with its next element. */
  private volatile boolean flushWanted;

  /**
   * Creates a feeder without a thread.
   *
   * @param source the elements
   * @param chunks submits chunks
   * @param atEnd called once by the feeder's thread, with what an iterator has thrown, or with null
   *     when there are no more elements
   */
  Feeder(ItemSource source, BatchState state, ChunkSubmitter chunks, Consumer<Throwable> atEnd) {
    this.source = source;
    this.arity = source.arity();
    this.state = state;
    this.chunks = chunks;
    this.atEnd = atEnd;
  }

  /** Sets where results of earlier batches are found; before the start. */
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

  /** Wakes the feeder, which may wait in the user's iterator, unless it is the caller. */
  void interrupt() {
    Thread waiting = thread;
    if (waiting != null && waiting != Thread.currentThread()) {
      waiting.interrupt();
    }
  }

  /** Lets go of what belongs to the user. */
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
    } catch (Throwable e) { // of the user's iterator, or an exhausted memory
      end(e);
    }
  }

  private void end(Throwable reason) {
    Memory.persist(this::handInRest);
    Memory.persist(() -> atEnd.accept(reason));
  }

  /** Waits until an element may be taken; false if none is to be, by this thread at least. */
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
        return;
      }
    } finally {
      filling.unlock();
    }
    if (begun) {
      watchIfShortOfWork();
    }
  }

  /** An element whose result is there already is a part of its own, which needs no answer. */
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

  // ---- the chunk that is filled

  /** Hands the chunk in, if there is one. */
  void handInRest() {
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
    Object[] failed = unsent == null ? NONE : unsent.toArray();
    List<ChunkFuture> booked = chunks.book(full, firstIndex, failed);
    chunk = null;
    lastLength = full.length();
    firstIndex += full.count();
    chunks.submit(booked);
  }

  /** Hands the chunk in without waiting; false if another thread fills it. */
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

  // ---- the watch

  /** Sets a watch, unless there is one: a chunk that is not full must not wait while workers do. */
  void watchIfShortOfWork() {
    if (state.isShortOfWork() && watched.compareAndSet(false, true)) {
      try {
        AFTER_A_MILLISECOND.execute(this::watch);
      } catch (OutOfMemoryError e) { // then now
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
      flushWanted = true; // the feeder fills it, and looks; if it has just looked, the next watch
      watchIfShortOfWork();
    }
  }
}
