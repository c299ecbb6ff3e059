package dev.mpipool.worker;

import dev.mpipool.protocol.Chunk;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.FailureReport.Origin;
import dev.mpipool.serial.ItemFunction;
import dev.mpipool.serial.Payload;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicInteger;

/** A chunk on a worker: its items run one after the other and are answered together. */
final class ChunkRun extends TaskRun {

  /** The most room that an answer gets before it is known to need it. */
  private static final int MOST_ROOM = 4 << 20;

  private volatile boolean recalled;

  ChunkRun(long id, Payload encoded, WorkerContext context) {
    super(id, encoded, Chunk.function(encoded.toBuffer()), context);
  }

  /** Asks for the items that have not begun, since another worker is idle. */
  void recall() {
    recalled = true;
  }

  @Override
  Entry answer() {
    ItemFunction function;
    try {
      function = (ItemFunction) code();
    } catch (Throwable e) {
      return failure(Origin.READING_TASK, e);
    }
    try {
      AtomicInteger usual = context().answerBytes();
      int room = (int) Math.min(MOST_ROOM, usual.get() + usual.get() / 8L);
      ByteBuffer outcomes =
          Chunk.run(encoded().toBuffer(), function, context().serializer(), continuation(), room);
      usual.set(outcomes.remaining());
      if (context().serializer().isJavas()) { // another may have kept a view of the arguments
        encoded().discard();
      }
      return new Entry(EntryKind.RESULT, id(), Payload.reusable(outcomes));
    } catch (Throwable e) {
      return failure(Origin.WRITING_RESULT, e);
    }
  }

  private Chunk.Continuation continuation() {
    return new Chunk.Continuation() {
      @Override
      public boolean wanted() {
        return !isCancelled();
      }

      @Override
      public boolean recalled() {
        return recalled;
      }
    };
  }
}
