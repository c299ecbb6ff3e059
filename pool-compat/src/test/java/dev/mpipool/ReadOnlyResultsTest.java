package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.mpipool.queue.LocalScheduler;
import dev.mpipool.queue.MapFailedException;
import dev.mpipool.queue.Progress;
import dev.mpipool.queue.QueuePool;
import dev.mpipool.tasker.Tasker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Finished work in folders without write permission, of each kind that survives its program. */
@Timeout(120)
class ReadOnlyResultsTest {

  private static final List<Integer> TASKS = Tasker.range(4);

  @TempDir Path folder;

  /** A program of its own, since root has to give up the right to write everywhere. */
  static final class Reader {
    private Reader() {}

    public static void main(String[] args) {
      Path folder = Path.of(args[0]);
      print("writable", () -> Files.isWritable(folder));
      print("batch", () -> batch(folder));
      print("tasker", () -> tasker(folder));
      for (String map : List.of("whole", "failed", "unfinished", "damaged")) {
        print(map, () -> QueuePool.resume(folder.resolve(map)));
      }
      QueuePool other = QueuePool.builder(new LocalScheduler(1)).progress(Progress.none()).build();
      print("with", () -> QueuePool.resume(folder.resolve("whole"), other));
    }

    private static List<Integer> batch(Path folder) throws Exception {
      try (MPIExecutor executor = new MPIExecutor()) {
        return executor
            .batch()
            .cachedIn(folder.resolve("batch"))
            .submit(x -> again(x), TASKS)
            .results();
      }
    }

    private static List<Integer> tasker(Path folder) {
      try (Tasker tasker = new Tasker()) {
        return tasker.map(folder.resolve("tasker"), x -> again(x), TASKS);
      }
    }

    private static int again(int task) {
      throw new IllegalStateException("computed again: " + task);
    }

    private static void print(String what, Callable<?> question) {
      String answer;
      try {
        answer = String.valueOf(question.call());
      } catch (Exception e) {
        answer = e.toString();
      }
      System.out.println(what + ": " + answer);
    }
  }

  private static int square(int x) {
    return x * x;
  }

  private static int squareUnlessTwo(int x) {
    if (x == 2) {
      throw new IllegalArgumentException("not " + x);
    }
    return square(x);
  }

  private void mapInQueue(String name, SerializableFunction<Integer, Integer> function)
      throws IOException {
    Path parent = folder.resolve("parent");
    try {
      QueuePool.builder(new LocalScheduler(2))
          .workFolder(parent)
          .chunks(2)
          .keepWorkFolder(true)
          .javaOptions("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
          .progress(Progress.none())
          .build()
          .map(function, TASKS);
    } catch (MapFailedException e) {
      assertThat(name).isEqualTo("failed");
    }
    try (Stream<Path> made = Files.list(parent)) {
      Files.move(made.findFirst().orElseThrow(), folder.resolve(name));
    }
    Files.delete(parent);
  }

  private void copyOfWhole(String name) throws IOException {
    for (Path from : all(folder.resolve("whole"))) {
      Files.copy(from, folder.resolve(name).resolve(folder.resolve("whole").relativize(from)));
    }
  }

  private static List<Path> all(Path top) throws IOException {
    try (Stream<Path> found = Files.walk(top)) {
      return found.toList();
    }
  }

  private SortedMap<Path, String> state() throws IOException {
    SortedMap<Path, String> state = new TreeMap<>();
    for (Path path : all(folder)) {
      state.put(path, Files.getLastModifiedTime(path) + " " + Files.size(path));
    }
    return state;
  }

  /** Without these of its rights root needs permissions, as others do. */
  private static List<String> bound(Path readOnly) throws InterruptedException {
    if (!Files.isWritable(readOnly)) {
      return List.of();
    }
    List<String> bound =
        List.of("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner", "--");
    boolean possible;
    try {
      List<String> trial = new ArrayList<>(bound);
      trial.add("true");
      possible = new ProcessBuilder(trial).start().waitFor() == 0;
    } catch (IOException e) {
      possible = false;
    }
    assumeTrue(possible, "root may write everywhere, and setpriv cannot take this right away");
    return bound;
  }

  @Test
  void whatIsFinishedIsReadWithoutWritePermissionAndNothingIsTouched() throws Exception {
    try (MPIExecutor executor = new MPIExecutor();
        Tasker tasker = new Tasker()) {
      executor.batch().cachedIn(folder.resolve("batch")).submit(x -> square(x), TASKS).results();
      tasker.map(folder.resolve("tasker"), x -> square(x), TASKS);
    }
    mapInQueue("whole", x -> square(x));
    mapInQueue("failed", x -> squareUnlessTwo(x));
    copyOfWhole("unfinished");
    Files.delete(folder.resolve("unfinished/results/000001"));
    copyOfWhole("damaged");
    Path damaged = folder.resolve("damaged/results/000000");
    byte[] bytes = Files.readAllBytes(damaged);
    bytes[bytes.length - 1]++;
    Files.write(damaged, bytes);
    for (Path path : all(folder)) {
      String permissions = Files.isDirectory(path) ? "r-xr-xr-x" : "r--r--r--";
      Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(permissions));
    }
    SortedMap<Path, String> before = state();

    List<String> command = new ArrayList<>(bound(folder));
    command.addAll(
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-Dmpipool.local.workers=1",
            "-cp",
            System.getProperty("java.class.path"),
            Reader.class.getName(),
            folder.toString()));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    List<String> lines;
    try {
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      lines = process.inputReader().lines().toList();
    } finally {
      process.destroyForcibly();
    }

    String incomplete =
        "%s: dev.mpipool.queue.QueueException: The map in %s is not complete,"
            + " and this process may not write there to go on with it: %s";
    assertThat(lines)
        .contains(
            "writable: false",
            "batch: [0, 1, 4, 9]",
            "tasker: [0, 1, 4, 9]",
            "whole: [0, 1, 4, 9]",
            "with: [0, 1, 4, 9]",
            "failed: dev.mpipool.queue.MapFailedException: Task 2 failed:"
                + " java.lang.IllegalArgumentException: not 2",
            incomplete.formatted(
                "unfinished", folder.resolve("unfinished"), "chunk 1 has no result"),
            incomplete.formatted(
                "damaged",
                folder.resolve("damaged"),
                damaged + " is damaged: its checksum is not that of its content"));
    assertThat(state()).isEqualTo(before);
  }
}
