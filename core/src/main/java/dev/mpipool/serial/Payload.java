package dev.mpipool.serial;

import dev.mpipool.memory.SpareArrays;
import dev.mpipool.memory.Uninterruptibles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.CRC32C;

/**
 * What an entry carries: some bytes, of which the last may be kept apart, as the <i>attachment</i>.
 *
 * <p>A long {@code byte[]} among the values of a call, or as a result, travels as the attachment.
 * So it is copied once, when it is encoded, and where the communicator keeps attachments apart it
 * is received straight into the array that the user gets. To code that does not look for it the
 * attachment is just the end of the payload.
 *
 * <p>The bytes must not be changed. Not thread-safe once it is being read.
 *
 * <p>An attachment may be <i>borrowed</i>: it is an array of the user's, which may change as soon
 * as the thread that has encoded it goes on. That thread has to wait until the payload has been
 * sent, or to {@linkplain #keep have it copied} after all.
 */
public final class Payload {

  /**
   * The longest payload, in bytes: with what a frame and a communicator add, it fits into one
   * message.
   */
  public static final int MAX_BYTES = Integer.MAX_VALUE - 4096;

  /** The shortest attachment, in bytes: to copy it takes about as long as a small message. */
  public static final int UNCOPIED_BYTES = 256 << 10;

  private static final byte[] NO_BYTES = {};

  /** A payload of no bytes. */
  public static final Payload EMPTY = new Payload(NO_BYTES, 0, 0, null);

  private final byte[] bytes;
  private final int offset;
  private final int count;
  private byte[] attachment;

  /** Whether the attachment has been taken by a reader. */
  private boolean attachmentTaken;

  /** Open until a borrowed attachment has been given back; null if it is not borrowed. */
  private CountDownLatch borrowed;

  /** The number of calls of giveBack to come; null if the array is not to become spare. */
  private AtomicInteger readers;

  private Payload(byte[] bytes, int offset, int count, byte[] attachment) {
    this.bytes = bytes;
    this.offset = offset;
    this.count = count;
    this.attachment = attachment;
  }

  /** The first bytes of an array, and maybe (else null) another array behind them. */
  static Payload of(byte[] bytes, int count, byte[] attachment) {
    return new Payload(bytes, 0, count, attachment);
  }

  /** The same, with an attachment that is borrowed. */
  static Payload borrowing(byte[] bytes, int count, byte[] attachment) {
    Payload payload = of(bytes, count, attachment);
    payload.borrowed = new CountDownLatch(1);
    return payload;
  }

  /**
   * Whether the attachment is an array of the user's, whose thread waits until it has been sent.
   *
   * @return false if there is no attachment, or it is a copy
   */
  public boolean isBorrowed() {
    return borrowed != null;
  }

  /**
   * Makes a borrowed attachment a copy, before anybody else has the payload.
   *
   * @throws IOException if there is no memory for it
   */
  public void keep() throws IOException {
    try {
      attachment = copy(attachment, 0, attachment.length);
      borrowed = null;
    } catch (OutOfMemoryError e) {
      throw Output.noMemory(length(), e);
    }
  }

  /**
   * A payload whose array becomes spare with the last {@link #giveBack}: one call is the owner's,
   * and one belongs to each {@link #lend}.
   *
   * @param bytes its bytes, from position to limit; the caller gives up their array
   * @return a payload without an attachment
   */
  public static Payload reusable(ByteBuffer bytes) {
    Payload payload = of(bytes);
    if (payload.bytes.length >= SpareArrays.SHORTEST) {
      payload.readers = new AtomicInteger(1);
    }
    return payload;
  }

  /** Announces one more call of {@link #giveBack}. Only while there is one to come. */
  public void lend() {
    if (readers != null) {
      readers.incrementAndGet();
    }
  }

  /** Ends the loan of a borrowed attachment, or one use of a reusable payload. */
  public void giveBack() {
    if (borrowed != null) {
      borrowed.countDown();
    }
    if (readers != null && readers.decrementAndGet() == 0) {
      SpareArrays.give(bytes);
    }
  }

  /**
   * Leaves the array of a received payload to others, if the payload has one of its own. Neither
   * the payload nor a view of it must be used after.
   */
  public void discard() {
    if (readers == null && attachment == null && offset == 0 && count == bytes.length) {
      SpareArrays.give(bytes);
    }
  }

