package dev.mpipool.memory;

import java.nio.ByteBuffer;
import java.util.Arrays;

/** Copies of what is in buffers. */
public final class Buffers {

  private Buffers() {}

  /**
   * Copies the remaining bytes of a buffer, into a {@linkplain SpareArrays spare} array if there is
   * one of this length.
   *
   * @param of the buffer, whose position and limit stay as they are
   * @return an array to which there is no other reference
   */
  public static byte[] copy(ByteBuffer of) {
    byte[] spare = SpareArrays.exactly(of.remaining());
    if (spare != null) {
      of.get(of.position(), spare);
      return spare;
    }
    if (of.hasArray()) { // copyOfRange does not clear the array first
      int start = of.arrayOffset() + of.position();
      return Arrays.copyOfRange(of.array(), start, start + of.remaining());
    }
    byte[] copy = new byte[of.remaining()];
    of.get(of.position(), copy);
    return copy;
  }
}
