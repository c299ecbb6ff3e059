package dev.mpipool.ranks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.launcher.testing.Mpjrun;
import dev.mpipool.ranks.programs.SharedScript;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The patterns in which all ranks take part, on real ranks; and what is left when some are killed.
 */
@Timeout(300)
class SharedIT {

  @TempDir Path folder;

  private static List<Path> list(Path in) throws IOException {
    try (Stream<Path> found = Files.list(in)) {
      return found.sorted().toList();
    }
  }

  /** All patterns on parts of one, two and three ranks, and on all. */
  @ParameterizedTest
  @CsvSource({
    "multicore,4,0",
    "tcpdev,4,2",
    "niodev,3,0",
    "tcpdev,1,0",
    "openmpi,4,0",
    "mpich,4,2"
  })
  void theSelfTestPasses(String device, int np, int nodes) {
    Mpjrun.Result result =
        Mpjrun.on(device)
            .np(np)
            .options("-Dmpipool.shared.nodes=" + nodes)
            .options("-Dmpipool.shared.folder=" + folder)
            .runCommand("SelfTest");
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out()).hasSize(11).endsWith("All checks passed.");
    assertThat(result.out().subList(1, 10)).allMatch(line -> line.startsWith("ok "));
    assertThat(result.out()).anyMatch(line -> line.contains("nodes: " + Math.max(1, nodes)));
    assertThat(result.err()).isEmpty();
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void withMpiDisabledEveryRankIsAProgramOfItsOwn() {
    Mpjrun.Result result =
        Mpjrun.on("multicore")
            .np(2)
            .environment("MPI_DISABLE", "1")
            .runCommand("SharedArray")
            .assertExitCode(0);
    assertThat(result.out()).filteredOn(line -> line.startsWith("rank 0 reads")).hasSize(2);
  }

