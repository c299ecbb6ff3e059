package dev.mpipool.device;

import java.nio.ByteBuffer;
import java.util.UUID;
import mpjbuf.Buffer;
import mpjbuf.Type;
import mpjdev.Status;

/**
 * A receive. Before it is matched it is a pattern of source, tag and context; afterwards it says
 * where the bytes of its message go. A receive without a buffer is a probe. Before the match the
 * {@link Matcher} uses it, after it one thread at a time.
 */
class RecvRequest extends DeviceRequest {

  /** The connection to a rank that has sent an RTS. */
  interface RendezvousSender {

    /** Answers an RTS with a CTS, so that the message is sent to this receive. */
    void fetch(int id, RecvRequest recv);

    /** Answers an RTS so that the sender completes without sending the bytes. */
    void refuse(int id);

    /** Runs a task on the leader after a delay. */
    void later(long millis, Runnable task);
  }

  static final int ANY = xdev.Device.ANY_TAG;

  final int source;
  final int tag;
  final long context;
  private final Buffer buffer;
  private final Status status;
  private final RankId[] ids;

  /** The memory that may leave a long message at its sender until unpacking; mostly null. */
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

  /** Continues a receive that has matched, and whose message was left at its sender. */
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

  /** Completes while the message is still at its sender; returns false if that is impossible. */
  boolean hold(RendezvousSender sender, int id) {
    if (streamed == null || !streamed.hold(sender, id, envelope, this)) {
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

  /** Whether {@link #receive} gets the bytes in pieces; otherwise they go to {@link #place}. */
  boolean isInPieces() {
    return false;
  }

  void receive(long place, ByteBuffer piece) {
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
   * The capacity for the message: the smaller of the buffer's and that of its memory. Some buffers
   * state none.
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
   * The memory for {@code length} bytes of the message from {@code place} on, all in the same
   * section.
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

  /** Completes the receive, after all bytes have been stored. */
  void received() {
    memory().clear();
    buffer.setSize(envelope.staticLength);
    if (dynamic != null) {
      buffer.setDynamicBuffer(dynamic);
    }
    succeed();
  }

  /** Called after completion; for a probe, the envelope is enough. */
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
