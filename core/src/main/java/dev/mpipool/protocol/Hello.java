package dev.mpipool.protocol;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * The first word of main to a worker.
 *
 * <pre>
 *   | number of task threads (int) | length of the format (int) | format (UTF-8) | initializer |
 * </pre>
 *
 * @param threads how many tasks the worker is to run at a time
 * @param format what main's serializer calls its bytes
 * @param initializer the encoded task that the worker runs before any other; empty if there is none
 */
public record Hello(int threads, String format, ByteBuffer initializer) {

  /**
   * This as bytes.
   *
   * @return the payload of an {@link EntryKind#OPEN} entry
   */
  public ByteBuffer encode() {
    byte[] name = format.getBytes(StandardCharsets.UTF_8);
    ByteBuffer payload =
        ByteBuffer.allocate(2 * Integer.BYTES + name.length + initializer.remaining());
    return payload
        .putInt(threads)
        .putInt(name.length)
        .put(name)
        .put(initializer.duplicate())
        .flip();
  }

  /**
   * Reads it.
   *
   * @param payload the payload of an {@link EntryKind#OPEN} entry
   * @return what main said
   * @throws IOException if the payload is anything else
   */
  public static Hello decode(ByteBuffer payload) throws IOException {
    ByteBuffer in = payload.duplicate();
    int threads = in.remaining() < 2 * Integer.BYTES ? 0 : in.getInt();
    int length = threads < 1 ? -1 : in.getInt();
    if (length < 0 || length > in.remaining()) {
      throw new IOException(
          "%d task threads, and a format of length %d".formatted(threads, length));
    }
    byte[] name = new byte[length];
    in.get(name);
    return new Hello(threads, new String(name, StandardCharsets.UTF_8), in.slice());
  }
}
