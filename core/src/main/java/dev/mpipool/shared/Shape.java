package dev.mpipool.shared;

import java.lang.reflect.Array;
import java.util.Arrays;
import java.util.Objects;

/**
 * The extents of an array in row-major order (the last index runs fastest), and of blocks in it.
 */
final class Shape {

  /** At least one, each at least 1. */
  private final long[] extents;

  private final long count;

  Shape(long... extents) {
    this.extents = extents.clone();
    if (extents.length == 0) {
      throw new IllegalArgumentException("A shape has at least one dimension");
    }
    for (long extent : extents) {
      if (extent < 1) {
        throw new IllegalArgumentException(
            "Every extent is at least 1, but the shape is " + Arrays.toString(extents));
      }
    }
    try {
      long bytes = Arrays.stream(extents).reduce(Long.BYTES, Math::multiplyExact);
      count = bytes / Long.BYTES;
    } catch (ArithmeticException e) {
      throw new IllegalArgumentException(
          "More elements than can be counted: " + Arrays.toString(extents), e);
    }
  }

  /** The extents of nested arrays, which must be rectangular down to arrays of a type. */
  static Shape of(Object values, int dimensions, Class<?> leaf) {
    long[] extents = new long[dimensions];
    Object level = Objects.requireNonNull(values, "values");
    Class<?> expected = leaf;
    for (int i = 1; i < dimensions; i++) {
      expected = expected.arrayType();
    }
    if (!expected.isInstance(values)) {
      throw new IllegalArgumentException(
          "The block is a %s, but for an array of %d dimensions it has to be a %s"
              .formatted(values.getClass().getSimpleName(), dimensions, expected.getSimpleName()));
    }
    for (int i = 0; i < dimensions; i++) {
      extents[i] = Array.getLength(level);
      if (extents[i] > 0 && i + 1 < dimensions) {
        level = Objects.requireNonNull(Array.get(level, 0), "a row of values");
      }
    }
    Shape shape = new Shape(extents);
    checkRectangular(values, extents, 0);
    return shape;
  }

  private static void checkRectangular(Object values, long[] extents, int dimension) {
    Objects.requireNonNull(values, "a row of values");
    if (Array.getLength(values) != extents[dimension]) {
      throw new IllegalArgumentException(
          "The block's rows differ in length: %d and %d"
              .formatted(extents[dimension], Array.getLength(values)));
    }
    if (dimension + 1 < extents.length) {
      for (Object row : (Object[]) values) {
        checkRectangular(row, extents, dimension + 1);
      }
    }
  }

  /** Not to be changed. */
  long[] extents() {
    return extents;
  }

  int dimensions() {
    return extents.length;
  }

  /** How many elements there are. */
  long count() {
    return count;
  }

  /** Where an element stands, counted from the first. */
  long index(long... at) {
    if (at.length != extents.length) {
      throw new IllegalArgumentException(
          "%d indices for an array of %d dimensions".formatted(at.length, extents.length));
    }
    long index = 0;
    for (int i = 0; i < at.length; i++) {
      index = index * extents[i] + Objects.checkIndex(at[i], extents[i]);
    }
    return index;
  }

  /** Refuses a block that is not inside. */
  void check(long[] offset, Shape block) {
    if (offset.length != extents.length || block.dimensions() != extents.length) {
      throw new IllegalArgumentException(
          "An array of shape %s has no block of shape %s at %s"
              .formatted(this, block, Arrays.toString(offset)));
    }
    for (int i = 0; i < extents.length; i++) {
      if (offset[i] < 0 || offset[i] > extents[i] - block.extents[i]) {
        throw new IllegalArgumentException(
            "The block of shape %s at %s is not inside the array of shape %s"
                .formatted(block, Arrays.toString(offset), this));
      }
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Shape shape && Arrays.equals(extents, shape.extents);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(extents);
  }

  @Override
  public String toString() {
    return Arrays.toString(extents);
  }
}
