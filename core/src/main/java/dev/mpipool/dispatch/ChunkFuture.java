package dev.mpipool.dispatch;

import dev.mpipool.wire.Chunk;
import dev.mpipool.wire.EntryKind;
import dev.mpipool.wire.LeanSerializer;
import dev.mpipool.wire.SharedValue;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.CancellationException;

/**
 * Some items of a batch, on their way. Its result is what became of each item: a value, or a {@link
 * Failed}.
 */
final class ChunkFuture extends TaskFuture<Object[]> {

  private final LeanSerializer serializer;
  private final long firstIndex;
  private final Object[] outcomes;

  /** How long a worker took over it. */
  private long nanos;

  /**
   * A chunk.
   *
   * @param outcomes one for each item: null, or the Failed of an item that could not be sent
   */
  ChunkFuture(
      Dispatcher dispatcher,
      SharedValue function,
      Object original,
      LeanSerializer serializer,
      long firstIndex,
      Object[] outcomes) {
    super(dispatcher, null, original, false, null);
    this.code = function;
    this.serializer = serializer;
    this.firstIndex = firstIndex;
    this.outcomes = outcomes;
  }

  @Override
  EntryKind kind() {
    return EntryKind.CHUNK;
  }

  long nanos() {
    return nanos;
  }

  long firstIndex() {
    return firstIndex;
  }

  int count() {
    return outcomes.length;
  }

  @Override
  Object read(ByteBuffer result, int rank, Outcome outcome) throws IOException {
    ByteBuffer in = result.duplicate();
    nanos = in.getLong();
    for (int i = 0; i < outcomes.length; i++) {
      switch (in.get()) {
        case Chunk.RESULT -> outcomes[i] = value(in, i, rank, outcome);
        case Chunk.FAILURE -> {
          int length = in.getInt();
          outcomes[i] = new Failed(outcome.failure(name(i), rank, in.slice(in.position(), length)));
          in.position(in.position() + length);
        }
        case Chunk.NOT_BEGUN -> outcomes[i] = new Failed(new CancellationException());
        case Chunk.NONE -> {} // it failed here, before it was sent
        default -> throw new IOException("an outcome of an unknown kind");
      }
    }
    return outcomes;
  }

  private Object value(ByteBuffer in, int item, int rank, Outcome outcome) {
    try {
      return serializer.read(in);
    } catch (Throwable e) {
      return new Failed(outcome.unreadable("The result", name(item), rank, e));
    }
  }

  private String name(int item) {
    return "%s, element %d".formatted(name(), firstIndex + item);
  }

  /** What became of an item; the chunk's own failure, if it failed as a whole. */
  Object[] outcomesAfter(Throwable failure) {
    if (failure != null) {
      for (int i = 0; i < outcomes.length; i++) {
        outcomes[i] = outcomes[i] instanceof Failed ? outcomes[i] : new Failed(failure);
      }
    }
    return outcomes;
  }
}
