package dev.mpipool.device;

import java.nio.ByteBuffer;
import java.util.UUID;
import mpjbuf.Buffer;
import mpjbuf.NIOBuffer;
import mpjbuf.Type;
import mpjdev.Status;

/**
 * A receive: a pattern until a message has matched it, then the place where the message's bytes go.
 */
final class RecvRequest extends DeviceRequest {

  static final int ANY = xdev.Device.ANY_TAG;

  final int source;
  final int tag;
  final int context;
  private final Buffer buffer;
  private final Status status;
  private final RankId[] ids;

  private Envelope envelope;
  private byte[] dynamic;
  long missing;

  /** A receive without a buffer is a probe: it completes at the envelope. */
  RecvRequest(
      Progress progress,
      RankId[] ids,
      Buffer buffer,
      int source,
      int tag,
      int context,
      Status status) {
    super(progress);
    this.ids = ids;
    this.buffer = buffer;
    this.source = source;
    this.tag = tag;
    this.context = context;
    this.status = status;
  }

  boolean isProbe() {
    return buffer == null;
  }

  boolean matches(Envelope e) {
    return (source == ANY || source == e.source)
        && (tag == ANY || tag == e.tag)
        && context == e.context;
  }

  /**
   * Called once, when a message has matched. Returns null, or why the message cannot be received.
   */
  MessageTruncatedException begin(Envelope e) {
    envelope = e;
    missing = e.length();
    if (!isProbe() && e.staticLength > room()) {
      return new MessageTruncatedException(e.source, e.tag, e.staticLength, room());
    }
    dynamic = e.dynamicLength > 0 ? new byte[e.dynamicLength] : null;
    return null;
  }

  /**
   * The smaller of what the mpjbuf buffer says and what its memory can hold; some buffers say
   * nothing.
   */
  private int room() {
    int memory = memory().capacity() - buffer.offset();
    int said = buffer.getCapacity() - buffer.offset();
    return said > 0 ? Math.min(said, memory) : memory;
  }

  private ByteBuffer memory() {
    return ((NIOBuffer) buffer.getStaticBuffer()).getBuffer();
  }

  /**
   * Where {@code length} bytes of the message from {@code place} on go; never across the two
   * sections.
   */
  ByteBuffer place(long place, int length) {
    if (place < envelope.staticLength) {
      int from = buffer.offset() + (int) place;
      ByteBuffer view = memory().duplicate();
      view.clear();
      return view.limit(from + length).position(from);
    }
    return ByteBuffer.wrap(dynamic, (int) (place - envelope.staticLength), length);
  }

  /** All bytes are in place. */
  void received() {
    memory().clear();
    buffer.setSize(envelope.staticLength);
    if (dynamic != null) {
      buffer.setDynamicBuffer(dynamic);
    }
    succeed();
  }

  /** Whatever matched is complete; for a probe, its envelope. */
  @Override
  Status status() {
    Status s = status;
    s.tag = envelope.tag;
    s.numEls = envelope.elements;
    s.type = Type.getType(envelope.type);
    s.srcID = sourceId();
    return s;
  }

  private UUID sourceId() {
    return ids[envelope.source].uuid();
  }
}
