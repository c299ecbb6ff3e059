package dev.mpipool.device;

import java.nio.ByteBuffer;

/**
 * The receive of a long message straight into an array. The message is one section; its header is
 * known from the envelope, and is skipped.
 */
final class ArrayReceive extends RecvRequest {

  private static final int SECTION = mpjbuf.Buffer.SECTION_OVERHEAD;

  private final ArrayRange range;

  ArrayReceive(RecvRequest matched, ArrayRange range) {
    super(matched);
    this.range = range;
  }

  @Override
  boolean isInPieces() {
    return true;
  }

  /** A piece of the message that begins at a place is here. */
  @Override
  void take(long place, ByteBuffer piece) {
    if (place == 0) {
      piece.position(SECTION);
    }
    range.write(Math.max(0, place - SECTION), piece);
  }

  @Override
  void received() {
    succeed();
  }
}
