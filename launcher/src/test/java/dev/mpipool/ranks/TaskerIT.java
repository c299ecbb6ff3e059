package dev.mpipool.ranks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.mpipool.launcher.testing.Mpjrun;
import dev.mpipool.ranks.programs.TaskerScript;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Maps whose finished part survives: on real ranks, and when these are killed. */
@Timeout(300)
class TaskerIT {

  private static final int TASKS = 1000;
  private static final int KILLS = 5;
  private static final int WORKERS = 2;
  private static final int POINTS = 8;

  @TempDir Path folder;

  private final List<Mpjrun.Running> jobs = new ArrayList<>();

  private Mpjrun.Running start(String device, int np, String... arguments) {
    Mpjrun.Running job = Mpjrun.on(device).np(np).start(TaskerScript.class, arguments);
    jobs.add(job);
    return job;
  }

  /** Some tasks wait for files that a test which fails does not make. */
  @AfterEach
  void endWhatIsLeft() {
    jobs.forEach(Mpjrun.Running::killAll);
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "tcpdev", "openmpi", "mpich"})
  void whatAMapPromisesAcrossRanksAtLessThanAMillisecondATask(String device) {
    Mpjrun.Result result = start(device, 3, "points", folder.toString()).result();
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.err()).isEmpty();
    List<String> points = new ArrayList<>(result.out());
    String costs =
        points.stream().filter(line -> line.startsWith("us a task")).findFirst().orElseThrow();
    points.remove(costs);
    assertThat(points).hasSize(3 * POINTS).allMatch(line -> line.endsWith(": true"));

    System.out.printf("%s, one root and two workers: %s%n", device, costs);
    double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
    assumeTrue(load < 6, "the load is " + load + ": what a task costs is not to be measured");
    Stream<String> rounds = Stream.of(costs.replaceAll(".*\\[|\\]", "").split(", ", -1));
    assertThat(rounds.mapToInt(Integer::parseInt).min().orElseThrow()).isLessThan(1000);
  }

  /** The tasks that have begun so far, in all runs. */
  private List<Integer> begun(Path in) {
    List<Integer> tasks = new ArrayList<>();
    try (Stream<Path> files = Files.list(in)) {
      for (Path notes : files.filter(file -> file.toString().contains("notes-")).toList()) {
        Files.readAllLines(notes).forEach(line -> tasks.add(Integer.parseInt(line)));
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
    return tasks;
  }

  @Tag("slow")
  @ParameterizedTest
  @CsvSource({"multicore", "tcpdev", "openmpi", "mpich"})
  void killedFiveTimesAndStartedAgainItDoesOnlyTheRest(String device) throws IOException {
    Path interrupted = Files.createDirectory(folder.resolve("interrupted"));
    Path whole = Files.createDirectory(folder.resolve("whole"));
    String tasks = Integer.toString(TASKS);
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int kill = 0; kill < KILLS; kill++) {
      int moment = begun(interrupted).size() + 1 + random.nextInt(180);
      Mpjrun.Running doomed = start(device, 1 + WORKERS, "sweep", interrupted.toString(), tasks);
      await()
          .atMost(Duration.ofSeconds(30))
          .pollInterval(Duration.ofMillis(2))
          .until(() -> begun(interrupted).size() >= moment);
      doomed.signal("KILL", device.equals("tcpdev") ? doomed.rank(0) : doomed.ranks().get(0));
      doomed.killAll();
      doomed.assertNothingLeft(Duration.ofSeconds(5));
      assertThat(begun(interrupted)).hasSizeLessThan(TASKS);
    }
    Mpjrun.Result last =
        start(device, 1 + WORKERS, "sweep", interrupted.toString(), tasks).result();
    last.assertExitCode(0).assertNothingLeft();
    assertThat(last.out()).containsExactlyInAnyOrder("0 has 1000", "1 has 1000", "2 has 1000");
    start("multicore", 2, "sweep", whole.toString(), tasks).result().assertExitCode(0);

    List<Integer> begun = begun(interrupted);
    System.out.printf("%s, seed %d: %d of %d begun%n", device, seed, begun.size(), TASKS);
    assertThat(begun.stream().collect(Collectors.toSet())).hasSize(TASKS);
    assertThat(begun).hasSizeBetween(TASKS, TASKS + KILLS * WORKERS);
    assertThat(interrupted.resolve("sweep.bin")).hasSameBinaryContentAs(whole.resolve("sweep.bin"));
    assertThat(interrupted.resolve("sweep.bin.mpi")).doesNotExist();
  }

  /** Waits until so many ranks have had the task that waits. */
  private List<Integer> awaitOwners(int count) {
    return await()
        .atMost(Duration.ofSeconds(30))
        .pollInterval(Duration.ofMillis(20))
        .until(
            () ->
                IntStream.range(0, 4)
                    .filter(rank -> Files.exists(folder.resolve("rank-" + rank)))
                    .boxed()
                    .toList(),
            owners -> owners.size() == count);
  }

  @Test
  void theTaskOfAKilledWorkerGoesToAnother() throws IOException {
    Mpjrun.Running job = start("tcpdev", 4, "death", folder.toString(), "100");
    int dying = awaitOwners(1).get(0);
    job.signal("KILL", job.rank(dying));
    awaitOwners(2);
    Files.createFile(folder.resolve("go"));
    Mpjrun.Result result = job.result().assertExitCode(0).assertNothingLeft();
    String[] living =
        IntStream.range(0, 4)
            .filter(other -> other != dying)
            .mapToObj(other -> other + " has 5050")
            .toArray(String[]::new);
    assertThat(result.out()).containsExactlyInAnyOrder(living);
  }

  /** On MPJ Express's stock device, one death is that of all connections. */
  @Test
  void underTheStockDeviceAKilledWorkerEndsTheJobAndTheRestIsTakenUp() throws IOException {
    Mpjrun.Running job = start("niodev", 3, "death", folder.toString(), "100");
    job.signal("KILL", job.rank(awaitOwners(1).get(0)));
    Mpjrun.Result result = job.result().assertExitCode(1).assertNothingLeft();
    assertThat(result.took()).isLessThan(Duration.ofSeconds(20));
    assertThat(result.err()).anyMatch(line -> line.contains("is lost"));
    Files.createFile(folder.resolve("go"));
    assertThat(start("niodev", 2, "death", folder.toString(), "100").result().out())
        .containsExactlyInAnyOrder("0 has 5050", "1 has 5050");
  }

  @Test
  void theSecondOfTwoJobsIsToldWhoHasTheFolder() throws IOException {
    Mpjrun.Running first = start("tcpdev", 2, "hold", folder.toString());
    await().atMost(Duration.ofSeconds(30)).until(() -> Files.exists(folder.resolve("held")));
    Mpjrun.Result second = start("multicore", 3, "hold", folder.toString()).result();
    second.assertExitCode(1).assertNothingLeft();
    long owner = first.rank(0).pid();
    assertThat(second.err()).anyMatch(line -> line.contains("process " + owner));
    Files.createFile(folder.resolve("go"));
    assertThat(first.result().assertExitCode(0).assertNothingLeft().out())
        .containsExactlyInAnyOrder("0 has [0, 1, 2]", "1 has [0, 1, 2]");
  }

  @Test
  void theExampleIsInterruptedAndStartedAgain() {
    String file = folder.resolve("sweep.bin").toString();
    Mpjrun.Running job = Mpjrun.on("tcpdev").np(3).startCommand("ResumableSweep", file, "40", "40");
    job.awaitLines("does number", 10).killAll();
    job.assertNothingLeft(Duration.ofSeconds(5));
    Mpjrun.Result again =
        Mpjrun.on("multicore").np(3).runCommand("ResumableSweep", file, "40", "0");
    again.assertExitCode(0).assertNothingLeft();
    assertThat(again.out()).filteredOn(line -> line.contains("does number")).hasSizeBetween(1, 32);
    assertThat(again.out()).contains("rank 0 did 0 of 40");
    assertThat(again.out()).anyMatch(line -> line.matches("\\d+ of 40 parameters give chaos"));
  }
}
