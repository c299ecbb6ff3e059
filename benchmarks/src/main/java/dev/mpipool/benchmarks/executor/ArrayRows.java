package dev.mpipool.benchmarks.executor;

import dev.mpipool.SerializableFunction;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * What a scientist maps over: rows of doubles, to a number each and to another row each. There are
 * 16 million doubles in all; in the shortest rows, where the cost of an element counts, 2 million.
 */
final class ArrayRows {

  /** The lengths of the rows, and how many there are. */
  static final Map<Integer, Integer> SHAPES = new LinkedHashMap<>();

  static {
    SHAPES.put(100, 20_000);
    SHAPES.put(1_000, 16_000);
    SHAPES.put(10_000, 1_600);
    SHAPES.put(100_000, 160);
    SHAPES.put(1_000_000, 16);
  }

  /** Elements of other types, each of 80,000 bytes, as many as of {@code double[10_000]}. */
  static final Map<String, IntFunction<Object>> KINDS = new LinkedHashMap<>();

  private static final int KIND_ROWS = 1_600;
  private static final int KIND_BYTES = 80_000;

  static {
    KINDS.put("double[10000]", i -> new double[KIND_BYTES / Double.BYTES]);
    KINDS.put("float[20000]", i -> new float[KIND_BYTES / Float.BYTES]);
    KINDS.put("int[20000]", i -> new int[KIND_BYTES / Integer.BYTES]);
    KINDS.put("byte[80000]", i -> new byte[KIND_BYTES]);
    KINDS.put("record", i -> new Spectrum(i, new double[KIND_BYTES / Double.BYTES]));
    KINDS.put("list", i -> listOf(new double[KIND_BYTES / Double.BYTES]));
  }

  /** A record with an array. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Spectrum(int number, double[] values) implements java.io.Serializable {}

  private static List<double[]> listOf(double[] row) {
    List<double[]> list = new ArrayList<>();
    list.add(row);
    return list;
  }

  private final Contestant contestant;
  private final Effort effort;
  private final BiConsumer<String, Double> told;

  /**
   * Creates the part.
   *
   * @param told gets each figure: its key, and milliseconds
   */
  ArrayRows(Contestant contestant, Effort effort, BiConsumer<String, Double> told) {
    this.contestant = contestant;
    this.effort = effort;
    this.told = told;
  }

  void measure() throws Exception {
    if (contestant.map(row -> row, List.of(1)).isEmpty()) {
      return;
    }
    for (Map.Entry<Integer, Integer> shape : SHAPES.entrySet()) {
      int length = shape.getKey();
      List<double[]> rows =
          IntStream.range(0, shape.getValue()).mapToObj(i -> row(length, i)).toList();
      double expected = rows.stream().mapToDouble(row -> DoubleStream.of(row).sum()).sum();
      measure("rows." + length + ".scalar", ArrayRows::sum, sum -> sum, rows, expected);
      measure("rows." + length + ".array", ArrayRows::twice, ArrayRows::last, rows, lasts(rows));
    }
    KINDS.forEach(
        (kind, make) -> {
          List<Object> rows = IntStream.range(0, KIND_ROWS).mapToObj(make).toList();
          measure("kind." + kind, ArrayRows::one, one -> one, rows, KIND_ROWS);
        });
  }

  private static double[] row(int length, int first) {
    double[] row = new double[length];
    for (int i = 0; i < length; i++) {
      row[i] = first + i;
    }
    return row;
  }

  private static double sum(double[] row) {
    double sum = 0;
    for (double value : row) {
      sum += value;
    }
    return sum;
  }

  private static double[] twice(double[] row) {
    double[] twice = new double[row.length];
    for (int i = 0; i < row.length; i++) {
      twice[i] = 2 * row[i];
    }
    return twice;
  }

  private static double last(double[] row) {
    return row[row.length - 1];
  }

  private static double lasts(List<double[]> rows) {
    return rows.stream().mapToDouble(row -> 2 * last(row)).sum();
  }

  private static double one(Object row) {
    return 1;
  }

  private <T, R> void measure(
      String key,
      SerializableFunction<T, R> function,
      Function<R, Double> check,
      List<T> rows,
      double expected) {
    long begin = System.nanoTime();
    do {
      millis(function, check, rows, expected);
    } while (System.nanoTime() - begin < effort.warmUpNanos / 20);
    for (int i = 0; i < effort.repetitions; i++) {
      told.accept(key, millis(function, check, rows, expected));
    }
  }

  private <T, R> double millis(
      SerializableFunction<T, R> function,
      Function<R, Double> check,
      List<T> rows,
      double expected) {
    long begin = System.nanoTime();
    double found = 0;
    Optional<Stream<R>> results = contestant.map(function, rows);
    try (Stream<R> each = results.orElseThrow()) {
      found = each.mapToDouble(check::apply).sum();
    }
    double millis = (System.nanoTime() - begin) / 1e6;
    if (Math.abs(found - expected) > 1e-9 * Math.abs(expected)) {
      throw new IllegalStateException("wrong results: %s, not %s".formatted(found, expected));
    }
    return millis;
  }
}
