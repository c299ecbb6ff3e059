package dev.mpipool.device;

import java.nio.ByteBuffer;
import java.util.UUID;
import mpjbuf.Buffer;
import mpjbuf.Type;
import mpjdev.Status;

/**
 * A receive: a pattern until a message has matched it, then the place where the message's bytes go.
 */
class RecvRequest extends DeviceRequest {

  /** The rank that has announced a long message. */
  interface Announcer {

    /** Asks for a message that has been announced. */
    void fetch(int announced, RecvRequest recv);

    /** Lets the sender go on whose announced message has no receive. */
    void refuse(int announced);

    /** Runs a task after a time, on the leader. */
    void later(long millis, Runnable task);
  }

  static final int ANY = xdev.Device.ANY_TAG;

  final int source;
  final int tag;
  final long context;
  private final Buffer buffer;
  private final Status status;
  private final RankId[] ids;

  /** Where a long message may be held until it is unpacked; null for most receives. */
  private final StreamedMemory streamed;

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
      long context,
      Status status,
      boolean streams) {
    super(progress);
    streamed = streams ? StreamedMemory.of(buffer.getStaticBuffer()) : null;
    this.ids = ids;
    this.buffer = buffer;
    this.source = source;
    this.tag = tag;
    this.context = context;
    this.status = status;
  }

  /** The second half of a receive that has matched and holds its message. */
  RecvRequest(RecvRequest matched) {
    super(matched.progress());
    streamed = null;
    ids = matched.ids;
    buffer = null;
    source = matched.source;
    tag = matched.tag;
    context = matched.context;
    status = matched.status;
    begin(matched.envelope);
  }

  /** Completes with the message still at its sender; returns false if that cannot be. */
  boolean hold(Announcer announcer, int id) {
    if (streamed == null || !streamed.hold(announcer, id, envelope, this)) {
      return false;
    }
    buffer.setSize(envelope.staticLength);
    succeed();
    return true;
  }

  int length() {
    return envelope.staticLength;
  }

  int elements() {
    return envelope.elements;
  }

  /** The rank that has sent the message. */
  int sender() {
    return envelope.source;
  }

  /** Whether the bytes are to be given to {@link #take} piece by piece. */
  boolean isInPieces() {
    return false;
  }

  void take(long place, ByteBuffer piece) {
    throw new IllegalStateException("this receive has memory of its own");
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
  int room() {
    int memory = buffer.getStaticBuffer().getCapacity() - buffer.offset();
    int said = buffer.getCapacity() - buffer.offset();
    return said > 0 ? Math.min(said, memory) : memory;
  }

  private ByteBuffer memory() {
    return StreamedMemory.memory(buffer).getBuffer();
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
