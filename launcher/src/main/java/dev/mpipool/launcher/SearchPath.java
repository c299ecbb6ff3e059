package dev.mpipool.launcher;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** Where a shell finds commands: the folders of the variable PATH. */
final class SearchPath {
  private SearchPath() {}

  /** The first file of this name that can be executed. */
  static Optional<String> find(String name, Map<String, String> environment) {
    return Stream.of(environment.getOrDefault("PATH", "").split(File.pathSeparator))
        .filter(folder -> !folder.isEmpty())
        .map(folder -> Path.of(folder, name))
        .filter(file -> Files.isRegularFile(file) && Files.isExecutable(file))
        .map(Path::toString)
        .findFirst();
  }
}
