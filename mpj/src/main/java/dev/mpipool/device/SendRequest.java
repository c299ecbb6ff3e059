package dev.mpipool.device;

import java.nio.ByteBuffer;
import mpi.MPIException;
import mpjbuf.Buffer;
import mpjbuf.BufferException;
import mpjbuf.Type;
import mpjdev.Status;

/**
 * A send. The bytes stay in the user's buffer until they are written. The monitor of the {@link
 * Outbox} guards the rendezvous state.
 */
final class SendRequest extends DeviceRequest {

  private static final byte[] EMPTY = {};

  final Envelope envelope;
  final boolean synchronous;

  /**
   * The raw memory, with room for a header before the message. Its position and limit are not used.
   */
  final ByteBuffer memory;

  /** Where the static section begins. */
  final int offset;

  final byte[] dynamic;

  /** Rendezvous: the receiver's id of the message, from its CTS. */
  int remoteId;

  /** Rendezvous: how many bytes have been written. */
  long written;

  /** The array from which a long message is read while it is sent; mostly null. */
  private final ArrayRange packed;

  SendRequest(
      Progress progress,
      int source,
      Buffer buffer,
      int tag,
      long context,
      boolean synchronous,
      boolean streams) {
    super(progress);
    this.synchronous = synchronous;
    offset = buffer.offset();
    int type = Type.UNDEFINED.getCode();
    int elements = 0;
    try {
      buffer.commit();
      if (buffer.getSize() > 0) {
        type = buffer.getSectionHeader().getCode();
        elements = buffer.getSectionSize();
      }
    } catch (BufferException e) {
      throw new MPIException(e);
    }
    StreamedMemory streamed = streams ? StreamedMemory.of(buffer.getStaticBuffer()) : null;
    packed = streamed == null ? null : streamed.packed();
    memory = packed != null ? null : StreamedMemory.memory(buffer).getBuffer().duplicate().clear();
    dynamic = buffer.getDynamicBuffer() == null ? EMPTY : buffer.getDynamicBuffer();
    envelope = new Envelope(source, tag, context, type, buffer.getSize(), dynamic.length, elements);
  }

  /** A long message from memory that belongs to no mpjbuf buffer, sent as one section of bytes. */
  SendRequest(Progress progress, int source, ByteBuffer bytes, int tag, long context) {
    super(progress);
    synchronous = false;
    offset = 0;
    memory = null;
    dynamic = EMPTY;
    packed = ArrayRange.of(bytes);
    int length = Buffer.SECTION_OVERHEAD + bytes.remaining();
    int type = Type.BYTE.getCode();
    envelope = new Envelope(source, tag, context, type, length, 0, bytes.remaining());
  }

  /**
   * A message of bytes in memory of its own, with room before it for the headers of the frame and
   * of the section.
   */
  static SendRequest ofBytes(
      Progress progress, int source, ByteBuffer memory, int tag, long context) {
    return new SendRequest(progress, source, tag, context, memory);
  }

  private SendRequest(Progress progress, int source, int tag, long context, ByteBuffer memory) {
    super(progress);
    synchronous = false;
    offset = Frame.HEADER;
    this.memory = memory;
    dynamic = EMPTY;
    packed = null;
    int length = memory.capacity() - offset;
    int elements = length - Buffer.SECTION_OVERHEAD;
    int type = Type.BYTE.getCode();
    memory.put(offset, (byte) type).putInt(offset + 4, elements);
    envelope = new Envelope(source, tag, context, type, length, 0, elements);
  }

  /** A view of the static section. */
  ByteBuffer staticPart() {
    return memory.duplicate().limit(offset + envelope.staticLength).position(offset);
  }

  /**
   * A view of at most {@code limit} bytes of the message from {@code place} on, all of the same
   * section.
   */
  ByteBuffer piece(long place, int limit) {
    if (place < envelope.staticLength) {
      int from = offset + (int) place;
      int length = (int) Math.min(limit, envelope.staticLength - place);
      return memory.duplicate().limit(from + length).position(from);
    }
    int from = (int) (place - envelope.staticLength);
    return ByteBuffer.wrap(dynamic, from, Math.min(limit, dynamic.length - from));
  }

  /** Whether the bytes come from {@link #fill} instead of {@link #piece}. */
  boolean isStreamed() {
    return packed != null;
  }

  /** Fills the buffer with the bytes of the message from a place on. */
  void fill(long place, ByteBuffer to) {
    to.clear().limit((int) Math.min(to.capacity(), envelope.length() - place));
    if (place == 0) {
      to.put(0, (byte) envelope.type).putInt(4, envelope.elements);
      to.position(Buffer.SECTION_OVERHEAD);
      packed.read(0, to);
    } else {
      packed.read(place - Buffer.SECTION_OVERHEAD, to);
    }
    to.position(0);
  }

  @Override
  Status status() {
    return new Status(envelope.source, envelope.tag, -1);
  }
}
