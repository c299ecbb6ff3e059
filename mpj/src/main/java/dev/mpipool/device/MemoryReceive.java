package dev.mpipool.device;

import java.nio.ByteBuffer;
import mpjbuf.Buffer;
import mpjdev.Status;

/**
 * A receive of one section of bytes into memory that belongs to no mpjbuf buffer. The section's
 * header is not stored.
 */
final class MemoryReceive extends RecvRequest {

  private static final int SECTION = Buffer.SECTION_OVERHEAD;

  private final ByteBuffer place;
  private final ArrayRange range;

  /** Holds a short message with its header, until it is copied into the place. */
  private ByteBuffer whole;

  private int length;

  MemoryReceive(
      Progress progress, RankId[] ids, ByteBuffer place, int source, int tag, long context) {
    super(progress, ids, null, source, tag, context, new Status(null, tag, -1), false);
    this.place = place;
    range = ArrayRange.of(place);
  }

  @Override
  boolean isProbe() {
    return false;
  }

  @Override
  int room() {
    return SECTION + place.remaining();
  }

  /** A short message is stored as a whole first. */
  @Override
  boolean isInPieces() {
    return whole == null && length() > 0;
  }

  @Override
  void receive(long at, ByteBuffer piece) {
    if (at == 0) {
      piece.position(SECTION);
    }
    range.write(Math.max(0, at - SECTION), piece);
  }

  @Override
  ByteBuffer place(long at, int bytes) {
    if (whole == null) {
      whole = ByteBuffer.allocate(length());
    }
    return whole.slice((int) at, bytes);
  }

  @Override
  void received() {
    length = elements();
    if (whole != null && length > 0) {
      range.write(0, whole.position(SECTION).limit(SECTION + length));
    }
    succeed();
  }

  /** The length of the message. Called after completion. */
  int bytes() {
    return length;
  }
}
