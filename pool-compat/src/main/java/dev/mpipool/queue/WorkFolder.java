package dev.mpipool.queue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The folder of one map.
 *
 * <pre>
 *   worker.sh               what jobs run; reads:
 *   command                 environment, class path, java
 *   function                the function, encoded
 *   tasks/000000 ...        the tasks of each chunk
 *   map                     what {@code resume} has to know; written last, so that the rest is whole
 *   results/000000 ...      what came of them
 *   output/000000.stdout    what the jobs of a chunk printed; 000000.stderr
 *   log.jsonl               what happened, an object a line
 *   claim.1                 the owner
 * </pre>
 */
final class WorkFolder {

  /** What Java and Slurm say on stderr without anything being wrong. */
  private static final Pattern HARMLESS =
      Pattern.compile(
          "\\s*|Picked up _?JA.*OPTIONS: .*"
              + "|slurmstepd: error: (\\*\\*\\* .*DUE TO JOB NOT ENDING WITH SIGNALS.*"
              + "|slurm_get_node_energy: .*|_get_joules_task: .*)");

  private static final int LONGEST_TAIL = 2000;

  private final Path folder;

  WorkFolder(Path folder) {
    this.folder = folder.toAbsolutePath().normalize();
  }

  /** Makes the folder, for its owner only: the environment is in it. */
  void create() throws IOException {
    Files.createDirectories(folder.getParent());
    if (Files.getFileStore(folder.getParent()).supportsFileAttributeView("posix")) {
      Files.createDirectory(
          folder,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    } else {
      Files.createDirectory(folder);
    }
    for (String name : List.of("tasks", "results", "output")) {
      Files.createDirectory(folder.resolve(name));
    }
  }

  /** Files of this folder are executed, so no other user may write them. */
  void requirePrivate() throws IOException {
    PosixFileAttributeView view = Files.getFileAttributeView(folder, PosixFileAttributeView.class);
    if (view != null && Files.isDirectory(folder)) {
      Set<PosixFilePermission> permissions = view.readAttributes().permissions();
      if (permissions.contains(PosixFilePermission.GROUP_WRITE)
          || permissions.contains(PosixFilePermission.OTHERS_WRITE)) {
        throw new IOException("others can write it, so it cannot be trusted; try: chmod go-w");
      }
    }
  }

  /** Whether this process may only read what is here, as in a finished map of another user. */
  boolean isReadOnly() {
    return Files.isDirectory(folder) && !Files.isWritable(folder);
  }

  Path path() {
    return folder;
  }

  Path script() {
    return folder.resolve("worker.sh");
  }

  Path command() {
    return folder.resolve("command");
  }

  Path function() {
    return folder.resolve("function");
  }

  Path map() {
    return folder.resolve("map");
  }

  Path log() {
    return folder.resolve("log.jsonl");
  }

  Path output() {
    return folder.resolve("output");
  }

  Path tasks(int chunk) {
    return folder.resolve("tasks").resolve("%06d".formatted(chunk));
  }

  Path results(int chunk) {
    return folder.resolve("results").resolve("%06d".formatted(chunk));
  }

  /**
   * The chunks that have results. A look at the whole folder also makes network file systems look
   * again.
   */
  SortedSet<Integer> chunksWithResults() throws IOException {
    SortedSet<Integer> chunks = new TreeSet<>();
    try (Stream<Path> files = Files.list(folder.resolve("results"))) {
      files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.matches("\\d{6,9}"))
          .forEach(name -> chunks.add(Integer.parseInt(name)));
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    return chunks;
  }

  /** Whether any job complained. */
  boolean hasComplaints() throws IOException {
    List<Path> files;
    try (Stream<Path> found = Files.list(output())) {
      files = found.filter(file -> file.toString().endsWith(".stderr")).toList();
    }
    for (Path file : files) {
      if (Files.size(file) > 0 && !complaints(file).isEmpty()) {
        return true;
      }
    }
    return false;
  }

  /** The end of what the jobs of a chunk complained of; empty if they did not. */
  String complaints(int chunk) {
    try {
      String text = complaints(output().resolve("%06d.stderr".formatted(chunk)));
      return text.length() <= LONGEST_TAIL
          ? text
          : "..." + text.substring(text.length() - LONGEST_TAIL);
    } catch (IOException e) {
      return "";
    }
  }

  private static String complaints(Path file) throws IOException {
    try {
      String text = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
      return String.join(
          "\n", text.lines().filter(line -> !HARMLESS.matcher(line).matches()).toList());
    } catch (NoSuchFileException e) {
      return "";
    }
  }

  /** Removes the folder with all that is in it. */
  void remove() throws IOException {
    List<Path> all;
    try (Stream<Path> found = Files.walk(folder)) {
      all = found.sorted(Comparator.reverseOrder()).toList();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    for (Path path : all) {
      Files.deleteIfExists(path);
    }
  }
}
