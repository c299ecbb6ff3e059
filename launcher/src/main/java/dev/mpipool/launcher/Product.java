package dev.mpipool.launcher;

import java.io.File;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Where the product's own parts are.
 *
 * @param home the folder of the product
 * @param mpj the folder of MPJ Express
 */
record Product(Path home, Path mpj) {
  /**
   * MPJ Express's jars that all ranks of one JVM share, because its device keeps the ranks apart by
   * itself.
   */
  private static final List<String> SHARED_BY_RANKS =
      List.of("smpdev.jar", "xdev.jar", "mpjbuf.jar", "mpiExp.jar");

  /**
   * MPJ Express's jars that each rank of one JVM has for itself, because they keep the rank in
   * static fields.
   */
  private static final List<String> OWN_OF_RANK = List.of("mpi.jar", "mpjdev.jar");

  /** The product's jars of which the ranks of one JVM share some classes. */
  private static final List<String> SHARED_OWN =
      List.of("mpipool-core.jar", "mpipool-mpj-express.jar");

  private static final String LOGGING_BINDING = "slf4j-nop.jar";

  static Product fromSystemProperties() {
    return new Product(
        Path.of(System.getProperty("mpipool.home")),
        Path.of(System.getProperty("mpipool.mpj.home")));
  }

  /** The jar of the examples. */
  Path examples() throws IOException {
    return own("examples");
  }

  /**
   * The class path of a rank that is a process. The product's part comes first and is always the
   * same: an archive of classes is good only for class paths that begin like its own.
   */
  String ofProcess(List<Path> program) throws IOException {
    List<Path> path = new ArrayList<>();
    path.add(own("launcher"));
    path.addAll(libraries());
    path.add(mpj.resolve("lib/mpj.jar"));
    path.addAll(jars(mpj.resolve("lib"), "log4j*.jar"));
    return join(path, program);
  }

  /** The class path of a rank on the machine's own MPI, without MPJ Express. */
  String ofNative(List<Path> program) throws IOException {
    return join(libraries(), program);
  }

  /** The class path of the JVM whose threads are ranks, as far as the ranks share it. */
  String ofThreads() throws IOException {
    List<Path> path = new ArrayList<>();
    path.add(own("launcher"));
    SHARED_OWN.forEach(jar -> path.add(home.resolve("examples/target/lib").resolve(jar)));
    SHARED_BY_RANKS.forEach(jar -> path.add(mpj.resolve("lib").resolve(jar)));
    path.addAll(jars(mpj.resolve("lib"), "log4j*.jar"));
    return join(path, List.of());
  }

  /** The class path of each rank that is a thread. */
  String ofThread(List<Path> program) throws IOException {
    List<Path> path = new ArrayList<>(libraries());
    OWN_OF_RANK.forEach(jar -> path.add(mpj.resolve("lib").resolve(jar)));
    return join(path, program);
  }

  /** The program's class path, with a quiet logging binding unless it has one. */
  List<Path> withLogging(List<Path> program) {
    List<Path> path = new ArrayList<>(program);
    if (!ClassPaths.bringsLogging(program)) {
      path.add(home.resolve("examples/target/lib").resolve(LOGGING_BINDING));
    }
    return path;
  }

  /**
   * The product's modules and what they need, without the logging binding, which a program may
   * replace.
   */
  List<Path> libraries() throws IOException {
    List<Path> jars = jars(home.resolve("examples/target/lib"), "*.jar");
    jars.removeIf(jar -> jar.endsWith(LOGGING_BINDING));
    jars.add(examples());
    return jars;
  }

  private Path own(String module) throws IOException {
    Path folder = home.resolve(module).resolve("target");
    List<Path> jars = jars(folder, "mpipool-" + module + "-*.jar");
    jars.removeIf(jar -> jar.toString().matches(".*-(sources|javadoc|tests)\\.jar"));
    if (jars.isEmpty()) {
      throw new IOException("no mpipool-" + module + " in " + folder + "; build with mvn package");
    }
    return jars.get(0);
  }

  private static List<Path> jars(Path folder, String glob) throws IOException {
    List<Path> jars = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, glob)) {
      entries.forEach(jars::add);
    }
    Collections.sort(jars);
    return jars;
  }

  private static String join(List<Path> path, List<Path> program) {
    return Stream.concat(path.stream(), program.stream())
        .map(Path::toString)
        .collect(Collectors.joining(File.pathSeparator));
  }
}
