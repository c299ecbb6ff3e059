package dev.mpipool.worker;

import dev.mpipool.wire.Chunk;
import dev.mpipool.wire.Entry;
import dev.mpipool.wire.EntryKind;
import dev.mpipool.wire.FailureReport.Origin;
import dev.mpipool.wire.ItemFunction;
import dev.mpipool.wire.LeanSerializer;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Items of a batch on a worker, run one after the other and answered together. */
final class ChunkRun extends TaskRun {

  private final SharedValues shared;
  private final LeanSerializer serializer;

  ChunkRun(long id, ByteBuffer encoded, LeanSerializer serializer, SharedValues shared) {
    super(id, encoded, serializer);
    this.serializer = serializer;
    this.shared = shared;
  }

  @Override
  Entry answer() {
    ItemFunction function;
    try {
      long number = Chunk.function(encoded());
      SharedValues.Value value =
          shared.find(number).orElseThrow(() -> new IOException("there is no function " + number));
      function = (ItemFunction) value.get();
    } catch (Throwable e) {
      return failure(Origin.READING_TASK, e);
    }
    try {
      ByteBuffer outcomes = Chunk.run(encoded(), function, serializer, () -> !isCancelled());
      return new Entry(EntryKind.RESULT, id(), outcomes);
    } catch (Throwable e) {
      return failure(Origin.WRITING_RESULT, e);
    }
  }
}
