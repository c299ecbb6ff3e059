package dev.mpipool.shared;

import static dev.mpipool.shared.MPIBatch.State.DONE;
import static dev.mpipool.shared.MPIBatch.State.FAILED;
import static dev.mpipool.shared.MPIBatch.State.INVALID;
import static dev.mpipool.shared.MPIBatch.State.OPEN;
import static dev.mpipool.shared.MPIBatch.State.RUNNING;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.awaitility.Awaitility.await;

import dev.mpipool.comm.LocalCommunicator;
import dev.mpipool.files.Claims;
import dev.mpipool.files.ProcessId;
import dev.mpipool.testing.PoolThreads;
import dev.mpipool.testing.Ranks;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(60)
class MPIBatchTest {

  @TempDir Path folder;

  private final PoolThreads threads = new PoolThreads();

  private static List<String> names(int count) {
    return IntStream.range(0, count).mapToObj("task-%03d"::formatted).toList();
  }

  private MPIBatch alone(int count) {
    return MPIBatch.builder(null, 1, count).folder(folder, names(count)).open();
  }

  private String file(int task) throws IOException {
    return Files.readString(folder.resolve(names(task + 1).get(task)).resolve("state"), UTF_8);
  }

  private List<String> inFolder(int task) throws IOException {
    try (Stream<Path> found = Files.list(folder.resolve(names(task + 1).get(task)))) {
      return found.map(path -> path.getFileName().toString()).sorted().toList();
    }
  }

  private static List<Integer> takeAll(MPIBatch batch, MPIBatch.State... also) {
    List<Integer> taken = new ArrayList<>();
    for (OptionalInt task = batch.nextTask(also); task.isPresent(); task = batch.nextTask(also)) {
      taken.add(task.getAsInt());
      batch.setState(task.getAsInt(), DONE);
    }
    return taken;
  }

  @ParameterizedTest
  @CsvSource({"1,1,false", "2,1,false", "4,2,false", "3,3,false", "4,1,true", "4,2,true"})
  void everyTaskIsDoneByOneWorkerWithAllItsRanks(int size, int workerSize, boolean files)
      throws Exception {
    ConcurrentLinkedQueue<String> done = new ConcurrentLinkedQueue<>();
    Ranks.onAll(
        size,
        own -> {
          MPIBatch.Builder options = MPIBatch.builder(own, workerSize, 50);
          if (files) {
            options.folder(folder, names(50));
          }
          try (MPIBatch batch = options.open()) {
            assertThat(batch.workerCount()).isEqualTo(size / workerSize);
            assertThat(batch.worker()).isEqualTo(own.rank() / workerSize);
            assertThat(batch.workerCommunicator().rank()).isEqualTo(batch.workerRank());
            assertThat(batch.workerCommunicator().size()).isEqualTo(batch.workerSize());
            for (OptionalInt task = batch.nextTask(); task.isPresent(); task = batch.nextTask()) {
              assertThat(batch.getState(task.getAsInt())).isEqualTo(RUNNING);
              done.add(task.getAsInt() + " " + batch.workerRank());
              batch.workerCommunicator().barrier();
              if (batch.workerRank() == 0) {
                batch.setState(task.getAsInt(), task.getAsInt() == 7 ? FAILED : DONE);
              }
            }
            own.barrier();
            assertThat(Collections.frequency(batch.states(), DONE)).isEqualTo(49);
            assertThat(batch.getState(7)).isEqualTo(FAILED);
          }
          return null;
        });
    assertThat(done).doesNotHaveDuplicates().hasSize(50 * workerSize);
    await().atMost(Duration.ofSeconds(10)).until(() -> threads.alive().isEmpty());
  }

  @Test
  void theNextTaskIsTheFirstThatIsOpen() {
    try (MPIBatch batch =
        MPIBatch.builder(null, 1, 6)
            .initialStates(List.of(INVALID, OPEN, DONE, OPEN, FAILED, RUNNING))
            .open()) {
      assertThat(batch.nextTask()).hasValue(1);
      batch.setState(1, FAILED);
      assertThat(batch.nextTask()).hasValue(3);
      batch.setState(1, OPEN);
      assertThat(batch.nextTask()).hasValue(1);
      assertThat(batch.nextTask()).isEmpty();
      assertThat(batch.states()).containsExactly(INVALID, RUNNING, DONE, RUNNING, FAILED, RUNNING);
      batch.setState(1, FAILED);
      batch.setState(3, DONE);
      // those of the beginning, once, and none that this batch has had
      assertThat(takeAll(batch, RUNNING, FAILED)).containsExactly(4, 5);
      assertThat(takeAll(batch, DONE)).containsExactly(2);
      assertThat(batch.nextTask(RUNNING, FAILED, DONE)).isEmpty();
    }
  }

