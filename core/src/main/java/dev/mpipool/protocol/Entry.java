package dev.mpipool.protocol;

import dev.mpipool.serial.Payload;
import java.nio.ByteBuffer;

/**
 * One item of a frame.
 *
 * @param kind what it says
 * @param id the task it is about, as numbered by main; 0 where there is none
 * @param content the rest
 */
public record Entry(EntryKind kind, long id, Payload content) {

  /**
   * An entry that needs no body.
   *
   * @param kind what it says
   * @param id the task it is about, or 0
   */
  public Entry(EntryKind kind, long id) {
    this(kind, id, Payload.EMPTY);
  }

  /**
   * An entry whose body has no attachment.
   *
   * @param kind what it says
   * @param id the task it is about, or 0
   * @param body the rest, from position to limit; must not be changed any more
   */
  public Entry(EntryKind kind, long id, ByteBuffer body) {
    this(kind, id, Payload.of(body));
  }

  /**
   * The content as a whole.
   *
   * @return a new view from position to limit, which must not be written to; a copy if the content
   *     has an attachment
   */
  public ByteBuffer body() {
    return content.toBuffer();
  }
}
