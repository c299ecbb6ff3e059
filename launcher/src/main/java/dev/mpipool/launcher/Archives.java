package dev.mpipool.launcher;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * The archives with which the ranks' JVMs start faster. bin/mpjrun.sh keeps them in a folder of
 * their own for each JDK and build, and has them made by runs of an example.
 *
 * <p>There are two kinds. A {@code .jsa} holds parsed classes (class-data sharing); a JVM for which
 * it does not fit goes without it, and uses the JDK's own archive. An {@code .aot} of JDK 25 and
 * later holds linked classes and profiles; a JVM for which it does not fit has no archive at all,
 * so it is left to jobs whose JVM options are known to go with it.
 *
 * @param used the folder of archives to use, or null
 * @param made the folder where archives are to be made, or null
 * @param aot whether the archives to be made are of the second kind
 */
record Archives(Path used, Path made, boolean aot) {
  /** Options that make no difference to an archive of linked classes, whatever their values. */
  private static final String HARMLESS =
      "-D(?!java[.]system[.]class[.]loader|jdk[.]).*"
          + "|-Xss.*|-Xms.*|-ea.*|-da.*|-esa|-dsa|-enable.*assertions.*|-disable.*assertions.*"
          + "|-Xlog:.*|-verbose:.*|--enable-native-access=ALL-UNNAMED";

  /** Options with which the user has archives of their own, or none. */
  private static final String OF_ARCHIVES =
      "-Xshare:.*|-XX:[+-]?(AOT|CDS|Shared|ArchiveClasses|AutoCreateShared|.*ClassListFile).*";

  /** Half of what compressed references can address: beyond, objects have another layout. */
  private static final long MOST_HEAP = 16L << 30;

  private static final Map<String, Integer> UNITS = Map.of("", 0, "k", 10, "m", 20, "g", 30);

  /** Variables with options for all JVMs, which are not looked at. */
  private static final Set<String> OPTIONS =
      Set.of(
          "MPIPOOL_RANKS_JAVA_TOOL_OPTIONS",
          "MPIPOOL_RANKS_JDK_JAVA_OPTIONS",
          "MPIPOOL_RANKS__JAVA_OPTIONS");

  static Archives fromSystemProperties() {
    return new Archives(
        folder("mpipool.archives"),
        folder("mpipool.archives.make"),
        Boolean.getBoolean("mpipool.archives.aot"));
  }

  /** Whether this run is for the archives. */
  boolean making() {
    return made != null;
  }

  /** Adds what makes a JVM use an archive. */
  void use(List<String> command, String name, List<String> jvmOptions, Set<String> variables) {
    if (used == null || jvmOptions.stream().anyMatch(option -> option.matches(OF_ARCHIVES))) {
      return;
    }
    Path linked = used.resolve(name + ".aot");
    Path parsed = used.resolve(name + ".jsa");
    if (variables.stream().noneMatch(OPTIONS::contains)
        && jvmOptions.stream().allMatch(Archives::isHarmless)
        && Files.isRegularFile(linked)) {
      command.add("-XX:AOTCache=" + linked);
      command.add("-Xlog:aot=off");
    } else if (Files.isRegularFile(parsed)) {
      command.add("-XX:SharedArchiveFile=" + parsed);
      command.add("-Xshare:auto");
      command.add("-Xlog:cds=off");
      command.add("-Xlog:cds+dynamic=off");
    }
  }

  void make(List<String> command, String name) {
    if (making()) {
      command.add(
          aot
              ? "-XX:AOTCacheOutput=" + made.resolve(name + ".aot")
              : "-XX:ArchiveClassesAtExit=" + made.resolve(name + ".jsa"));
    }
  }

  /** Whether a cache that was made without this option serves a JVM with it. */
  static boolean isHarmless(String option) {
    if (option.startsWith("-Xmx")) {
      return heap(option.substring("-Xmx".length())) <= MOST_HEAP;
    }
    return option.matches(HARMLESS);
  }

  private static long heap(String size) {
    String digits = size.replaceAll("[^0-9]*$", "");
    Integer shift = UNITS.get(size.substring(digits.length()).toLowerCase(Locale.ROOT));
    try {
      return shift == null
          ? Long.MAX_VALUE
          : Math.multiplyExact(Long.parseLong(digits), 1L << shift);
    } catch (ArithmeticException | NumberFormatException e) {
      return Long.MAX_VALUE;
    }
  }

  private static Path folder(String property) {
    String value = System.getProperty(property);
    return value == null ? null : Path.of(value);
  }
}