  @Test
  void noTasks() {
    try (MPIBatch batch = new MPIBatch(null, 1, 0)) {
      assertThat(batch.nextTask()).isEmpty();
      assertThat(batch.states()).isEmpty();
      assertThatExceptionOfType(IndexOutOfBoundsException.class)
          .isThrownBy(() -> batch.getState(0));
      assertThatIllegalStateException().isThrownBy(() -> batch.folder(0));
      assertThatIllegalArgumentException().isThrownBy(() -> batch.nextTask(OPEN));
    }
  }

  /** What three ranks call; rank 1 something else. */
  static Stream<Ranks.Body<?>> wrongCalls() {
    Path folder = Path.of("never-made");
    return Stream.of(
        own -> new MPIBatch(own, 2, 10),
        own -> new MPIBatch(own, 0, 10),
        own -> new MPIBatch(own, 1, -1),
        own -> new MPIBatch(own, own.rank() == 1 ? 3 : 1, 10),
        own -> new MPIBatch(own, 1, own.rank() == 1 ? 9 : 10),
        own -> MPIBatch.builder(own, 1, 2).folder(folder, names(own.rank() == 1 ? 2 : 3)).open(),
        own -> MPIBatch.builder(own, 1, 2).folder(folder, List.of("a", "a")).open(),
        own -> MPIBatch.builder(own, 1, 1).folder(folder, List.of("..")).open(),
        own ->
            MPIBatch.builder(own, 1, 1).folder(folder, List.of(own.rank() == 1 ? "a" : "b")).open(),
        own -> MPIBatch.builder(own, 1, 1).initialStates(List.of()).open(),
        own -> new MPIBatch(own, 3, 1).nextTask(own.rank() == 1 ? DONE : FAILED),
        own ->
            own.rank() == 1
                ? new MPIBatch(own, 3, 1).nextTask(INVALID)
                : new MPIBatch(own, 3, 1).nextTask());
  }

  @ParameterizedTest
  @MethodSource("wrongCalls")
  void ranksThatDisagreeAllGetAnError(Ranks.Body<?> call) throws Exception {
    List<Throwable> failures =
        Ranks.onAll(LocalCommunicator.create(3), own -> catchThrowable(() -> call.run(own)));
    assertThat(failures)
        .hasSize(3)
        .allSatisfy(e -> assertThat(e).isInstanceOf(IllegalArgumentException.class));
    assertThat(Path.of("never-made")).doesNotExist();
  }

  @Test
  void whatALostWorkerHadIsTakenByAnother() throws Exception {
    MortalRanks mortal = new MortalRanks(3, true);
    List<MPIBatch> batches = Ranks.onAll(mortal.ranks, own -> new MPIBatch(own, 1, 3));
    assertThat(batches.get(1).nextTask()).hasValue(0);
    assertThat(batches.get(2).nextTask()).hasValue(1);
    mortal.kill(1);
    await().atMost(Duration.ofSeconds(10)).until(() -> batches.get(0).getState(0) == OPEN);
    assertThat(takeAll(batches.get(2))).containsExactly(0, 2);
    batches.get(2).close();
    batches.get(0).close();
    await().atMost(Duration.ofSeconds(10)).until(() -> threads.alive().isEmpty());
  }

  @Test
  void theFilesAreTheTruthAndReadableByPeople() throws Exception {
    try (MPIBatch batch = alone(4)) {
      assertThat(file(0)).isEqualTo("OPEN\n");
      assertThat(batch.folder(0)).isEqualTo(folder.resolve("task-000"));
      assertThat(batch.nextTask()).hasValue(0);
      assertThat(file(0)).isEqualTo("RUNNING\n");
      assertThat(inFolder(0)).containsExactly("claim.1", "state");
      batch.setState(0, DONE);
      assertThat(file(0)).isEqualTo("DONE\n");
      assertThat(inFolder(0)).containsExactly("state");

      Files.writeString(batch.folder(1).resolve("state"), "DONE");
      assertThat(batch.getState(1)).isEqualTo(DONE);
      assertThat(batch.nextTask()).hasValue(2);
      Files.writeString(batch.folder(3).resolve("state"), "");
      assertThat(batch.nextTask()).hasValue(3);
      Files.writeString(batch.folder(3).resolve("state"), "FINISHED");
      assertThatExceptionOfType(UncheckedIOException.class)
          .isThrownBy(() -> batch.getState(3))
          .withMessageContaining("task-003")
          .withMessageContaining("FINISHED");
    }
    assertThat(file(2)).isEqualTo("RUNNING\n");
    assertThat(inFolder(2)).containsExactly("state");
  }

