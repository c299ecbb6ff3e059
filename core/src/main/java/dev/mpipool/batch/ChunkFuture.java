package dev.mpipool.batch;

import dev.mpipool.dispatch.Outcome;
import dev.mpipool.dispatch.TaskFuture;
import dev.mpipool.protocol.Chunk;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.serial.Payload;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.CancellationException;

/**
 * The future of a chunk. Stores the outcome of each item, a value or a {@link Failed}, in the array
 * of its part. Its own result is the number of items run; the worker has returned the others.
 */
final class ChunkFuture extends TaskFuture<Integer> {

  private final LeanSerializer serializer;
  private final ByteBuffer body;

  /** The task's payload, of the same bytes; null once all items have been run. */
  private Payload encoded;

  private final long firstIndex;
  private final Object[] outcomes;
  private final int offset;
  private final int count;

  /** How many nanoseconds the worker took. */
  private long nanos;

  /**
   * Creates the future of a chunk.
   *
   * @param encoded the encoded chunk
   * @param firstIndex the batch index of the first outcome
   * @param outcomes where to store outcomes; has a Failed for each item that could not be encoded
   * @param offset the index of this chunk's first outcome
   */
  ChunkFuture(
      Object pool,
      Object original,
      LeanSerializer serializer,
      Payload encoded,
      long firstIndex,
      Object[] outcomes,
      int offset) {
    super(pool, null, original);
    this.serializer = serializer;
    this.encoded = encoded;
    this.body = encoded.toBuffer();
    this.firstIndex = firstIndex;
    this.outcomes = outcomes;
    this.offset = offset;
    this.count = Chunk.count(body);
  }

  long nanos() {
    return nanos;
  }

  int offset() {
    return offset;
  }

  int count() {
    return count;
  }

  /** The encoded chunk, unless all its items have been run. */
  ByteBuffer body() {
    return body;
  }

  @Override
  protected Object read(Payload result, int rank, Outcome outcome) throws IOException {
    Integer done = readOutcomes(result, rank, outcome);
    if (serializer.isJavas()) { // another may have kept a view of the results
      result.discard();
    }
    if (done == count && encoded != null) {
      encoded.giveBack();
      encoded = null;
    }
    return done;
  }

  private int readOutcomes(Payload result, int rank, Outcome outcome) throws IOException {
    ByteBuffer in = result.toBuffer();
    nanos = in.getLong();
    for (int i = 0; i < count; i++) {
      switch (in.get()) {
        case Chunk.RESULT -> outcomes[offset + i] = value(in, i, rank, outcome);
        case Chunk.FAILURE -> {
          int length = in.getInt();
          ByteBuffer report = in.slice(in.position(), length);
          outcomes[offset + i] = new Failed(outcome.failure(name(i), rank, report));
          in.position(in.position() + length);
        }
        case Chunk.NOT_BEGUN ->
            outcomes[offset + i] = new Failed(new CancellationException(), true);
        case Chunk.NONE -> {} // its encoding failed, and the failure is stored already
        case Chunk.GIVEN_BACK -> {
          if (i == 0) {
            throw new IOException("not one item was run");
          }
          return i;
        }
        default -> throw new IOException("an outcome of an unknown kind");
      }
    }
    return count;
  }

  private Object value(ByteBuffer in, int item, int rank, Outcome outcome) {
    try {
      return serializer.read(in);
    } catch (Throwable e) {
      return new Failed(outcome.unreadable("The result", name(item), rank, e));
    }
  }

  private String name(int item) {
    return "%s, element %d".formatted(name(), firstIndex + offset + item);
  }

  /** Fails all items that have not failed already. */
  void failAll(Failed failure) {
    failFrom(0, failure);
  }

  /** Fails all items from {@code first} on that have not failed already. */
  void failFrom(int first, Failed failure) {
    for (int i = offset + first; i < offset + count; i++) {
      outcomes[i] = outcomes[i] instanceof Failed ? outcomes[i] : failure;
    }
  }
}