  /** Waits, through interrupts, until a borrowed attachment is given back. */
  public void awaitGivenBack() {
    if (borrowed != null) {
      Uninterruptibles.await(borrowed);
    }
  }

  /**
   * A payload without an attachment.
   *
   * @param bytes its bytes, from position to limit; not copied if they are in an array
   * @return a payload
   */
  public static Payload of(ByteBuffer bytes) {
    return of(bytes, null);
  }

  /**
   * A payload.
   *
   * @param bytes its bytes before the attachment, from position to limit; not copied if they are in
   *     an array
   * @param attachment an array that ends it; null if there is none
   * @return a payload
   */
  public static Payload of(ByteBuffer bytes, byte[] attachment) {
    int count = bytes.remaining();
    if (count == 0 && attachment != null) {
      return new Payload(attachment, 0, attachment.length, null);
    }
    if (bytes.hasArray()) {
      return new Payload(bytes.array(), bytes.arrayOffset() + bytes.position(), count, attachment);
    }
    byte[] copy = new byte[count];
    bytes.get(bytes.position(), copy);
    return new Payload(copy, 0, count, attachment);
  }

  /**
   * How long it is, the attachment included.
   *
   * @return in bytes
   */
  public int length() {
    return count + (attachment == null ? 0 : attachment.length);
  }

  /**
   * Whether a long array is part of it, as an array of its own.
   *
   * @return true if that array is received and handed on uncopied
   */
  public boolean hasAttachment() {
    return attachment != null;
  }

  /**
   * All its bytes.
   *
   * @return a new view; a copy if there is an attachment
   */
  public ByteBuffer toBuffer() {
    if (attachment == null) {
      return beginning();
    }
    ByteBuffer joined = ByteBuffer.allocate(length());
    put(joined, length());
    return joined.flip();
  }

  /** A byte before the attachment. */
  byte at(int index) {
    return bytes[offset + Objects.checkIndex(index, count)];
  }

  /** A new view of the bytes before the attachment. */
  ByteBuffer beginning() {
    ByteBuffer view = ByteBuffer.wrap(bytes, offset, count);
    return offset == 0 ? view : view.slice();
  }

  /**
   * The longest part of its end that can be had without a copy.
   *
   * @return a new view: the attachment, or all bytes if there is none
   */
  public ByteBuffer lastPart() {
    return attachment == null ? beginning() : ByteBuffer.wrap(attachment);
  }

  /**
   * Writes the first bytes.
   *
   * @param out has room for them
   * @param most how many, at most {@link #length}
   */
  public void put(ByteBuffer out, int most) {
    out.put(bytes, offset, Math.min(most, count));
    if (most > count) {
      out.put(attachment, 0, most - count);
    }
  }

  /**
   * Brings the first bytes under a checksum.
   *
   * @param checksum goes on with them
   * @param most how many; all if there are fewer
   */
  public void check(CRC32C checksum, int most) {
    checksum.update(bytes, offset, Math.min(most, count));
    if (most > count && attachment != null) {
      checksum.update(attachment, 0, Math.min(most - count, attachment.length));
    }
  }

  /**
   * Takes the array that ends the payload, once: it is the caller's alone.
   *
   * @param length how long it has to be
   * @param rest what has not been read of the {@link #beginning}; where the attachment was not kept
   *     apart on its way, it is at the end of this, which then becomes shorter
   * @return an array to which there is no other reference
   * @throws IOException if there is no such array, or it has been taken before
   */
  byte[] takeAttachment(int length, ByteBuffer rest) throws IOException {
    byte[] whole = attachment;
    boolean fits =
        whole == null ? length >= 0 && length <= rest.remaining() : length == whole.length;
    if (attachmentTaken || !fits) {
      throw new IOException("an array of the impossible length " + length);
    }
    if (whole == null) {
      int start = rest.limit() - length;
      whole = copy(rest.array(), rest.arrayOffset() + start, length);
      rest.limit(start);
    }
    attachmentTaken = true; // unless there was no memory: then it may be tried again
    attachment = null;
    return whole;
  }

  /** A part of an array. The JDK does this without clearing the copy first. */
  static byte[] copy(byte[] of, int start, int length) {
    return Arrays.copyOfRange(of, start, start + length);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Payload payload && toBuffer().equals(payload.toBuffer());
  }

  @Override
  public int hashCode() {
    return toBuffer().hashCode();
  }

  @Override
  public String toString() {
    return length() + " bytes";
  }
}
