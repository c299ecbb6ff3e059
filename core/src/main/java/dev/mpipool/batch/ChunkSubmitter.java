package dev.mpipool.batch;

import dev.mpipool.dispatch.Dispatcher;
import dev.mpipool.dispatch.TaskSource;
import dev.mpipool.memory.Memory;
import dev.mpipool.protocol.Chunk;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.serial.SharedValue;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.RejectedExecutionException;

/**
 * Makes encoded chunks tasks of the dispatcher, and makes again what a worker gives back of one.
 * Each chunk that {@link BatchState} has been told of is answered, whatever memory there is. Holds
 * no lock of its own; the order of chunks is that of the calls.
 */
final class ChunkSubmitter {

  /** Is told of each chunk that is done. */
  interface Answered {
    /**
     * A chunk is done.
     *
     * @param part where its outcomes are
     * @param chunk the chunk
     * @param done how many of its elements were run; null if it has failed as a whole
     * @param failure why it has failed, or null
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

  // of the user; null when the batch is over

  private volatile SharedValue function;
  private volatile Object code;

  /**
   * Creates it.
   *
   * @param owner submits to the dispatcher
   * @param function encoded
   * @param code the user's function, for messages
   * @param arity how many arguments an element has
   * @param answered is told of each chunk that is done
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
   * Books a chunk, which has to be {@linkplain #submit submitted} then.
   *
   * @param firstIndex the index of its first element
   * @param failed the elements that could not be encoded, at their places; others null or missing
   * @return nothing to submit if the batch does not want it any more
   * @throws OutOfMemoryError if it is not booked, for want of memory
   */
  List<ChunkFuture> book(Chunk chunk, long firstIndex, Object[] failed) {
    Part part = new Part(firstIndex, Arrays.copyOf(failed, chunk.count()));
    return begin(part, List.of(chunk.toBuffer()), 0);
  }

  /** Submits the elements of a chunk that a worker has given back, to as many as want some. */
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

  /** Books chunks of a part that follow each other: they have to be submitted then. */
  private List<ChunkFuture> begin(Part part, List<ByteBuffer> bodies, int offset) {
    List<ChunkFuture> futures = new ArrayList<>(bodies.size());
    int next = offset;
    for (ByteBuffer body : bodies) {
      ChunkFuture future =
          new ChunkFuture(
              dispatcher, function, code, serializer, body, part.firstIndex, part.outcomes, next);
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

  /** Submits chunks that are booked. Does not fail. */
  void submit(List<ChunkFuture> futures) {
    for (int i = 0; i < futures.size(); i++) {
      submitSurely(futures.get(i));
    }
  }

  /** A booked chunk that there is no memory to submit fails. */
  private void submitSurely(ChunkFuture future) {
    long pause = 0;
    OutOfMemoryError failure = null;
    while (!future.isDone()) {
      try {
        if (failure != null) {
          future.fail(failure);
          return;
        }
        dispatcher.submitFrom(owner, future, future.function(), future.body(), future.count() > 1);
        return;
      } catch (OutOfMemoryError e) {
        failure = Memory.mayReturn(0) ? null : e;
        pause = Memory.pause(pause);
      }
    }
  }

  /** The elements of a chunk from one on have failed. Waits for the memory to write it down. */
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

  /** A chunk is cancelled, or fails with the pool, for no fault of its elements. */
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

  /** Lets go of what belongs to the user. */
  void letGo() {
    function = null;
    code = null;
  }
}
