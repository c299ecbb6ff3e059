package dev.mpipool.launcher;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The archives of parsed classes with which the ranks' JVMs start faster (class-data sharing).
 * bin/mpjrun.sh keeps them in a folder of their own for each JDK and build, and has them made by a
 * first run of an example. A JVM for which an archive does not fit goes without, silently.
 *
 * @param used the folder of archives to use, or null
 * @param made the folder where archives are to be made, or null
 */
record Archives(Path used, Path made) {
  static Archives fromSystemProperties() {
    return new Archives(folder("mpipool.archives"), folder("mpipool.archives.make"));
  }

  /** Whether this run is for the archives. */
  boolean making() {
    return made != null;
  }

  void use(List<String> command, String name) {
    if (used != null && Files.isRegularFile(used.resolve(name + ".jsa"))) {
      command.add("-XX:SharedArchiveFile=" + used.resolve(name + ".jsa"));
      command.add("-Xshare:auto");
      command.add("-Xlog:cds=off");
      command.add("-Xlog:cds+dynamic=off");
    }
  }

  void make(List<String> command, String name) {
    if (making()) {
      command.add("-XX:ArchiveClassesAtExit=" + made.resolve(name + ".jsa"));
    }
  }

  private static Path folder(String property) {
    String value = System.getProperty(property);
    return value == null ? null : Path.of(value);
  }
}
