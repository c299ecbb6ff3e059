package dev.mpipool.memory;

import java.nio.ByteBuffer;
import java.util.Arrays;

/** Copies of what is in buffers. */
public final class Buffers {

  private Buffers() {}

  /**
   * Copies the remaining bytes of a buffer.
   *
   * @param of the buffer, whose position and limit stay as they are
   * @return a new array
   */
  public static byte[] copy(ByteBuffer of) {
    if (of.hasArray()) { // copyOfRange does not clear the array first
      int start = of.arrayOffset() + of.position();
      return Arrays.copyOfRange(of.array(), start, start + of.remaining());
    }
    byte[] copy = new byte[of.remaining()];
    of.get(of.position(), copy);
    return copy;
  }
}
