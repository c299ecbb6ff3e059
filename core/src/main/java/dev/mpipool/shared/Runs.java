package dev.mpipool.shared;

/**
 * The elements of a block in an array, as runs that lie together: each of the same length, in
 * row-major order.
 */
final class Runs {

  private final Shape array;
  private final long[] offset;
  private final Shape block;

  /** How many of the block's first dimensions are counted through, run by run. */
  private final int outer;

  private final long length;

  /**
   * The runs of a block that is inside the array.
   *
   * @param longest whether to join rows that follow each other without a gap
   */
  Runs(Shape array, long[] offset, Shape block, boolean longest) {
    this.array = array;
    this.offset = offset.clone();
    this.block = block;
    int dimension = array.dimensions() - 1;
    long together = block.extents()[dimension];
    while (longest && dimension > 0 && block.extents()[dimension] == array.extents()[dimension]) {
      dimension--;
      together *= block.extents()[dimension];
    }
    outer = dimension;
    length = together;
  }

  /** Elements in each run. */
  long length() {
    return length;
  }

  long count() {
    return block.count() / length;
  }

  /** Where a run begins in the array. */
  long start(long run) {
    long[] at = offset.clone();
    long rest = run;
    for (int i = outer - 1; i >= 0; i--) {
      at[i] += rest % block.extents()[i];
      rest /= block.extents()[i];
    }
    return array.index(at);
  }

  /** Calls for each piece of a stretch of the block's elements, in order. */
  void forEach(long from, long elements, Piece piece) throws java.io.IOException {
    long at = from;
    long end = from + elements;
    while (at < end) {
      long inRun = at % length;
      long pieceLength = Math.min(end - at, length - inRun);
      piece.accept(start(at / length) + inRun, at - from, pieceLength);
      at += pieceLength;
    }
  }

  /** Elements that lie together in the array. */
  @FunctionalInterface
  interface Piece {
    void accept(long inArray, long inStretch, long elements) throws java.io.IOException;
  }
}
