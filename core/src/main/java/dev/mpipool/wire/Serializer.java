package dev.mpipool.wire;

import java.nio.ByteBuffer;

/**
 * Turns tasks, results and exceptions into bytes and back. Used by several threads at once.
 *
 * <p>Both methods may fail in any way that user code can (a {@code writeObject} that throws, a
 * missing class, an exhausted stack): whatever they throw, {@link Error}s included, fails the task
 * at hand and nothing else.
 */
public interface Serializer {

  /**
   * Encodes a value.
   *
   * @param value any object, or null
   * @return its bytes, from position to limit; not touched by the serializer any more
   * @throws Exception if the value cannot travel; the message says why
   */
  ByteBuffer encode(Object value) throws Exception;

  /**
   * Decodes a value.
   *
   * @param bytes what {@link #encode} returned in this process or another
   * @return the value
   * @throws Exception if it cannot be read; the message says why
   */
  Object decode(ByteBuffer bytes) throws Exception;
}
