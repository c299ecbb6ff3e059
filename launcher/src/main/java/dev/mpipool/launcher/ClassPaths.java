package dev.mpipool.launcher;

import java.io.File;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import java.util.zip.ZipEntry;

/** Reads class paths as java does, and finds a program on them. */
final class ClassPaths {
  private static final String EXAMPLES = "dev.mpipool.examples.";

  private static final String LOGGING_SERVICE =
      "META-INF/services/org.slf4j.spi.SLF4JServiceProvider";

  private ClassPaths() {}

  /**
   * The absolute entries of a class path; without one, those of CLASSPATH; without that, the
   * current folder.
   */
  static List<Path> parse(String option) throws IOException {
    String text = option != null ? option : System.getenv("CLASSPATH");
    if (text == null || text.isEmpty()) {
      text = ".";
    }
    List<Path> entries = new ArrayList<>();
    for (String entry : text.split(File.pathSeparator, -1)) {
      if (entry.equals("*") || entry.endsWith(File.separator + "*")) {
        entries.addAll(
            jarsIn(Path.of(entry.substring(0, entry.length() - 1)).toAbsolutePath().normalize()));
      } else {
        entries.add(Path.of(entry).toAbsolutePath().normalize());
      }
    }
    return entries;
  }

  /**
   * The full name of a main class: as it stands if it is on the path, else that of the example of
   * this name.
   */
  static String find(String name, List<Path> path, Installation installation)
      throws UsageException, IOException {
    String file = name.replace('.', '/') + ".class";
    if (has(path, file) || has(installation.libraries(), file)) {
      return name;
    }
    List<String> examples = examples(installation.examples());
    for (String example : examples) {
      if (example.equals(name) || example.substring(example.lastIndexOf('.') + 1).equals(name)) {
        return example;
      }
    }
    String simple = name.replaceFirst("\\.(java|class)$", "").replace('/', '.');
    if (!simple.equals(name)) {
      String compile = name.endsWith(".java") ? "compile it (javac -d . " + name + ") and " : "";
      throw new UsageException(
          name + " is a file, and the name of a class is needed: " + compile + "run " + simple);
    }
    throw new UsageException(
        "class "
            + name
            + " is neither on the class path ("
            + path.stream().map(Path::toString).collect(Collectors.joining(File.pathSeparator))
            + ") nor among the examples; name its folder or jar with -cp");
  }

  /**
   * What on a class path is the program itself, and no library: the folders, and the first jar that
   * has the main class, which may be that of the examples.
   */
  static List<Path> program(List<Path> path, String mainClass, Installation installation)
      throws IOException {
    String file = mainClass.replace('.', '/') + ".class";
    List<Path> entries = new ArrayList<>(path);
    entries.add(installation.examples());
    Path main = null;
    List<Path> program = new ArrayList<>();
    for (Path entry : entries) {
      boolean hasMain = main == null && has(entry, file);
      if (hasMain) {
        main = entry;
      }
      if (hasMain || Files.isDirectory(entry)) {
        program.add(entry);
      }
    }
    return program;
  }

  /** Whether a program brings an SLF4J binding of its own. */
  static boolean bringsLogging(List<Path> path) {
    return has(path, LOGGING_SERVICE);
  }

  private static boolean has(List<Path> path, String file) {
    return path.stream().anyMatch(entry -> has(entry, file));
  }

  private static boolean has(Path entry, String file) {
    if (Files.isDirectory(entry)) {
      return Files.isRegularFile(entry.resolve(file));
    }
    try (JarFile jar = new JarFile(entry.toFile())) {
      return jar.getEntry(file) != null;
    } catch (IOException e) {
      return false; // missing entries of a class path are ignored, as java does
    }
  }

  private static List<String> examples(Path jar) throws IOException {
    try (JarFile file = new JarFile(jar.toFile())) {
      String folder = EXAMPLES.replace('.', '/');
      return file.stream()
          .map(ZipEntry::getName)
          .filter(
              name -> name.startsWith(folder) && name.endsWith(".class") && name.indexOf('$') < 0)
          .map(name -> name.substring(0, name.length() - ".class".length()).replace('/', '.'))
          .toList();
    }
  }

  private static List<Path> jarsIn(Path folder) throws IOException {
    List<Path> jars = new ArrayList<>();
    if (Files.isDirectory(folder)) {
      try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, "*.{jar,JAR}")) {
        entries.forEach(jars::add);
      }
    }
    Collections.sort(jars);
    return jars;
  }
}
