package dev.mpipool.tasker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.mpipool.RemoteTaskException;
import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.LocalCommunicator;
import dev.mpipool.files.Claims;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a map saves, takes up, notices and refuses; without MPI, on local ranks and on threads. */
@Timeout(60)
class TaskerTest {

  private static final int HEADER_BYTES = 28;
  private static final int RECORD_BYTES = 28;

  @TempDir Path temporary;
  private Path file;
  private Path folder;
  private final Set<Integer> done = new ConcurrentSkipListSet<>();

  @BeforeEach
  void name() {
    file = temporary.resolve("foo.bin");
    folder = temporary.resolve("foo.bin.mpi");
  }

  private String text(int task) {
    done.add(task);
    return "result " + task;
  }

  private static List<String> texts(int count) {
    return IntStream.range(0, count).mapToObj(task -> "result " + task).toList();
  }

  /** A run that does all tasks but those; in a folder that stays. */
  private void leaveUnfinished(int tasks, Integer... failing) {
    Set<Integer> fail = new TreeSet<>(Arrays.asList(failing));
    try (Tasker tasker = new Tasker()) {
      TasksFailedException e =
          catchThrowableOfType(
              TasksFailedException.class,
              () -> tasker.map(file, task -> failOn(fail, task), Tasker.range(tasks)));
      assertThat(e.failedIndices()).containsExactlyElementsOf(fail);
    }
    done.clear();
  }

  private String failOn(Set<Integer> failing, int task) {
    if (failing.contains(task)) {
      throw new IllegalStateException("no star " + task);
    }
    return text(task);
  }

  private List<String> mapSerially(int tasks) {
    try (Tasker tasker = new Tasker()) {
      return tasker.map(file, this::text, Tasker.range(tasks));
    }
  }

