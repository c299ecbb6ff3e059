package dev.mpipool.launcher;

import java.io.File;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The folders of mpipool and MPJ Express, and the class paths that are made of their jars.
 *
 * @param home mpipool's folder
 * @param mpj MPJ Express's folder
 */
record Installation(Path home, Path mpj) {
  /**
   * MPJ Express's jars that all ranks of one JVM share: its device for this mode tells the ranks
   * apart.
   */
  private static final List<String> SHARED_BY_RANKS =
      List.of("smpdev.jar", "xdev.jar", "mpjbuf.jar", "mpiExp.jar");

  /**
   * MPJ Express's jars that each rank of one JVM loads for itself, since they keep the rank in
   * static fields.
   */
  private static final List<String> OWN_OF_RANK = List.of("mpi.jar", "mpjdev.jar");

  /** mpipool's jars of which the ranks of one JVM share some classes. */
  private static final List<String> SHARED_OWN =
      List.of("mpipool-core.jar", "mpipool-mpj-express.jar");

  private static final String LOGGING_BINDING = "slf4j-nop.jar";

  static Installation fromSystemProperties() {
    return new Installation(
        Path.of(System.getProperty("mpipool.home")),
        Path.of(System.getProperty("mpipool.mpj.home")));
  }

  /** The jar of the examples. */
  Path examples() throws IOException {
    return own("examples");
  }

  /** The jar of the agent that makes lambdas serializable. */
  Path agent() throws IOException {
    return own("agent");
  }

  /**
   * The class path of a rank that is a process. It begins with mpipool's jars, always in the same
   * order: a class-data archive serves only class paths that begin as its own does.
   */
  String ofProcess(List<Path> program) throws IOException {
    List<Path> path = new ArrayList<>();
    path.add(own("launcher"));
    path.addAll(libraries());
    path.add(mpj.resolve("lib/mpj.jar"));
    path.addAll(jars(mpj.resolve("lib"), "log4j*.jar"));
    return join(path, program);
  }

  /** The class path of a rank as a list, in the order in which classes are looked for. */
  List<Path> seenByRanks(List<Path> program) throws IOException {
    List<Path> path = libraries();
    path.add(mpj.resolve("lib/mpj.jar"));
    path.addAll(program);
    return path;
  }

  /** The class path of a rank on the machine's own MPI, without MPJ Express. */
  String ofNative(List<Path> program) throws IOException {
    return join(libraries(), program);
  }

  /** The part of the class path that ranks share if they are threads of one JVM. */
  String ofThreads() throws IOException {
    List<Path> path = new ArrayList<>();
    path.add(own("launcher"));
    SHARED_OWN.forEach(jar -> path.add(lib().resolve(jar)));
    SHARED_BY_RANKS.forEach(jar -> path.add(mpj.resolve("lib").resolve(jar)));
    path.addAll(jars(mpj.resolve("lib"), "log4j*.jar"));
    return join(path, List.of());
  }

  /** The class path that each rank has for itself if ranks are threads of one JVM. */
  String ofThread(List<Path> program) throws IOException {
    List<Path> path = new ArrayList<>(libraries());
    OWN_OF_RANK.forEach(jar -> path.add(mpj.resolve("lib").resolve(jar)));
    return join(path, program);
  }

  /** The program's class path, with a quiet logging binding unless it has one. */
  List<Path> withLogging(List<Path> program) {
    List<Path> path = new ArrayList<>(program);
    if (!ClassPaths.bringsLogging(program)) {
      path.add(lib().resolve(LOGGING_BINDING));
    }
    return path;
  }

  /**
   * The jars of mpipool's modules and of their dependencies, without the logging binding, which a
   * program may replace.
   */
  List<Path> libraries() throws IOException {
    List<Path> jars = jars(lib(), "*.jar");
    jars.removeIf(jar -> jar.endsWith(LOGGING_BINDING));
    jars.add(examples());
    return jars;
  }

  /** In an unpacked archive all jars have places of their own; in a clone, those of the build. */
  private boolean isArchive() {
    return Files.isDirectory(home.resolve("lib"));
  }

  private Path lib() {
    return home.resolve(isArchive() ? "lib" : "examples/target/lib");
  }

  private Path own(String module) throws IOException {
    if (isArchive()) {
      Path folder = home.resolve(module.equals("examples") ? "examples" : "lib/" + module);
      return folder.resolve("mpipool-" + module + ".jar");
    }
    Path folder = home.resolve(module).resolve("target");
    List<Path> jars = jars(folder, "mpipool-" + module + "-*.jar");
    jars.removeIf(jar -> jar.toString().matches(".*-(sources|javadoc|tests)\\.jar"));
    return jars.stream()
        .max(Comparator.comparingLong(jar -> jar.toFile().lastModified())) // not an older version
        .orElseThrow(
            () ->
                new IOException(
                    "no mpipool-" + module + " in " + folder + "; build with mvn package"));
  }

  private static List<Path> jars(Path folder, String glob) throws IOException {
    List<Path> jars = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, glob)) {
      entries.forEach(jars::add);
    }
    Collections.sort(jars);
    return jars;
  }

  static String join(List<Path> path, List<Path> program) {
    return Stream.concat(path.stream(), program.stream())
        .map(Path::toString)
        .collect(Collectors.joining(File.pathSeparator));
  }
}
