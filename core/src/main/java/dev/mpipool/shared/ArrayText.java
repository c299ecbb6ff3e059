package dev.mpipool.shared;

import java.util.function.LongFunction;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/** How an array is written down for people. */
final class ArrayText {

  private static final int FEW = 3;

  private final LongFunction<String> element;
  private final Shape shape;

  ArrayText(LongFunction<String> element, Shape shape) {
    this.element = element;
    this.shape = shape;
  }

  /** The first and the last elements. */
  String few() {
    long count = shape.count();
    if (count <= 2 * FEW) {
      return "[" + elements(0, count) + "]";
    }
    return "[" + elements(0, FEW) + " ... " + elements(count - FEW, count) + "]";
  }

  /** A line for each row, and brackets as deep as there are dimensions. */
  String all() {
    long row = shape.extents()[shape.dimensions() - 1];
    StringBuilder text = new StringBuilder();
    for (long at = 0; at < shape.count(); at += row) {
      int begun = level(at);
      int ended = level(at + row);
      text.append(" ".repeat(shape.dimensions() - begun)).append("[".repeat(begun));
      text.append(elements(at, at + row)).append("]".repeat(ended)).append('\n');
    }
    return text.toString();
  }

  /** How many dimensions begin, or have ended, at an element. */
  private int level(long at) {
    int level = 0;
    long together = 1;
    for (int i = shape.dimensions() - 1; i >= 0; i--) {
      together *= shape.extents()[i];
      if (at % together == 0) {
        level++;
      }
    }
    return level;
  }

  private String elements(long from, long to) {
    return LongStream.range(from, to).mapToObj(element).collect(Collectors.joining(" "));
  }
}