  private List<Path> inFolder() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().toList();
    }
  }

  private static void flip(Path damaged, long position) throws IOException {
    try (RandomAccessFile bytes = new RandomAccessFile(damaged.toFile(), "rw")) {
      bytes.seek(position);
      int was = bytes.read();
      bytes.seek(position);
      bytes.write(was ^ 1);
    }
  }

  private interface Body<T> {
    T run(Tasker tasker) throws Exception;
  }

  /** Runs a body on so many local ranks; what each has returned or thrown. */
  private static <T> List<Object> onRanks(int size, OnChange onChange, Body<T> body)
      throws Exception {
    List<FutureTask<Object>> running = new ArrayList<>();
    for (Communicator own : LocalCommunicator.create(size)) {
      FutureTask<Object> rank =
          new FutureTask<>(
              () -> {
                try (Tasker tasker = Tasker.builder().communicator(own).onChange(onChange).open()) {
                  return body.run(tasker);
                } catch (Exception e) {
                  return e;
                }
              });
      Thread thread = new Thread(rank, "test-rank-" + own.rank());
      thread.setDaemon(true);
      thread.start();
      running.add(rank);
    }
    List<Object> outcomes = new ArrayList<>();
    for (FutureTask<Object> rank : running) {
      outcomes.add(rank.get(30, TimeUnit.SECONDS));
    }
    return outcomes;
  }

  @Test
  void secondCallReadsTheFileAndRunsNothing() {
    assertThat(mapSerially(100)).isEqualTo(texts(100));
    assertThat(done).hasSize(100);
    assertThat(folder).doesNotExist();
    done.clear();
    assertThat(mapSerially(100)).isEqualTo(texts(100));
    assertThat(done).isEmpty();
  }

  @Test
  void noTasksMakeAnEmptyFile() {
    assertThat(mapSerially(0)).isEmpty();
    assertThat(file).exists();
    assertThat(mapSerially(0)).isEmpty();
  }

  @Test
  void nullIsAResult() {
    try (Tasker tasker = new Tasker()) {
      assertThat(tasker.map(file, x -> null, Tasker.range(2))).containsExactly(null, null);
    }
  }

  @Test
  void everyRankReturnsTheWholeAndUsesItsOwnFunction() throws Exception {
    Map<Integer, Thread> threads = new java.util.concurrent.ConcurrentHashMap<>();
    CyclicBarrier bothWork = new CyclicBarrier(2);
    List<Object> outcomes =
        onRanks(
            3,
            OnChange.FAIL,
            tasker -> {
              Object ownAndNotSerializable = new Object();
              Thread caller = Thread.currentThread();
              TaskFunction<Integer, String> function =
                  task -> {
                    assertThat(ownAndNotSerializable).isNotNull();
                    threads.put(tasker.rank(), Thread.currentThread());
                    assertThat(Thread.currentThread()).isSameAs(caller);
                    if (task < 2) {
                      bothWork.await(10, TimeUnit.SECONDS);
                    }
                    return text(task);
                  };
              assertThat(tasker.size()).isEqualTo(3);
              assertThat(tasker.isRoot()).isEqualTo(tasker.rank() == 0);
              List<String> first = tasker.map(file, function, Tasker.range(50));
              List<String> second =
                  tasker.map(temporary.resolve("second"), function, Tasker.range(50));
              assertThat(second).isEqualTo(first);
              return first;
            });
    assertThat(outcomes).hasSize(3).allMatch(texts(50)::equals);
    assertThat(threads.keySet()).containsExactly(1, 2);
  }

  @Test
  void manyAndLargeResultsReachEveryRank() throws Exception {
    List<Object> outcomes =
        onRanks(
            3,
            OnChange.FAIL,
            tasker ->
                tasker
                    .map(file, task -> new double[task % 10 == 0 ? 300_000 : 20], Tasker.range(100))
                    .stream()
                    .mapToInt(array -> array.length)
                    .sum());
    assertThat(outcomes).containsExactly(3_001_800, 3_001_800, 3_001_800);
  }

  @Test
  void tasksThatFailLeaveTheOthersDoneAndAreTakenUp() throws Exception {
    List<Object> outcomes =
        onRanks(
            3,
            OnChange.FAIL,
            tasker -> tasker.map(file, x -> failOn(Set.of(3, 7), x), Tasker.range(10)));
    assertThat(outcomes)
        .hasSize(3)
        .allSatisfy(
            outcome -> {
              TasksFailedException e = (TasksFailedException) outcome;
              assertThat(e.failedIndices()).containsExactly(3, 7);
              assertThat(e.failures().get(7)).hasMessage("no star 7");
              assertThat(e)
                  .hasCauseInstanceOf(IllegalStateException.class)
                  .hasMessageStartingWith("2 of 10 tasks of " + file + " failed: task 3 (")
                  .hasMessageContaining("no star 3");
            });
    assertThat(done).hasSize(8);
    done.clear();
    assertThat(mapSerially(10)).isEqualTo(texts(10));
    assertThat(done).containsExactly(3, 7);
  }

  @Test
  void whatCannotTravelFailsItsTask() throws Exception {
    List<Object> outcomes =
        onRanks(
            2,
            OnChange.FAIL,
            tasker ->
                tasker.map(
                    file,
                    task -> {
                      if (task == 1) {
                        throw new Unserializable();
                      }
                      return task == 2 ? new Object() : task;
                    },
                    Tasker.range(4)));
    TasksFailedException e = (TasksFailedException) outcomes.get(0);
    assertThat(e.failures().get(1)).isInstanceOf(RemoteTaskException.class);
    assertThat(e.failures().get(2)).hasMessageContaining("java.lang.Object is not serializable");
    assertThat(e.failedIndices()).containsExactly(1, 2);

    List<Object> arguments =
        onRanks(2, OnChange.FAIL, tasker -> tasker.map(file, x -> 1, List.of(1, new Object())));
    assertThat(arguments)
        .hasSize(2)
        .allSatisfy(
            outcome ->
                assertThat((Exception) outcome)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("argument of task 1")
                    .hasMessageContaining("java.lang.Object"));
  }

  private static final class Unserializable extends Exception {
    private static final long serialVersionUID = 1;
    private final transient Object lock = new Object();

    private void writeObject(java.io.ObjectOutputStream out) throws IOException {
      throw new java.io.NotSerializableException("lock " + lock);
    }
  }

  @Test
  void otherArgumentsAreNoticedAndNamed() throws Exception {
    mapSerially(20);
    List<Integer> others = new ArrayList<>(Tasker.range(20));
    others.set(17, 99);
    List<Object> outcomes =
        onRanks(2, OnChange.FAIL, tasker -> tasker.map(file, this::text, others));
    assertThat(outcomes)
        .hasSize(2)
        .allSatisfy(
            outcome ->
                assertThat((Exception) outcome)
                    .isInstanceOf(TasksChangedException.class)
                    .hasMessageContaining("1 arguments have changed, of the tasks 17 (now 99)")
                    .hasMessageContaining("onChange(RECOMPUTE)"));
    assertThatThrownBy(() -> mapSerially(21))
        .isInstanceOf(TasksChangedException.class)
        .hasMessageContaining("there were 20 tasks and are 21");
    try (Tasker tasker = new Tasker()) {
      assertThatThrownBy(() -> tasker.map(file, "2", this::text, Tasker.range(20)))
          .isInstanceOf(TasksChangedException.class)
          .hasMessageContaining("the version was none and is \"2\"");
    }
    assertThat(done).hasSize(20);
  }

  @Test
  void otherArgumentsOfAnUnfinishedRunAreNoticed() {
    leaveUnfinished(10, 4);
    List<Integer> doneBefore = new ArrayList<>(Tasker.range(10));
    doneBefore.set(5, 99);
    List<Integer> notDone = new ArrayList<>(Tasker.range(10));
    notDone.set(4, 99);
    try (Tasker tasker = new Tasker()) {
      assertThatThrownBy(() -> tasker.map(file, this::text, doneBefore))
          .hasMessageContaining("of the tasks 5 (now 99)");
      assertThatThrownBy(() -> tasker.map(file, this::text, notDone))
          .hasMessageContaining("of tasks that had no result yet");
    }
    assertThat(mapSerially(10)).isEqualTo(texts(10));
    assertThat(done).containsExactly(4);
  }

  @Test
  void recomputesWhenAskedAndGoesOnWithThat() throws Exception {
    mapSerially(10);
    done.clear();
    try (Tasker tasker = Tasker.builder().onChange(OnChange.RECOMPUTE).open()) {
      assertThatThrownBy(() -> tasker.map(file, "2", x -> failOn(Set.of(5), x), Tasker.range(12)))
          .isInstanceOf(TasksFailedException.class);
      assertThat(done).hasSize(11);
      done.clear();
      assertThat(tasker.map(file, "2", this::text, Tasker.range(12))).isEqualTo(texts(12));
      assertThat(done).containsExactly(5);
      assertThat(tasker.map(file, "2", this::text, Tasker.range(12))).isEqualTo(texts(12));
      assertThat(tasker.map(file, "3", this::text, Tasker.range(12))).isEqualTo(texts(12));
      assertThat(done).hasSize(12);
    }
  }

  @Test
  void interruptedRunMakesTheSameFile() throws Exception {
    mapSerially(50);
    byte[] whole = Files.readAllBytes(file);
    Files.delete(file);
    leaveUnfinished(50, 0, 10, 11, 12, 13, 49);
    leaveUnfinished(50, 11, 13);
    onRanks(3, OnChange.FAIL, tasker -> tasker.map(file, this::text, Tasker.range(50)));
    assertThat(done).containsExactly(11, 13);
    assertThat(file).hasBinaryContent(whole);
    assertThat(temporary).isDirectoryNotContaining(path -> !path.equals(file));
  }

  @Test
  void hundredThousandTasksAreFewFiles() throws Exception {
    leaveUnfinished(100_000, 50_000);
    assertThat(inFolder()).hasSize(1);
    assertThat(mapSerially(100_000)).hasSize(100_000);
    assertThat(done).containsExactly(50_000);
  }

  @Test
  void recordThatWasNotWrittenToItsEndIsComputedAnew() throws Exception {
    leaveUnfinished(10, 4);
    Path results = folder.resolve("results.1");
    try (RandomAccessFile torn = new RandomAccessFile(results.toFile(), "rw")) {
      torn.setLength(torn.length() - 3);
    }
    assertThat(mapSerially(10)).isEqualTo(texts(10));
    assertThat(done).containsExactly(4, 9);
  }

  @Test
  void emptyResultsFileIsPassedOver() throws Exception {
    leaveUnfinished(10, 4);
    Files.write(folder.resolve("results.2"), new byte[5]);
    assertThat(mapSerially(10)).isEqualTo(texts(10));
    assertThat(done).containsExactly(4);
  }

  /** Every byte of the folder's file is flipped once; nothing false comes of it. */
  @Test
  void damageInTheFolderIsNoticedWhereverItIs() throws Exception {
    leaveUnfinished(3, 2);
    byte[] good = Files.readAllBytes(folder.resolve("results.1"));
    for (int position = 0; position < good.length; position++) {
      Files.createDirectories(folder);
      Path results = folder.resolve("results.1");
      Files.write(results, good);
      flip(results, position);
      done.clear();
      assertThat(mapSerially(3)).isEqualTo(texts(3));
      assertThat(done).as("byte %d", position).contains(2).hasSizeGreaterThan(1);
      Files.delete(file);
    }
  }

  @Test
  void damageInTheFileIsNoticedWhereverItIs() throws Exception {
    mapSerially(3);
    byte[] good = Files.readAllBytes(file);
    for (int position = 0; position < good.length; position++) {
      flip(file, position);
      done.clear();
      assertThat(mapSerially(3)).isEqualTo(texts(3));
      assertThat(done).as("byte %d", position).isNotEmpty();
      assertThat(file).hasBinaryContent(good);
    }
    Files.write(file, Arrays.copyOf(good, good.length - 1));
    done.clear();
    assertThat(mapSerially(3)).isEqualTo(texts(3));
    assertThat(done).containsExactly(2);
  }

  @Test
  void ofADamagedFileOnlyWhatIsDamagedIsComputedAndTheFileIsKept() throws Exception {
    mapSerially(3);
    int result = HEADER_BYTES + RECORD_BYTES + 7;
    flip(file, result);
    byte[] damaged = Files.readAllBytes(file);
    done.clear();
    mapSerially(3);
    assertThat(done).containsExactly(0);
    assertThat(temporary.resolve("foo.bin.damaged")).hasBinaryContent(damaged);
  }

  @Test
  void folderThatWasLeftBesideTheWholeFileGoes() throws Exception {
    leaveUnfinished(3, 2);
    byte[] results = Files.readAllBytes(folder.resolve("results.1"));
    mapSerially(3);
    Files.createDirectories(folder);
    Files.write(folder.resolve("results.1"), results);
    mapSerially(3);
    assertThat(folder).doesNotExist();
  }

  @Test
  void secondRunIsToldWhoHasTheFolder() throws Exception {
    leaveUnfinished(10, 4);
    try (Claims other = new Claims("the first")) {
      assertThat(other.claim(folder)).isPresent();
      List<Object> outcomes =
          onRanks(2, OnChange.FAIL, tasker -> tasker.map(file, this::text, Tasker.range(10)));
      assertThat(outcomes)
          .hasSize(2)
          .allSatisfy(
              outcome ->
                  assertThat((Exception) outcome)
                      .isInstanceOf(UncheckedIOException.class)
                      .hasMessageContaining("is in use by job the first, host ")
                      .hasMessageContaining("process " + ProcessHandle.current().pid()));
    }
    mapSerially(10);
    assertThat(done).containsExactly(4);
  }

  @Test
  void ranksThatMapToDifferentFilesAreTold() throws Exception {
    List<Object> outcomes =
        onRanks(
            3,
            OnChange.FAIL,
            tasker ->
                tasker.map(
                    tasker.rank() == 2 ? temporary.resolve("other") : file,
                    x -> x,
                    Tasker.range(5)));
    assertThat(outcomes)
        .hasSize(3)
        .allSatisfy(
            outcome ->
                assertThat((Exception) outcome)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("rank 2 to " + temporary.resolve("other")));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void onTheRootAlone(int threads) throws Exception {
    Set<String> names = new ConcurrentSkipListSet<>();
    CyclicBarrier all = new CyclicBarrier(threads);
    List<Object> outcomes = new ArrayList<>();
    List<FutureTask<List<String>>> running = new ArrayList<>();
    for (Communicator own : LocalCommunicator.create(2)) {
      FutureTask<List<String>> rank =
          new FutureTask<>(
              () -> {
                try (Tasker tasker =
                    Tasker.builder().communicator(own).localThreads(threads).open()) {
                  return tasker.map(
                      file,
                      task -> {
                        assertThat(tasker.isRoot()).isTrue();
                        names.add(Thread.currentThread().getName());
                        if (task < threads) {
                          all.await(10, TimeUnit.SECONDS);
                        }
                        return text(task);
                      },
                      Tasker.range(30));
                }
              });
      new Thread(rank, "rank" + own.rank()).start();
      running.add(rank);
    }
    for (FutureTask<List<String>> rank : running) {
      outcomes.add(rank.get(20, TimeUnit.SECONDS));
    }
    assertThat(outcomes).hasSize(2).allMatch(texts(30)::equals);
    assertThat(names).hasSize(threads);
    assertThat(names.contains("rank0")).isEqualTo(threads == 1);
  }

  @Test
  void saveAndLoadAsAMemo() throws Exception {
    try (Tasker tasker = new Tasker()) {
      assertThat(tasker.load(file)).isEmpty();
      tasker.save(file, Map.of("a", List.of(1, 2)));
      assertThat(tasker.<Map<String, List<Integer>>>load(file))
          .contains(Map.of("a", List.of(1, 2)));
      flip(file, Files.size(file) - 1);
      assertThatThrownBy(() -> tasker.load(file))
          .isInstanceOf(UncheckedIOException.class)
          .hasMessageContaining("foo.bin is damaged");
    }
  }

  @Test
  void afterCloseAndWithNonsenseTheErrorsSaySo() {
    Tasker tasker = new Tasker(new String[] {"own", "arguments"});
    assertThat(tasker.arguments()).containsExactly("own", "arguments");
    tasker.close();
    assertThatThrownBy(() -> tasker.map(file, x -> x, Tasker.range(1)))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> Tasker.builder().localThreads(0))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void missingFolderOfTheFileIsMade() {
    file = temporary.resolve("deep/er/foo.bin");
    assertThat(mapSerially(3)).isEqualTo(texts(3));
    assertThat(file).exists();
  }
}
