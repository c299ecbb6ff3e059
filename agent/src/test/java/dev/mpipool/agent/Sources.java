package dev.mpipool.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.tools.ToolProvider;

/** Compiles sources with the compiler of the JDK that runs the tests. */
final class Sources {
  private Sources() {}

  /** Compiles into a folder. */
  static void compile(Map<String, String> sources, Path folder) throws IOException {
    Path from = Files.createTempDirectory("mpipool-sources");
    List<String> arguments = new ArrayList<>(List.of("-d", folder.toString()));
    for (Map.Entry<String, String> source : sources.entrySet()) {
      Path file = from.resolve(source.getKey() + ".java");
      arguments.add(Files.writeString(file, source.getValue()).toString());
    }
    int code =
        ToolProvider.getSystemJavaCompiler()
            .run(null, null, null, arguments.toArray(String[]::new));
    assertThat(code).as("exit code of javac").isZero();
    delete(from);
  }

  /** Compiles; the class files by the names of the classes. */
  static Map<String, byte[]> compile(Map<String, String> sources) throws IOException {
    Path folder = Files.createTempDirectory("mpipool-classes");
    compile(sources, folder);
    Map<String, byte[]> classes = classes(folder);
    delete(folder);
    return classes;
  }

  /** The class files of a folder by the names of the classes. */
  static Map<String, byte[]> classes(Path folder) throws IOException {
    Map<String, byte[]> classes = new HashMap<>();
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        String name = folder.relativize(file).toString().replaceFirst("\\.class$", "");
        classes.put(name, Files.readAllBytes(file));
      }
    }
    return classes;
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
