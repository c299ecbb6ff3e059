package dev.mpipool.device;

import java.nio.ByteBuffer;

/**
 * Some elements of a user's array, as the bytes that mpjbuf would make of them: big-endian, one
 * after the other.
 */
final class ArrayRange {

  private final Object array;
  private final int offset;
  private final int count;
  private final int elementSize;

  private ArrayRange(Object array, int offset, int count, int elementSize) {
    this.array = array;
    this.offset = offset;
    this.count = count;
    this.elementSize = elementSize;
  }

  /** Returns null for arrays that mpjbuf does not write as a whole. */
  static ArrayRange of(Object array, int offset, int count) {
    int size = elementSize(array);
    return size == 0 ? null : new ArrayRange(array, offset, count, size);
  }

  /** Bytes as they are. */
  static ArrayRange of(ByteBuffer memory) {
    return new ArrayRange(memory, memory.position(), memory.remaining(), 1);
  }

  private static int elementSize(Object array) {
    if (array instanceof byte[]) {
      return 1;
    } else if (array instanceof short[] || array instanceof char[]) {
      return 2;
    } else if (array instanceof int[] || array instanceof float[]) {
      return 4;
    } else {
      return array instanceof long[] || array instanceof double[] ? 8 : 0;
    }
  }

  Object array() {
    return array;
  }

  int offset() {
    return offset;
  }

  int count() {
    return count;
  }

  long bytes() {
    return (long) count * elementSize;
  }

  /**
   * Fills the rest of the buffer with the bytes from a place on. Both are whole numbers of
   * elements.
   */
  void read(long place, ByteBuffer to) {
    int at = offset + (int) (place / elementSize);
    int n = to.remaining() / elementSize;
    if (array instanceof byte[] a) {
      to.put(a, at, n);
    } else if (array instanceof ByteBuffer a) {
      to.put(to.position(), a, at, n);
    } else if (array instanceof short[] a) {
      to.asShortBuffer().put(a, at, n);
    } else if (array instanceof char[] a) {
      to.asCharBuffer().put(a, at, n);
    } else if (array instanceof int[] a) {
      to.asIntBuffer().put(a, at, n);
    } else if (array instanceof float[] a) {
      to.asFloatBuffer().put(a, at, n);
    } else if (array instanceof long[] a) {
      to.asLongBuffer().put(a, at, n);
    } else if (array instanceof double[] a) {
      to.asDoubleBuffer().put(a, at, n);
    }
  }

  /**
   * Takes the rest of the buffer as the bytes from a place on. Both are whole numbers of elements.
   */
  void write(long place, ByteBuffer from) {
    int at = offset + (int) (place / elementSize);
    int n = from.remaining() / elementSize;
    if (array instanceof byte[] a) {
      from.get(a, at, n);
    } else if (array instanceof ByteBuffer a) {
      a.put(at, from, from.position(), n);
    } else if (array instanceof short[] a) {
      from.asShortBuffer().get(a, at, n);
    } else if (array instanceof char[] a) {
      from.asCharBuffer().get(a, at, n);
    } else if (array instanceof int[] a) {
      from.asIntBuffer().get(a, at, n);
    } else if (array instanceof float[] a) {
      from.asFloatBuffer().get(a, at, n);
    } else if (array instanceof long[] a) {
      from.asLongBuffer().get(a, at, n);
    } else if (array instanceof double[] a) {
      from.asDoubleBuffer().get(a, at, n);
    }
  }
}
