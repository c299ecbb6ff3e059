package dev.mpipool.protocol;

import dev.mpipool.serial.Payload;
import java.nio.ByteBuffer;

/**
 * One item of a frame.
 *
 * @param kind what it says
 * @param id the task it is about, as numbered by main; 0 where there is none
 * @param payload the rest
 */
public record Entry(EntryKind kind, long id, Payload payload) {

  /**
   * An entry that needs no payload.
   *
   * @param kind what it says
   * @param id the task it is about, or 0
   */
  public Entry(EntryKind kind, long id) {
    this(kind, id, Payload.EMPTY);
  }

  /**
   * An entry whose payload has no attachment.
   *
   * @param kind what it says
   * @param id the task it is about, or 0
   * @param payload the rest, from position to limit; must not be changed any more
   */
  public Entry(EntryKind kind, long id, ByteBuffer payload) {
    this(kind, id, Payload.of(payload));
  }

  /**
   * The payload as a whole.
   *
   * @return a new view from position to limit, which must not be written to; a copy if the payload
   *     has an attachment
   */
  public ByteBuffer bytes() {
    return payload.toBuffer();
  }
}