  @Test
  void anotherRunTakesUpTheRest() {
    try (MPIBatch batch = alone(5)) {
      batch.setState(batch.nextTask().orElseThrow(), DONE);
      batch.setState(batch.nextTask().orElseThrow(), FAILED);
      assertThat(batch.nextTask()).hasValue(2); // and is interrupted
    }
    try (MPIBatch batch = alone(5)) {
      assertThat(takeAll(batch)).containsExactly(2, 3, 4);
      assertThat(takeAll(batch, FAILED)).containsExactly(1);
      assertThat(takeAll(batch, DONE)).containsExactly(0);
    }
    try (MPIBatch batch =
        MPIBatch.builder(null, 1, 5)
            .folder(folder, names(5))
            .initialStates(Collections.nCopies(5, OPEN)) // only for tasks without a state
            .open()) {
      assertThat(batch.nextTask()).isEmpty();
    }
  }

  @Test
  void whatALivingJobHasIsNotTakenAndWhatACrashedOneHadIs() throws Exception {
    try (MPIBatch one = alone(3);
        MPIBatch two = alone(3)) {
      assertThat(one.nextTask()).hasValue(0);
      assertThat(two.nextTask()).hasValue(1);
      assertThat(one.nextTask()).hasValue(2);
      assertThat(two.nextTask(RUNNING, FAILED, DONE)).isEmpty();
      assertThatIllegalStateException().isThrownBy(() -> two.setState(0, DONE));
      one.setState(0, DONE);
      one.setState(2, OPEN);
      assertThat(two.nextTask()).hasValue(2);
    }
    ProcessId own = ProcessId.own();
    Files.writeString(
        folder.resolve("task-001/claim.1"),
        "job crashed\nhost %s\nprocess %d\nstarted %d\nboot %s\nnamespace %s\n"
            .formatted(own.host(), own.pid(), own.start() + 1, own.boot(), own.namespace()));
    try (MPIBatch batch = alone(3)) {
      assertThat(takeAll(batch)).containsExactly(1, 2);
    }
  }

  @Test
  void aJobThatWasTakenForDeadIsTold() throws Exception {
    try (MPIBatch batch = alone(1);
        Claims others = new Claims("other")) {
      assertThat(batch.nextTask()).hasValue(0);
      Files.delete(folder.resolve("task-000/claim.1"));
      assertThat(others.claim(folder.resolve("task-000"))).isPresent();
      assertThatIllegalStateException()
          .isThrownBy(() -> batch.setState(0, DONE))
          .withMessageContaining("task-000");
      assertThat(file(0)).isEqualTo("RUNNING\n");
    }
  }

  @Test
  void aFolderThatCannotBeMadeIsAnErrorOnAllRanks() throws Exception {
    Path file = Files.createFile(folder.resolve("file"));
    List<Throwable> failures =
        Ranks.onAll(
            LocalCommunicator.create(3),
            own ->
                catchThrowable(
                    () -> MPIBatch.builder(own, 1, 1).folder(file, List.of("a")).open()));
    assertThat(failures)
        .hasSize(3)
        .allSatisfy(e -> assertThat(e).isInstanceOf(UncheckedIOException.class));
  }

  @Test
  void findingTheNextOfManyDoesNotScan() {
    int count = 1_000_000;
    TaskState[] states = new TaskState[count];
    java.util.Arrays.fill(states, TaskState.OPEN);
    TaskTable table = new TaskTable(states);
    long begin = System.nanoTime();
    for (int task = 0; task < count; task++) {
      assertThat(table.next(java.util.Set.of(TaskState.OPEN), 0) == task).isTrue();
      table.set(task, TaskState.DONE);
    }
    // A scan would look at 5 * 10^11 tasks.
    assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(30));
  }
}
