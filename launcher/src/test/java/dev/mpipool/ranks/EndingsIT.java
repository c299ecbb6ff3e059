package dev.mpipool.ranks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.launcher.testing.Mpjrun;
import dev.mpipool.ranks.programs.AfterClose;
import dev.mpipool.ranks.programs.Endings;
import dev.mpipool.ranks.programs.Finishing;
import java.io.File;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Programs whose main ends before their pool does, on ranks and on local threads ("alone"). */
@Execution(ExecutionMode.CONCURRENT)
class EndingsIT {

  private static final String[] ALL =
      Stream.of(
              IntStream.range(0, 8).mapToObj(i -> "task" + i),
              IntStream.range(0, 10).mapToObj(i -> "item" + i),
              Stream.of("callback42"))
          .flatMap(names -> names)
          .toArray(String[]::new);

  @TempDir private Path folder;

  private Mpjrun.Result run(String device, String which) {
    Mpjrun job =
        device.equals("alone") ? alone() : Mpjrun.on(device).np(which.equals("otherMains") ? 4 : 3);
    return job.run(Endings.class, which, folder.toString()).assertNothingLeft();
  }

  /** Plain java, without the launcher. */
  private static Mpjrun alone() {
    return Mpjrun.plain()
        .script(Path.of(System.getProperty("java.home"), "bin", "java"))
        .classPath(Mpjrun.classes() + ":" + Mpjrun.home().resolve("examples/target/lib/*"))
        .options("-Dmpipool.local.workers=2");
  }

  private List<String> files() {
    File[] files = folder.toFile().listFiles();
    return Stream.of(files).map(File::getName).toList();
  }

  @Tag("slow")
  @ParameterizedTest
  @ValueSource(strings = {"alone", "multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void whatWasAcceptedIsDoneThoughMainReturns(String device) {
    assertThat(run(device, "shutdown").assertExitCode(0).err()).isEmpty();
    assertThat(files()).containsExactlyInAnyOrder(ALL);
  }

  /** Else its exception would never be seen: finish would wait for the others, and they for it. */
  @Tag("slow")
  @ParameterizedTest
  @CsvSource({
    "multicore,0,pool",
    "multicore,1,pool",
    "niodev,0,pool",
    "niodev,1,lock",
    "tcpdev,0,pool",
    "tcpdev,1,pool",
    "tcpdev,0,lock",
    "tcpdev,2,duplicate",
    "openmpi,0,pool",
    "openmpi,1,pool",
    "mpich,0,pool",
    "multicore,1,mpi",
    "niodev,1,mpi",
    "tcpdev,0,mpi",
    "tcpdev,1,mpi",
    "multicore,1,held",
    "niodev,2,held",
    "tcpdev,0,held",
    "openmpi,0,held",
    "mpich,1,held",
    "multicore,1,send",
    "niodev,1,send",
    "niodev,2,broadcast",
    "tcpdev,1,send",
    "tcpdev,2,broadcast",
    "openmpi,1,send",
    "mpich,1,send"
  })
  void aRankThatFailsAndFinishesEndsTheWaitOfTheOthers(String device, String rank, String what) {
    Mpjrun.Result result = Mpjrun.on(device).np(3).run(Finishing.class, rank, what);
    result.assertExitCode(1).assertNothingLeft();
    if (what.equals("held")) {
      assertThat(result.out()).containsExactlyInAnyOrder("[2, 3, 4]", "told");
    } else {
      assertThat(result.out()).containsExactly("[2, 3, 4]");
    }
    assertThat(result.err())
        .anyMatch(line -> line.endsWith(": input of rank " + rank))
        .noneMatch(line -> line.contains("MPI_Finalize has taken"));
    assertThat(result.took()).isLessThan(Duration.ofSeconds(30));
  }

  @Tag("slow")
  @Test
  void whatWasAcceptedIsDoneBeforeMpiEnds() {
    assertThat(run("tcpdev", "shutdownAndFinish").assertExitCode(0).err()).isEmpty();
    assertThat(files()).containsExactlyInAnyOrder(ALL);
  }

  @Tag("slow")
  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev"})
  void whatWasAcceptedIsDoneThoughMainsRankReturnsEarlier(String device) {
    assertThat(run(device, "otherMains").assertExitCode(0).err())
        .noneMatch(line -> line.contains("lost") || line.contains("given up"));
    assertThat(files()).containsExactlyInAnyOrder(ALL);
  }

  @ParameterizedTest
  @ValueSource(strings = {"alone", "multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void aMainThatReturnsWithAnOpenPoolSaysWhatIsGivenUp(String device) {
    Mpjrun.Result result = run(device, "unclosed").assertExitCode(0);
    assertThat(files()).containsExactly("returned");
    assertThat(result.err())
        .filteredOn(line -> line.contains("given up"))
        .containsExactly(
            "mpipool: main has returned with a pool that was neither shut down nor closed;"
                + " given up: 4 futures and 1 batch");
  }

  @Tag("slow")
  @ParameterizedTest
  @ValueSource(strings = {"alone", "multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void aShutdownHookMayWaitForTasksSubmitSomeAndCloseThePool(String device) {
    Mpjrun.Result result = run(device, "exit").assertExitCode(5);
    assertThat(result.out()).containsExactly("got 10", "submitted 6", "all [2, 3]", "closed true");
    assertThat(result.err()).isEmpty();
  }

  /**
   * A method that answers where it should throw, or hangs, or throws something else, is printed.
   */
  @ParameterizedTest
  @ValueSource(strings = {"alone", "multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void whateverIsClosedSaysSoInEachOfItsMethods(String device) {
    Mpjrun job = device.equals("alone") ? alone() : Mpjrun.on(device).np(2);
    Mpjrun.Result result = job.run(AfterClose.class).assertExitCode(0).assertNothingLeft();
    assertThat(result.out())
        .hasSize(device.equals("alone") ? 1 : 2)
        .allMatch(line -> line.matches("right (\\d{3}) of \\1 at rank \\d"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"alone", "multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void theEndOfMpiEndsAnOpenPool(String device) {
    Mpjrun.Result result = run(device, "finish").assertExitCode(0);
    assertThat(result.out())
        .containsExactly("running true", "waiting true", "rejected", "terminated true");
    assertThat(result.err())
        .containsExactly(
            "mpipool: MPI is ended with a pool that was neither shut down nor closed;"
                + " given up: 11 futures");
    assertThat(files()).contains("running").hasSize(device.equals("alone") ? 1 : 3);
  }
}
