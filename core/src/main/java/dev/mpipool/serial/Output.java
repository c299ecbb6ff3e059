package dev.mpipool.serial;

import dev.mpipool.memory.SpareArrays;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Bytes that grow as they are written, for {@linkplain Payload payloads}. Numbers are big-endian.
 * One long array may be kept apart, as the {@link Payload}'s attachment. Not thread-safe.
 */
public final class Output {

  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

  private byte[] bytes;
  private int length;
  private final boolean mayHaveAttachment;

  /** Whether the attachment may be the user's own array. */
  private final boolean borrows;

  private byte[] attachment;

  /**
   * Creates an empty output.
   *
   * @param capacity the room to begin with, in bytes
   */
  public Output(int capacity) {
    this(capacity, false);
  }

  /** One that is written all at once, and may end as a payload with an attachment. */
  Output(int capacity, boolean mayHaveAttachment) {
    this(capacity, mayHaveAttachment, false);
  }

  private Output(int capacity, boolean mayHaveAttachment, boolean borrows) {
    this.bytes = SpareArrays.atLeast(capacity);
    this.mayHaveAttachment = mayHaveAttachment;
    this.borrows = borrows;
  }

  /** One that may end as a payload with a borrowed attachment. */
  static Output borrowing(int capacity) {
    return new Output(capacity, true, true);
  }

  /**
   * How much has been written, without the attachment.
   *
   * @return in bytes
   */
  public int length() {
    return length;
  }

  /**
   * Forgets what was written last.
   *
   * @param shorter the new length, at most the present one
   */
  public void truncate(int shorter) {
    length = shorter;
  }

  /**
   * Appends a byte.
   *
   * @param value of which the lowest eight bits count
   * @throws IOException if there is no room or no memory for it
   */
  public void putByte(int value) throws IOException {
    reserve(1);
    bytes[length++] = (byte) value;
  }

  void putShort(int value) throws IOException {
    reserve(Short.BYTES);
    SHORT.set(bytes, length, (short) value);
    length += Short.BYTES;
  }

  /**
   * Appends an int.
   *
   * @param value any
   * @throws IOException if there is no room or no memory for it
   */
  public void putInt(int value) throws IOException {
    reserve(Integer.BYTES);
    INT.set(bytes, length, value);
    length += Integer.BYTES;
  }

  /**
   * Appends a long.
   *
   * @param value any
   * @throws IOException if there is no room or no memory for it
   */
  public void putLong(long value) throws IOException {
    reserve(Long.BYTES);
    LONG.set(bytes, length, value);
    length += Long.BYTES;
  }

  /**
   * Appends what remains of a buffer, and leaves the buffer as it is.
   *
   * @param value any
   * @throws IOException if there is no room or no memory for it
   */
  public void put(ByteBuffer value) throws IOException {
    value.get(value.position(), bytesFor(value.remaining()), length, value.remaining());
    length += value.remaining();
  }

  void put(byte[] value) throws IOException {
    reserve(value.length);
    System.arraycopy(value, 0, bytes, length, value.length);
    length += value.length;
  }

  /** Whether an array is to be the attachment. */
  boolean isForAttachment(byte[] value) {
    return mayHaveAttachment && attachment == null && value.length >= Payload.UNCOPIED_BYTES;
  }

  /** Keeps an array apart, or a copy, as what comes after all that is written. */
  void putAttachment(byte[] value) throws IOException {
    checkLength(value.length);
    if (borrows) {
      attachment = value;
      return;
    }
    try {
      attachment = Payload.copy(value, 0, value.length);
    } catch (OutOfMemoryError e) {
      throw noMemory(lengthWith(value.length), e);
    }
  }

  /** A view of the next bytes, which count as written, to be filled by the caller. */
  ByteBuffer next(long count) throws IOException {
    reserve(count);
    ByteBuffer view = ByteBuffer.wrap(bytes, length, (int) count).slice();
    length += (int) count;
    return view;
  }

  /**
   * Overwrites an int that was written before.
   *
   * @param at where it begins
   * @param value the new one
   */
  public void setInt(int at, int value) {
    INT.set(bytes, at, value);
  }

  /**
   * Overwrites a long that was written before.
   *
   * @param at where it begins
   * @param value the new one
   */
  public void setLong(int at, long value) {
    LONG.set(bytes, at, value);
  }

  private byte[] bytesFor(int more) throws IOException {
    reserve(more);
    return bytes;
  }

  private void reserve(long more) throws IOException {
    if (bytes.length - length < more) {
      checkLength(more);
      long needed = length + more;
      int capacity = (int) Math.min(Payload.MAX_BYTES, Math.max(needed, 2L * length));
      try {
        byte[] longer = SpareArrays.atLeast(capacity);
        System.arraycopy(bytes, 0, longer, 0, length);
        SpareArrays.give(bytes);
        bytes = longer;
      } catch (OutOfMemoryError e) {
        throw noMemory(lengthWith(more), e);
      }
    }
  }

  private void checkLength(long more) throws IOException {
    if (lengthWith(more) > Payload.MAX_BYTES) {
      throw new TooLongException(
          "it takes %d bytes or more, and %d are the most"
              .formatted(lengthWith(more), Payload.MAX_BYTES),
          null);
    }
  }

  static IOException noMemory(long length, OutOfMemoryError e) {
    return new TooLongException(
        "it takes %d bytes or more, for which there is no memory".formatted(length), e);
  }

  private long lengthWith(long more) {
    return length + more + (attachment == null ? 0 : attachment.length);
  }

  /**
   * What has been written, where there can be no attachment.
   *
   * @return a view; nothing must be written after
   */
  public ByteBuffer toBuffer() {
    return ByteBuffer.wrap(bytes, 0, length).slice();
  }

  /** What has been written; nothing must be written after. */
  Payload toPayload() {
    return borrows && attachment != null
        ? Payload.borrowing(bytes, length, attachment)
        : Payload.of(bytes, length, attachment);
  }
}
