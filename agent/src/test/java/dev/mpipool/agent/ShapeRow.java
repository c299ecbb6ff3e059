package dev.mpipool.agent;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A row of the table of shapes in docs/lambdas.md. */
record ShapeRow(String shape, String result, List<String> tasks) {
  private static final Pattern CODE = Pattern.compile("`([^`]*)`");

  static Stream<ShapeRow> all() {
    try {
      return Files.readAllLines(Path.of("../docs/lambdas.md")).stream()
          .dropWhile(line -> !line.equals("## Shapes"))
          .skip(1)
          .takeWhile(line -> !line.startsWith("## "))
          .filter(line -> line.startsWith("| "))
          .skip(2)
          .map(line -> line.split(" *\\| *"))
          .map(cells -> new ShapeRow(cells[1], cells[2], code(cells[3]).toList()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Stream<String> code(String text) {
    return CODE.matcher(text).results().map(result -> result.group(1));
  }

  boolean works() {
    return result.startsWith("works");
  }

  boolean isOfKotlin() {
    return shape.startsWith("Kotlin");
  }

  /** Of a row that does not work: what the message contains. */
  String message() {
    return code(result).findFirst().orElseThrow();
  }

  @Override
  public String toString() {
    return shape;
  }
}
