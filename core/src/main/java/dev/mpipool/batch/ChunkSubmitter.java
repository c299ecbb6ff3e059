package dev.mpipool.batch;

import dev.mpipool.dispatch.Dispatcher;
import dev.mpipool.dispatch.TaskSource;
import dev.mpipool.memory.Memory;
import dev.mpipool.protocol.Chunk;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.serial.Payload;
import dev.mpipool.serial.SharedValue;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.RejectedExecutionException;

/**
 * Submits encoded chunks to the dispatcher, and resubmits items that a worker has returned. Each
 * chunk recorded in {@link BatchState} is answered, even without memory. Has no lock; chunks are
 * submitted in the order of the calls.
 */
final class ChunkSubmitter {

  /** Informed of each chunk that is done. */
  interface Answered {
    /**
     * A chunk is done.
     *
     * @param part has the outcomes
     * @param chunk that is done
     * @param done how many of its elements were run; null if the chunk has failed as a whole
     * @param failure of the whole chunk, or null
     */
    void answered(Part part, ChunkFuture chunk, Integer done, Throwable failure);
  }

  private final Dispatcher dispatcher;
  private final TaskSource owner;
  private final LeanSerializer serializer;
  private final int arity;
  private final BatchState state;
  private final Answered answered;
  private final long functionNumber;

  // the user's; null when the batch is over

  private volatile SharedValue function;
  private volatile Object code;

  /**
   * Creates a submitter.
   *
   * @param owner the source that submits to the dispatcher
   * @param function encoded
   * @param code the user's function, for messages
   * @param arity how many arguments an element has
   * @param answered informed of each chunk that is done
   */
  ChunkSubmitter(
      Dispatcher dispatcher,
      TaskSource owner,
      LeanSerializer serializer,
      ByteBuffer function,
      Object code,
      int arity,
      BatchState state,
      Answered answered) {
    this.dispatcher = dispatcher;
    this.owner = owner;
    this.serializer = serializer;
    this.function = new SharedValue(function);
    this.functionNumber = this.function.number();
    this.code = code;
    this.arity = arity;
    this.state = state;
    this.answered = answered;
  }

  /** A chunk without elements. */
  Chunk newChunk(int bytes) {
    return new Chunk(functionNumber, serializer, bytes);
  }

  /** The outcome of an element that cannot be encoded. */
  Failed unsendable(long index, Throwable failure) {
    return new Failed(dispatcher.outcome().unsendable(code, index, failure));
  }

  /**
   * Records a chunk in the state; the caller must then {@linkplain #submit submit} it.
   *
   * @param firstIndex the index of its first element
   * @param failed failures of elements that could not be encoded; others null or missing
   * @return the futures to submit; empty if the batch has been dropped
   * @throws OutOfMemoryError if nothing was recorded
   */
  List<ChunkFuture> book(Chunk chunk, long firstIndex, Object[] failed) {
    Part part = new Part(firstIndex, Arrays.copyOf(failed, chunk.count()));
    return begin(part, List.of(chunk.toBuffer()), 0);
  }

  /** Resubmits the elements of a chunk that a worker has returned, divided for several workers. */
  void submitRest(Part part, ChunkFuture chunk, int done) {
    List<ChunkFuture> rest = List.of();
    long pause = 0;
    while (true) {
      try {
        List<ByteBuffer> pieces = Chunk.divide(chunk.body(), done, arity, 2 * state.taskThreads());
        rest = begin(part, pieces, chunk.offset() + done);
        break;
      } catch (OutOfMemoryError e) {
        if (!Memory.mayReturn(0)) {
          fail(chunk, done, e);
          break;
        }
        pause = Memory.pause(pause);
      } catch (IOException e) {
        fail(chunk, done, e);
        break;
      }
    }
    submit(rest);
  }

  /** Records consecutive chunks of a part in the state; the caller must then submit them. */
  private List<ChunkFuture> begin(Part part, List<ByteBuffer> bodies, int offset) {
    List<ChunkFuture> futures = new ArrayList<>(bodies.size());
    int next = offset;
    for (ByteBuffer body : bodies) {
      Payload encoded = Payload.reusable(body);
      ChunkFuture future =
          new ChunkFuture(
              dispatcher, code, serializer, encoded, part.firstIndex, part.outcomes, next);
      dispatcher.prepareChunk(future, function, encoded, future.count() > 1);
      next += future.count();
      futures.add(future);
      future.whenComplete((done, failure) -> answered.answered(part, future, done, failure));
    }
    if (state.begin(part, futures)) {
      return futures;
    }
    for (ChunkFuture future : futures) {
      future.failAll(new Failed(state.reason(), true));
    }
    return List.of();
  }

  /** Submits recorded chunks. Does not fail. */
  void submit(List<ChunkFuture> futures) {
    for (int i = 0; i < futures.size(); i++) {
      submitSurely(futures.get(i));
    }
  }

  /** Submits a recorded chunk, or fails it if memory stays short. */
  private void submitSurely(ChunkFuture future) {
    long pause = 0;
    OutOfMemoryError failure = null;
    while (!future.isDone()) {
      try {
        if (failure != null) {
          future.fail(failure);
          return;
        }
        dispatcher.submitFrom(owner, future);
        return;
      } catch (OutOfMemoryError e) {
        failure = Memory.mayReturn(0) ? null : e;
        pause = Memory.pause(pause);
      }
    }
  }

  /** Fails the elements of a chunk from {@code from} on. Retries when out of memory. */
  void fail(ChunkFuture chunk, int from, Throwable failure) {
    long pause = 0;
    while (true) {
      try {
        chunk.failFrom(from, failed(failure));
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  /** The outcome of a failed chunk's elements: dropped if it was cancelled or the pool ended. */
  private Failed failed(Throwable ofChunk) {
    boolean cancelled = ofChunk instanceof CancellationException;
    Throwable reason = state.reason();
    return new Failed(
        cancelled && reason != null ? reason : ofChunk,
        cancelled || ofChunk instanceof RejectedExecutionException);
  }

  /** Has the workers forget the function: no chunk needs it any more. */
  void unshare() {
    dispatcher.unshare(function);
  }

  /** Releases the user's objects. */
  void letGo() {
    function = null;
    code = null;
  }
}
