package dev.mpipool.shared;

import java.lang.reflect.Array;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;

/**
 * A block that a rank brings, and what the other ranks are told of it.
 *
 * <pre>
 *   | form of the call (byte) | rank it names or -1 (int) | 0 or 1 (byte): brings a block
 *   | offset, shape (longs), if it does |
 * </pre>
 */
final class Block {

  /** Nested arrays, or one array with all elements; null where another rank has them. */
  private final Object values;

  private final boolean nested;
  private final long[] offset;
  private final Shape shape;

  private Block(Object values, boolean nested, long[] offset, Shape shape) {
    this.values = values;
    this.nested = nested;
    this.offset = offset;
    this.shape = shape;
  }

  /** From nested arrays, whose shape is the block's. */
  static Block nested(Object values, long[] offset, Shape array, Class<?> leaf) {
    return inside(
        array, new Block(values, true, orZero(offset, array), shapeOf(values, array, leaf)));
  }

  /** From an array with the elements in row-major order. */
  static Block flat(Object values, long[] shape, long[] offset, Shape array) {
    Shape block = new Shape(shape);
    if (Array.getLength(values) != block.count()) {
      throw new IllegalArgumentException(
          "%d values are no block of shape %s".formatted(Array.getLength(values), block));
    }
    return inside(array, new Block(values, false, orZero(offset, array), block));
  }

  private static Shape shapeOf(Object values, Shape array, Class<?> leaf) {
    return Shape.of(values, array.dimensions(), leaf);
  }

  private static long[] orZero(long[] offset, Shape array) {
    return offset == null ? new long[array.dimensions()] : offset.clone();
  }

  private static Block inside(Shape array, Block block) {
    array.check(block.offset, block.shape);
    return block;
  }

  Object values() {
    return values;
  }

  /** Whether each row is an array of its own. */
  boolean nested() {
    return nested;
  }

  long[] offset() {
    return offset;
  }

  Shape shape() {
    return shape;
  }

  /** The array with the elements of a row. */
  Object row(long row) {
    Object at = values;
    long rest = row;
    long rows = shape.count() / shape.extents()[shape.dimensions() - 1];
    for (int i = 0; i + 1 < shape.dimensions(); i++) {
      rows /= shape.extents()[i];
      at = Array.get(at, (int) (rest / rows));
      rest %= rows;
    }
    return at;
  }

  /** What the others are told. */
  static byte[] encode(byte form, int named, Block block) {
    int dimensions = block == null ? 0 : block.offset.length;
    ByteBuffer bytes = ByteBuffer.allocate(6 + 2 * Long.BYTES * dimensions);
    bytes.put(form).putInt(named).put((byte) (block == null ? 0 : 1));
    if (block != null) {
      Arrays.stream(block.offset).forEach(bytes::putLong);
      Arrays.stream(block.shape.extents()).forEach(bytes::putLong);
    }
    return bytes.array();
  }

  /** The rank whose block all have agreed to take, by what each rank has told. */
  static int source(List<ByteBuffer> told) {
    ByteBuffer first = told.get(0);
    int source = -1;
    for (int rank = 0; rank < told.size(); rank++) {
      ByteBuffer other = told.get(rank);
      if (other.get(0) != first.get(0) || other.getInt(1) != first.getInt(1)) {
        throw new IllegalArgumentException(
            "The ranks disagree: rank 0 calls set %s, rank %d %s"
                .formatted(call(first), rank, call(other)));
      }
      if (other.get(5) == 1) {
        if (source >= 0) {
          throw new IllegalArgumentException(
              "Ranks %d and %d both bring a block".formatted(source, rank));
        }
        source = rank;
      }
    }
    if (source < 0) {
      throw new IllegalArgumentException("No rank brings a block");
    }
    return source;
  }

  /** The block of another rank, without its values. */
  static Block decode(ByteBuffer told) {
    ByteBuffer rest = told.duplicate().position(6);
    int dimensions = rest.remaining() / Long.BYTES / 2;
    long[] offset = new long[dimensions];
    long[] extents = new long[dimensions];
    rest.asLongBuffer().get(offset).get(extents);
    return new Block(null, false, offset, new Shape(extents));
  }

  private static String call(ByteBuffer told) {
    return told.getInt(1) < 0 ? "without a rank" : "from rank " + told.getInt(1);
  }
}
