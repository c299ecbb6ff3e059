package dev.mpipool.agent;

import java.io.File;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.security.CodeSource;
import java.security.ProtectionDomain;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.jar.JarFile;

/**
 * Which classes are the program's own: those of the packages that the user names, wherever they
 * are; else those of the folders of the class path, and of the jar with the main class. All other
 * jars are libraries. The classes of the JDK and of mpipool are never the program's.
 */
final class ProgramClasses {
  /** Packages, and classes, separated by commas. */
  static final String PACKAGES = "mpipool.lambdas.packages";

  /** Folders and jars, as a class path; set by the launcher. */
  static final String PATH = "mpipool.lambdas.path";

  private static final String MPIPOOL = "dev/mpipool/";

  private final Names packages;
  private final Set<Path> path;

  /** For each place that classes come from, whether they are the program's. */
  private final Map<String, Place> places = new ConcurrentHashMap<>();

  private enum Place {
    ELSEWHERE,
    PROGRAM,
    /** The program's classes and mpipool's, in one jar. */
    PROGRAM_AND_MPIPOOL
  }

  private ProgramClasses(Names packages, Set<Path> path) {
    this.packages = packages;
    this.path = path;
  }

  static ProgramClasses of(Properties properties) {
    Names packages = new Names(properties.getProperty(PACKAGES));
    String given = properties.getProperty(PATH);
    Set<Path> path =
        given == null
            ? ofClassPath(
                properties.getProperty("java.class.path", ""),
                properties.getProperty("sun.java.command", ""))
            : entries(given);
    return new ProgramClasses(packages, path);
  }

  /** Whether there are no such classes. */
  boolean isEmpty() {
    return packages.isEmpty() && path.isEmpty();
  }

  /**
   * Whether a class is the program's.
   *
   * @param name with slashes
   * @param domain says where it comes from
   */
  boolean contain(String name, ProtectionDomain domain) {
    if (!packages.isEmpty()) {
      return packages.contain(name) && !name.startsWith(MPIPOOL);
    }
    CodeSource source = domain == null ? null : domain.getCodeSource();
    if (source == null || source.getLocation() == null) {
      return false;
    }
    String location = source.getLocation().toString();
    Place place = places.get(location);
    if (place == null) {
      place = place(location);
      places.put(location, place);
    }
    return place == Place.PROGRAM
        || (place == Place.PROGRAM_AND_MPIPOOL && !name.startsWith(MPIPOOL));
  }

  private Place place(String location) {
    try {
      Path entry = Path.of(URI.create(location)).normalize();
      if (!path.contains(entry)) {
        return Place.ELSEWHERE;
      }
      return has(entry, "dev/mpipool/MPIExecutor.class")
          ? Place.PROGRAM_AND_MPIPOOL
          : Place.PROGRAM;
    } catch (IllegalArgumentException | java.nio.file.FileSystemNotFoundException e) {
      return Place.ELSEWHERE; // classes that are in no file
    }
  }

  private static Set<Path> ofClassPath(String classPath, String command) {
    Set<Path> program = new LinkedHashSet<>();
    String main = command.split(" ", 2)[0];
    String file = main.replace('.', '/') + ".class";
    boolean found = false;
    for (Path entry : entries(classPath)) {
      boolean isFolder = Files.isDirectory(entry);
      // With -jar, the command begins with the jar.
      boolean isMains = !found && (classPath.equals(main) || has(entry, file));
      found |= isMains;
      if (isFolder || isMains) {
        program.add(entry);
      }
    }
    return program;
  }

  private static Set<Path> entries(String classPath) {
    Set<Path> entries = new LinkedHashSet<>();
    for (String entry : classPath.split(File.pathSeparator, -1)) {
      try {
        entries.add(Path.of(entry).toAbsolutePath().normalize());
      } catch (InvalidPathException e) {
        // No class comes from there.
      }
    }
    return entries;
  }

  private static boolean has(Path entry, String file) {
    if (Files.isDirectory(entry)) {
      return Files.isRegularFile(entry.resolve(file));
    }
    try (JarFile jar = new JarFile(entry.toFile())) {
      return jar.getEntry(file) != null;
    } catch (java.io.IOException e) {
      return false;
    }
  }
}
