package dev.mpipool.wire;

import java.nio.ByteBuffer;

/**
 * One item of a frame.
 *
 * @param kind what it says
 * @param id the task it is about, as numbered by main; 0 where there is none
 * @param body the rest, from position to limit; must not be changed
 */
public record Entry(EntryKind kind, long id, ByteBuffer body) {

  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0).asReadOnlyBuffer();

  /**
   * An entry that needs no body.
   *
   * @param kind what it says
   * @param id the task it is about, or 0
   */
  public Entry(EntryKind kind, long id) {
    this(kind, id, NOTHING);
  }
}
