package dev.mpipool.protocol;

import dev.mpipool.protocol.FailureReport.Origin;
import dev.mpipool.serial.ItemFunction;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.serial.Output;
import dev.mpipool.serial.ValueList;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Items of a batch that share an entry: written item by item on main, run and answered on a worker.
 *
 * <pre>
 *   chunk:   | number of the function (long) | number of items (int) | item | item | ... |
 *   item:    | 0 (byte) | arguments, as LeanSerializer writes them together |
 *            | 1 | for an item that could not be written: it is left out
 *   answer:  | nanoseconds it took (long) | outcome | outcome | ... |
 *   outcome: | 0 (byte) | result |
 *            | 1 | length (int) | FailureReport |
 *            | 2 | for an item that was left out
 *            | 3 | for an item that was not begun, since its result is no longer wanted
 *            | 4 | for this item and all that follow, which are given back; the last outcome
 * </pre>
 *
 * The function itself has travelled before, as a shared value.
 */
public final class Chunk {

  private static final int PRESENT = 0;
  private static final int LEFT_OUT = 1;

  /** The first byte of an outcome: a result follows. */
  public static final int RESULT = 0;

  /** The first byte of an outcome: a failure follows. */
  public static final int FAILURE = 1;

  /** The first byte of an outcome: the item had not been sent. */
  public static final int NONE = 2;

  /** The first byte of an outcome: the item was not begun. */
  public static final int NOT_BEGUN = 3;

  /** The first byte of an outcome: this item and the rest are given back. */
  public static final int GIVEN_BACK = 4;

  /** A longer answer comes in parts: the rest of the items is given back, and run later. */
  private static final int MOST_ANSWER_BYTES = 16 << 20;

  /** Bytes that an answer may have before more room is needed. */
  private static final int LEAST_ROOM = 64;

  private static final int COUNT_AT = Long.BYTES;

  private final LeanSerializer serializer;
  private final Output out;
  private int count;

  /**
   * Begins a chunk.
   *
   * @param function the number of the function
   * @param serializer for the items
   * @param capacity the room to begin with, in bytes
   */
  public Chunk(long function, LeanSerializer serializer, int capacity) {
    this.serializer = serializer;
    this.out = new Output(Math.max(capacity, Long.BYTES + Integer.BYTES));
    try {
      out.putLong(function);
      out.putInt(0);
    } catch (IOException e) {
      throw new IllegalStateException("twelve bytes are too many", e);
    }
  }

  /**
   * Adds an item.
   *
   * @param arguments what the function is called with
   * @throws Exception if they cannot travel; then the item is left out, but counts, unless there is
   *     no memory for a single byte
   */
  public void add(Object[] arguments) throws Exception {
    int start = out.length();
    out.putByte(PRESENT);
    count++;
    try {
      ValueList.write(serializer, arguments, out);
    } catch (Throwable e) {
      out.truncate(start);
      out.putByte(LEFT_OUT);
      throw e;
    }
  }

  /**
   * How many items it has.
   *
   * @return those that were left out included
   */
  public int count() {
    return count;
  }

  /**
   * How long it is.
   *
   * @return in bytes
   */
  public int length() {
    return out.length();
  }

  /**
   * The payload of the entry.
   *
   * @return a view; nothing must be added after
   */
  public ByteBuffer toBuffer() {
    out.setInt(COUNT_AT, count);
    return out.toBuffer();
  }

  /**
   * The number of the function of a chunk.
   *
   * @param payload of a chunk
   * @return the number under which it was shared
   */
  public static long function(ByteBuffer payload) {
    return payload.getLong(payload.position());
  }

