package dev.mpipool.device;

import java.nio.ByteBuffer;

/**
 * The receive of a long message directly into an array. The message is one section, whose header is
 * skipped: the envelope has its contents.
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

  /** Stores the piece that begins at a place of the message. */
  @Override
  void receive(long place, ByteBuffer piece) {
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