  @Tag("slow")
  @Test
  void oneAtATimeInTurnTenThousandTimesOnFourRanks() {
    Mpjrun.Result result =
        Mpjrun.on("niodev")
            .np(4)
            .run(SharedScript.class, "turns", folder.resolve("turns").toString(), "10000");
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out()).hasSize(2).first().isEqualTo("40000 of 40000 turns");
    // When the first has had all its turns, none is far behind. A rank that the machine does not
    // let
    // run does not ask, so there is some room; without turns it was fewer than a thousand.
    int fewest = Integer.parseInt(result.out().get(1).replace("fewest ", ""));
    assertThat(fewest).isGreaterThan(5_000);
  }

  /** Its rank waits in finish() for the others, as they do for it. */
  @Tag("slow")
  @ParameterizedTest
  @ValueSource(strings = {"multicore", "tcpdev", "openmpi"})
  void aLockGoesOnAfterItsKeeperHasFinished(String device) {
    Mpjrun.Result result = Mpjrun.on(device).np(3).run(SharedScript.class, "keeper");
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out()).containsExactly("through", "through");
    assertThat(result.err()).isEmpty();
  }

  @Test
  void aKilledOwnersLockGoesToTheNextWhoIsToldAndWaitingCostsNoTime() throws Exception {
    Mpjrun.Running job = Mpjrun.on("tcpdev").np(5).start(SharedScript.class, "owners");
    job.awaitLine("4 has it");
    ProcessHandle waiting = job.rank(2);
    Thread.sleep(1_000); // what the start still compiles in the background
    Duration before = waiting.info().totalCpuDuration().orElseThrow();
    Thread.sleep(2_000); // the time that is measured
    Duration after = waiting.info().totalCpuDuration().orElseThrow();
    assertThat(after.minus(before)).isLessThan(Duration.ofMillis(100));

    job.signal("KILL", job.rank(4));
    job.awaitLine("1 has it");
    job.signal("KILL", job.rank(1));
    Mpjrun.Result result = job.result().assertExitCode(0).assertNothingLeft();
    assertThat(result.out()).hasSize(4).startsWith("4 has it");
    List<String> told = result.out().subList(1, 4);
    // Two owners died, and each death was told once.
    assertThat(String.join(" ", told).split("true", -1)).hasSize(3);
    assertThat(told.get(1)).startsWith("rank 2: ");
    assertThat(told.get(2)).startsWith("rank 3: ");
  }

  @Test
  void nothingIsLeftOfArraysWhoseRanksAreKilled() throws Exception {
    String option = "-Dmpipool.shared.folder=" + folder;
    Mpjrun.Running job =
        Mpjrun.on("tcpdev").np(3).options(option).start(SharedScript.class, "array");
    job.awaitLines("open 3.0", 3);
    List<ProcessHandle> all = new ArrayList<>(job.ranks());
    all.add(job.launcher());
    assertThat(all).hasSize(4);
    Set<String> signals = new HashSet<>();
    for (ProcessHandle process : all) {
      signals.add(Boolean.toString(process.destroyForcibly()));
    }
    assertThat(signals).containsExactly("true");
    job.assertNothingLeft(Duration.ofSeconds(5));
    assertThat(list(folder)).isEmpty();
  }

  @Test
  void survivorsReadOnAndAreToldAndNothingIsLeft() throws Exception {
    Mpjrun.Result result =
        Mpjrun.on("tcpdev")
            .np(5)
            .options("-Dmpipool.shared.nodes=4", "-Dmpipool.shared.folder=" + folder)
            .run(SharedScript.class, "survivors");
    result.assertNothingLeft();
    assertThat(result.out())
        .containsExactlyInAnyOrder(
            "rank 0 failed failed reads 3.0",
            "rank 2 failed failed reads 3.0",
            "rank 3 failed failed reads 3.0",
            "rank 4 failed failed reads 3.0");
    assertThat(list(folder)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"multicore,true", "niodev,false", "tcpdev,true"})
  void messagesIntoPlaces(String device, boolean direct) {
    Mpjrun.Result result = Mpjrun.on(device).np(2).run(SharedScript.class, "direct");
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out()).containsExactly("right: true, direct: " + direct);
  }

  @Test
  void threeJobsOnOneFolderAndOneIsKilled() throws Exception {
    int tasks = 90;
    List<Mpjrun.Running> jobs = new ArrayList<>();
    for (String device : List.of("multicore", "tcpdev", "multicore")) {
      jobs.add(batch(device, tasks));
    }
    jobs.forEach(job -> job.awaitLine("ready"));
    Files.createFile(folder.resolve("go"));
    Mpjrun.Running doomed = jobs.get(1);
    doomed.awaitLines("did ", 3);
    doomed.killAll();
    doomed.assertNothingLeft(Duration.ofSeconds(5));
    jobs.remove(doomed);
    for (Mpjrun.Running job : jobs) {
      job.result().assertExitCode(0).assertNothingLeft();
    }
    batch("multicore", tasks).result().assertExitCode(0).assertNothingLeft();

    Set<String> killed = new HashSet<>();
    List<Path> folders = list(folder.resolve("tasks"));
    assertThat(folders).hasSize(tasks);
    for (Path task : folders) {
      assertThat(task.resolve("state")).hasContent("DONE");
      List<String> notes = Files.readAllLines(task.resolve("notes"));
      // One job after the other, and only one that was killed in between has left it to another.
      for (int i = 0; i < notes.size() - 2; i++) {
        assertThat(notes.get(i)).startsWith(i % 2 == 0 ? "began" : "ended");
        killed.add(notes.get(i).replaceAll("\\D", ""));
      }
    }
    assertThat(killed).hasSizeLessThanOrEqualTo(2);
  }

  private Mpjrun.Running batch(String device, int tasks) {
    return Mpjrun.on(device)
        .np(2)
        .start(SharedScript.class, "batch", folder.toString(), Integer.toString(tasks));
  }

  @Test
  void examples() throws IOException {
    List<String> array = run("multicore", 3, "SharedArray");
    assertThat(array.subList(0, 3))
        .containsExactlyInAnyOrder(
            "rank 0 reads [0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 3.0, 4.0, 0.0]",
            "rank 1 reads [0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 3.0, 4.0, 0.0]",
            "rank 2 reads [0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 3.0, 4.0, 0.0]");
    assertThat(array.get(5)).isEqualTo(" [0.0 0.0 1.0 2.0 0.0]");

    Path turns = folder.resolve("turns.txt");
    assertThat(run("multicore", 4, "TurnTaking", turns.toString(), "5"))
        .containsExactly("20 lines in " + turns);
    List<String> lines = Files.readAllLines(turns);
    for (int i = 0; i < lines.size(); i++) {
      assertThat(lines.get(i)).startsWith("line " + i + " by rank ");
    }

    String batch = folder.resolve("batch").toString();
    assertThat(run("multicore", 4, "BatchFolders", batch, "6", "20"))
        .filteredOn(line -> line.matches("worker [01] did task-000[0-5]"))
        .hasSize(6);
    assertThat(run("tcpdev", 2, "BatchFolders", batch, "6", "20"))
        .containsExactly("worker 0 did 0 of 6 tasks in this run");
  }

  private static List<String> run(String device, int np, String... command) {
    Mpjrun.Result result = Mpjrun.on(device).np(np).runCommand(command);
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.err()).isEmpty();
    return result.out();
  }
}
