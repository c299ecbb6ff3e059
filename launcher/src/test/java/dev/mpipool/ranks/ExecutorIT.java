package dev.mpipool.ranks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.launcher.testing.Mpjrun;
import dev.mpipool.ranks.programs.PoolScript;
import dev.mpipool.ranks.programs.TaskKinds;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The executor on real ranks, as threads of one JVM and with one JVM a rank. */
class ExecutorIT {

  private static List<String> run(String device, int np, String name) {
    Mpjrun.Result result = Mpjrun.on(device).np(np).run(PoolScript.class, name);
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.err()).isEmpty();
    return result.out();
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void tasksOfEveryKindGiveTheirResultOrTheirException(String device) {
    Mpjrun.Result result = Mpjrun.on(device).np(3).run(TaskKinds.class);
    result.assertExitCode(0).assertNothingLeft();
    String kinds = TaskKinds.class.getName();
    assertThat(result.out())
        .contains(
            "lambda: 42",
            "reference: 17",
            "record: Point[x=2.0, y=1.0]",
            "array: [3, 4]",
            "null: null",
            "three: 6",
            "named: named",
            "own exception: " + kinds + "$StarException: supernova",
            "own exception thrown in: explode",
            "heavy exception type: " + kinds + "$HeavyException",
            "heavy exception has stack: true",
            "error: java.lang.StackOverflowError: deep",
            "next: still running",
            "rank: true");
    assertThat(result.out())
        .anyMatch(line -> line.matches("heavy exception: .*RemoteTaskException: .*too heavy"))
        .anyMatch(
            line ->
                line.startsWith("unserializable task: dev.mpipool.TaskSerializationException")
                    && line.contains("lambda in " + kinds + ".main")
                    && line.contains("class java.lang.Object")
                    && line.contains("Holder.parts[engine][1]"))
        .anyMatch(
            line ->
                line.startsWith("unserializable result: dev.mpipool.TaskSerializationException")
                    && line.contains("class java.lang.Object")
                    && line.contains("Holder.parts[engine][1]"))
        .anyMatch(
            line ->
                line.startsWith("plain lambda:") && line.contains("variable of type MPIExecutor"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev"})
  void aPoolOnAPartOfTheRanksThatTheProgramSplitItself(String device) {
    assertThat(run(device, 4, "ownMpi"))
        .containsExactlyInAnyOrder("part 0: 1 workers, 42", "part 1: 1 workers, 42");
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void anotherRankIsMain(String device) {
    assertThat(run(device, 3, "otherMain")).containsExactly("main is rank 2, task on worker: true");
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void manyPoolsOneAfterTheOther(String device) {
    assertThat(run(device, 3, "manyPools")).containsExactly("sum 4950");
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void poolsSideBySideAndTheProgramsOwnMessagesDoNotMeet(String device) {
    assertThat(run(device, 4, "sideBySide")).containsExactly("totals 19900 and 20100");
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void threadsAreGoneAfterClose(String device) {
    assertThat(run(device, 3, "threads"))
        .containsExactlyElementsOf(Collections.nCopies(3, "threads left: []"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void valuesOfAllSizesTravel(String device) {
    Mpjrun.Result result = Mpjrun.on(device).np(2).options("-Xmx1g").run(PoolScript.class, "sizes");
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out()).hasSize(12).allMatch(line -> line.endsWith(" true"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void collectiveCallsOfTheWorld(String device) {
    for (int np : new int[] {1, 2, 5}) {
      List<String> right =
          IntStream.range(0, np * np).mapToObj(i -> "root " + i / np + " true").toList();
      assertThat(run(device, np, "collectives")).containsExactlyInAnyOrderElementsOf(right);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void aWorkerThatSubmitsIsToldWhatToDo(String device) {
    assertThat(run(device, 3, "workerSubmits"))
        .hasSize(2)
        .allMatch(line -> line.contains("call workersExit()"));
  }
}
