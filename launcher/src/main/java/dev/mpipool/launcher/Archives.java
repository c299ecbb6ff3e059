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
 * <p>Neither fits where references have another length: those into a heap of more than 32 GB are
 * not compressed. On a host where the default heap, a quarter of the memory, is as large, there are
 * archives of both lengths.
 *
 * @param used the folder of archives to use, or null
 * @param made the folder where archives are to be made, or null
 * @param aot whether the archives to be made are of the second kind
 * @param largeByDefault whether references are not compressed where no option says how large the
 *     heap is
 */
record Archives(Path used, Path made, boolean aot, boolean largeByDefault) {
  /** Options that make no difference to an archive of linked classes, whatever their values. */
  private static final String HARMLESS =
      "-D(?!java[.]system[.]class[.]loader|jdk[.]).*"
          + "|-Xss.*|-ea.*|-da.*|-esa|-dsa|-enable.*assertions.*|-disable.*assertions.*"
          + "|-Xlog:.*|-verbose:.*|--enable-native-access=ALL-UNNAMED";

  /** Options with which the user has archives of their own, or none. */
  private static final String OF_ARCHIVES =
      "-Xshare:.*|-XX:[+-]?(AOT|CDS|Shared|ArchiveClasses|AutoCreateShared|.*ClassListFile).*";

  /** References into a heap of at most this size are compressed, whatever the collector. */
  private static final long SURELY_COMPRESSED = 28L << 30;

  /** References into a larger heap are not compressed. */
  private static final long MOST_COMPRESSED = 32L << 30;

  private static final String MOST_HEAP = "-Xmx";
  private static final String FIRST_HEAP = "-Xms";

  /** Ends the names of archives for references that are not compressed. */
  private static final String UNCOMPRESSED = "-uncompressed";

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
        Boolean.getBoolean("mpipool.archives.aot"),
        Boolean.getBoolean("mpipool.archives.large"));
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
    String fitting = fitting(name, jvmOptions);
    Path linked = used.resolve(fitting + ".aot");
    Path parsed = used.resolve(fitting + ".jsa");
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

  void make(List<String> command, String name, List<String> jvmOptions) {
    if (making()) {
      Path file = made.resolve(fitting(name, jvmOptions));
      command.add(
          aot
              ? "-XX:AOTCacheOutput=" + file + ".aot"
              : "-XX:ArchiveClassesAtExit=" + file + ".jsa");
    }
  }

  /** The name of the archive whose references are as long as those of a JVM with these options. */
  private String fitting(String name, List<String> jvmOptions) {
    boolean large = largeByDefault;
    for (String option : jvmOptions) {
      if (option.startsWith(MOST_HEAP)) { // the last counts
        large = heap(option) > SURELY_COMPRESSED;
      }
    }
    return large ? name + UNCOMPRESSED : name;
  }

  /** Whether a cache that was made without this option serves a JVM with it, if it is fitting. */
  static boolean isHarmless(String option) {
    if (option.startsWith(FIRST_HEAP)) { // which may be larger than the default
      return heap(option) <= SURELY_COMPRESSED;
    }
    if (option.startsWith(MOST_HEAP)) {
      long heap = heap(option);
      return heap <= SURELY_COMPRESSED || (heap > MOST_COMPRESSED && heap < Long.MAX_VALUE);
    }
    return option.matches(HARMLESS);
  }

  /** The size in bytes that an option names; the greatest number if it cannot be read. */
  private static long heap(String option) {
    String size = option.substring(MOST_HEAP.length());
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
