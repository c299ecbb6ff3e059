package dev.mpipool.examples;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The documents of the project, whose Java and whose links are tested. */
final class Documents {
  private static final Path HOME = Path.of("").toAbsolutePath().getParent();
  static final Path README = file("README.md");
  static final Path CONTENTS = file("docs/README.md");

  private Documents() {}

  /** README, the other pages beside it, that of the starter, and all of docs. */
  static List<Path> all() throws IOException {
    try (Stream<Path> top = Files.list(HOME);
        Stream<Path> starter = Files.list(HOME.resolve("examples/starter"));
        Stream<Path> docs = Files.walk(HOME.resolve("docs"))) {
      return Stream.of(Stream.of(README), top.sorted(), starter, docs.sorted())
          .flatMap(files -> files)
          .filter(file -> file.toString().endsWith(".md"))
          .distinct()
          .toList();
    }
  }

  static Path file(String path) {
    return HOME.resolve(path);
  }

  /** How a document is called in the name of a test. */
  static String name(Path document) {
    return HOME.relativize(document).toString();
  }

  static String read(Path document) {
    try {
      return Files.readString(document);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
