package dev.mpipool.device;

import java.nio.ByteBuffer;
import mpi.MPIException;
import mpjbuf.Buffer;
import mpjbuf.BufferException;
import mpjbuf.Type;
import mpjdev.Status;

/** A message on its way out. The bytes stay in the user's buffer until they are written. */
final class SendRequest extends DeviceRequest {

  private static final byte[] EMPTY = {};

  final Envelope envelope;
  final boolean synchronous;

  /**
   * The raw memory with room for a header before the message; its position and limit are nobody's.
   */
  final ByteBuffer memory;

  /** Where the static section begins. */
  final int offset;

  final byte[] dynamic;

  /** What the receiver calls this message, and how much of it is written (rendezvous). */
  int remoteId;

  long written;

  /** The array that a long message is read from while it is sent; null for most messages. */
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

  /** A long message from memory that is no mpjbuf buffer's, as if it were one section of bytes. */
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
   * A message of bytes that lies in memory of its own, behind room for a frame's header and that of
   * the section.
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