  /**
   * Divides the items of a chunk from one on, so that several workers can have them.
   *
   * @param payload of a chunk
   * @param from the first item that is wanted
   * @param arity how many arguments an item has
   * @param pieces how many chunks to make at most
   * @return the payloads of chunks, in the order of the items
   * @throws IOException if the chunk is damaged
   */
  public static List<ByteBuffer> divide(ByteBuffer payload, int from, int arity, int pieces)
      throws IOException {
    ByteBuffer in = payload.duplicate();
    long function = in.getLong();
    int count = in.getInt();
    skip(in, from, arity);
    List<ByteBuffer> divided = new ArrayList<>();
    int rest = count - from;
    for (int left = Math.min(pieces, rest); left > 0; left--) {
      int items = rest / left;
      int start = in.position();
      skip(in, items, arity);
      ByteBuffer piece =
          ByteBuffer.allocate(Long.BYTES + Integer.BYTES + in.position() - start)
              .putLong(function)
              .putInt(items)
              .put(in.slice(start, in.position() - start))
              .flip();
      divided.add(piece);
      rest -= items;
    }
    return divided;
  }

  private static void skip(ByteBuffer in, int items, int arity) throws IOException {
    for (int i = 0; i < items; i++) {
      if (in.get() == PRESENT) {
        ValueList.skip(arity, in);
      }
    }
  }

  /**
   * How many items a chunk has.
   *
   * @param payload of a chunk
   * @return those that were left out included
   */
  public static int count(ByteBuffer payload) {
    return payload.getInt(payload.position() + COUNT_AT);
  }

  /** Says between items whether to go on. */
  public interface Continuation {
    /**
     * Asked before each item.
     *
     * @return false if the answer is no longer wanted
     */
    boolean wanted();

    /**
     * Asked before each item but the first.
     *
     * @return true if the rest is wanted by another worker
     */
    boolean recalled();
  }

  /**
   * Runs a chunk, on a worker. What an item throws is its outcome, and the next is run.
   *
   * @param payload the chunk
   * @param function what to run
   * @param serializer for arguments and results
   * @param continuation asked before each item
   * @param room for the answer to begin with, in bytes, if there is memory for it
   * @return the answer
   * @throws Exception if the chunk is damaged, or the answer is too long
   */
  public static ByteBuffer run(
      ByteBuffer payload,
      ItemFunction function,
      LeanSerializer serializer,
      Continuation continuation,
      int room)
      throws Exception {
    ByteBuffer in = payload.duplicate();
    long start = System.nanoTime();
    in.getLong();
    int count = in.getInt();
    if (count < 0 || count > in.remaining()) {
      throw new IOException("a chunk of the impossible number of %d items".formatted(count));
    }
    Output out = output(room);
    out.putLong(0);
    for (int i = 0; i < count; i++) {
      if (i > 0 && (continuation.recalled() || out.length() > MOST_ANSWER_BYTES)) {
        out.putByte(GIVEN_BACK);
        break;
      }
      if (!continuation.wanted()) {
        out.putByte(NOT_BEGUN);
      } else if (in.get() == LEFT_OUT) {
        out.putByte(NONE);
      } else {
        runItem(in, function, serializer, out);
      }
    }
    out.setLong(0, System.nanoTime() - start);
    return out.toBuffer();
  }

  private static Output output(int room) {
    try {
      return new Output(Math.max(LEAST_ROOM, room));
    } catch (OutOfMemoryError e) {
      return new Output(LEAST_ROOM); // this answer may be shorter
    }
  }

  private static void runItem(
      ByteBuffer in, ItemFunction function, LeanSerializer serializer, Output out)
      throws IOException {
    Origin stage = Origin.READING_TASK;
    int start = out.length();
    try {
      Object[] arguments = ValueList.read(serializer, function.arity(), in, null);
      stage = Origin.TASK;
      Object result =
          function.call(
              arguments[0],
              arguments.length > 1 ? arguments[1] : null,
              arguments.length > 2 ? arguments[2] : null);
      stage = Origin.WRITING_RESULT;
      out.putByte(RESULT);
      serializer.write(result, out);
    } catch (Throwable e) {
      out.truncate(start);
      ByteBuffer report = FailureReport.of(stage, e, serializer).encode();
      out.putByte(FAILURE);
      out.putInt(report.remaining());
      out.put(report);
    }
  }
}
