package dev.mpipool.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.mpipool.RemoteTaskException;
import dev.mpipool.TaskSerializationException;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.apache.commons.lang3.tuple.Pair;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Maps over stand-in queues and local processes, on good days and bad. */
@Timeout(120)
class QueuePoolTest {

  @TempDir Path folder;

  private final Told told = new Told();
  private StandInQueue queue;

  @BeforeEach
  void install() {
    queue = StandInQueue.install(folder.resolve("queue"), 2);
  }

  @AfterEach
  void noJobStays() {
    queue.setDown(false);
    assertThat(queue.jobs()).isEmpty();
  }

  private Scheduler scheduler(String kind) {
    return switch (kind) {
      case "sge" -> queue.gridEngine().build();
      case "slurm" -> queue.slurm().build();
      case "slurm-array" -> queue.slurm().jobArrays(true).build();
      default -> new LocalScheduler(2);
    };
  }

  private QueuePool.Builder pool(Scheduler scheduler) {
    return QueuePool.builder(scheduler)
        .workFolder(folder.resolve("maps"))
        .pollInterval(Duration.ofMillis(50))
        .fileDelay(Duration.ZERO)
        .javaOptions("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
        .progress(told);
  }

  private List<Path> left() throws IOException {
    if (!Files.exists(folder.resolve("maps"))) {
      return List.of();
    }
    try (Stream<Path> found = Files.list(folder.resolve("maps"))) {
      return found.toList();
    }
  }

  /** What tasks do that must be told apart by how often they ran: a letter a run. */
  private static int noted(String file, int i) throws IOException {
    Files.writeString(Path.of(file + i), "x", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    return i * i;
  }

  private String runs(int i) throws IOException {
    return Files.readString(Path.of(notes() + i));
  }

  private String notes() {
    return folder.resolve("note-").toString();
  }

  private static boolean first(String file) throws IOException {
    try {
      Files.createFile(Path.of(file));
      return true;
    } catch (FileAlreadyExistsException e) {
      return false;
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"local", "sge", "slurm", "slurm-array"})
  void resultsComeInOrderAndNothingStays(String kind) throws IOException {
    List<Integer> results =
        pool(scheduler(kind)).chunks(3).build().map(i -> i * i, QueueProgram.range(10));

    assertThat(results).containsExactly(0, 1, 4, 9, 16, 25, 36, 49, 64, 81);
    assertThat(left()).isEmpty();
    assertThat(told.messages).isEmpty();
    assertThat(told.counts).doesNotHaveDuplicates();
    assertThat(told.counts.get(0)).isEqualTo(new JobCounts(0, 3, 0, 0, 0, 3));
    assertThat(told.counts.get(told.counts.size() - 1))
        .hasToString("0 running, 0 pending, 0 error, 0 lost, 3 of 3 done");
  }

  @Test
  void noTasksTakeNoJob() throws IOException {
    assertThat(pool(scheduler("sge")).build().map(i -> i, List.of())).isEmpty();
    assertThat(told.counts).isEmpty();
    assertThat(left()).isEmpty();
  }

  @Test
  void pairsAndNullsTravel() {
    QueuePool pool = pool(new LocalScheduler(2)).chunks(1).build();

    assertThat(
            pool.<String, Integer, String>starmap(
                (text, times) -> text == null ? null : text.repeat(times),
                List.of(Pair.of("a", 2), Pair.of(null, 1))))
        .containsExactly("aa", null);
  }

  @ParameterizedTest
  @ValueSource(strings = {"sge", "slurm-array"})
  void jobsHeldInAnErrorAreDeletedAndSubmittedAgain(String kind) {
    queue.failNext(2);

    List<Integer> results = pool(scheduler(kind)).build().map(i -> i + 1, List.of(1, 2, 3));

    assertThat(results).containsExactly(2, 3, 4);
    assertThat(told.messages).filteredOn(text -> text.contains("it is deleted")).hasSize(2);
    assertThat(told.counts).anyMatch(counts -> counts.error() == 2);
  }

  @Test
  void aChunkIsGivenUpAfterTheLastResubmission() throws IOException {
    queue.failNext(100);

    MapFailedException failure =
        catchThrowableOfType(
            MapFailedException.class,
            () -> pool(scheduler("sge")).resubmissions(2).build().map(i -> i + 1, List.of(1, 2)));

    assertThat(failure.failures()).containsOnlyKeys(0, 1);
    assertThat(failure.getCause())
        .isInstanceOf(ChunkLostException.class)
        .hasMessageContainingAll("chunk 0", "3 times", "Eqw");
    assertThat(left()).containsExactly(failure.folder());
    assertThat(told.counts.get(told.counts.size() - 1).lost()).isEqualTo(2);
  }

  @Test
  void aTaskThatThrowsComesBackWithItsIndexWhenAllOthersAreDone() throws IOException {
    String notes = notes();
    MapFailedException failure =
        catchThrowableOfType(
            MapFailedException.class,
            () ->
                pool(scheduler("slurm"))
                    .chunks(2)
                    .build()
                    .map(
                        i -> {
                          if (i == 1 || i == 2) {
                            throw new IllegalStateException("no star " + i);
                          }
                          return noted(notes, i);
                        },
                        QueueProgram.range(4)));

    assertThat(failure).hasMessageContainingAll("2 of 4", "1, 2", "no star 1");
    assertThat(failure.failures()).containsOnlyKeys(1, 2);
    assertThat(failure.getCause())
        .isInstanceOf(IllegalStateException.class)
        .hasStackTraceContaining("QueuePoolTest");
    assertThat(runs(0) + runs(3)).isEqualTo("xx");
    assertThat(failure.folder().resolve("output/000000.stderr"))
        .content()
        .contains("Task 1 failed: java.lang.IllegalStateException: no star 1");
    assertThat(told.messages).anyMatch(text -> text.contains("stays: tasks have no result"));
  }

  private static final class Stubborn extends RuntimeException {
    private static final long serialVersionUID = 1;

    @SuppressWarnings("unused") // is there not to be serializable
    private final Object lock = new Object();

    Stubborn() {
      super("stubborn");
    }
  }

  @Test
  void holesWhenAsked() throws IOException {
    List<Object> results =
        pool(new LocalScheduler(2))
            .chunks(1)
            .onFailure(OnFailure.NULL)
            .build()
            .map(
                i -> {
                  if (i == 0) {
                    throw new IllegalStateException();
                  }
                  return i;
                },
                QueueProgram.range(3));

    assertThat(results).containsExactly(null, 1, 2);
    assertThat(left()).hasSize(1);
  }

  @Test
  void whatCannotTravelBackIsTold() {
    MapFailedException failure =
        catchThrowableOfType(
            MapFailedException.class,
            () ->
                pool(new LocalScheduler(2))
                    .chunks(1)
                    .build()
                    .map(
                        i -> {
                          if (i == 0) {
                            throw new Stubborn();
                          }
                          return new Object();
                        },
                        QueueProgram.range(2)));

    assertThat(failure.failures().get(0))
        .isInstanceOf(RemoteTaskException.class)
        .hasMessageContaining("stubborn");
    assertThat(failure.failures().get(1))
        .isInstanceOf(TaskSerializationException.class)
        .hasMessageContainingAll("task 1", "java.lang.Object is not serializable");
  }

  @Test
  void whatCannotTravelToAJobIsRefusedBeforeAnythingIsDone() throws IOException {
    Object lock = new Object();
    QueuePool pool = pool(scheduler("sge")).build();

    assertThatThrownBy(() -> pool.map(i -> lock.hashCode(), List.of(1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll("The function", "java.lang.Object is not serializable");
    assertThatThrownBy(() -> pool.map(i -> i, List.of("a", lock)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll("Element 1", "java.lang.Object");
    assertThat(left()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"local", "sge"})
  void aWorkerThatIsKilledIsReplaced(String kind) {
    String mark = folder.resolve("mark").toString();

    List<Integer> results =
        pool(scheduler(kind))
            .build()
            .map(
                i -> {
                  if (i == 1 && first(mark)) {
                    String own = Long.toString(ProcessHandle.current().pid());
                    new ProcessBuilder("kill", "-9", own).start().waitFor();
                    TimeUnit.MINUTES.sleep(2);
                  }
                  return i;
                },
                QueueProgram.range(3));

    assertThat(results).containsExactly(0, 1, 2);
    assertThat(told.messages).anyMatch(text -> text.startsWith("Chunk 1 is submitted again, 1 of"));
  }

  @Test
  void aJobThatNeverHasAResultShowsItsStderr() {
    assertThatThrownBy(
            () ->
                pool(new LocalScheduler(2))
                    .resubmissions(1)
                    .javaOptions("-XX:NoSuchOption")
                    .build()
                    .map(i -> i, List.of(1)))
        .hasRootCauseInstanceOf(ChunkLostException.class)
        .hasMessageContainingAll("2 times", "NoSuchOption");
  }

  @ParameterizedTest
  @ValueSource(strings = {"sge", "slurm", "slurm-array"})
  void aJobDeletedBehindThePoolsBackIsSubmittedAgain(String kind) throws Exception {
    String mark = folder.resolve("mark").toString();
    Thread administrator =
        new Thread(
            () -> {
              try {
                while (!Files.exists(Path.of(mark))) {
                  Thread.sleep(20);
                }
                queue.delete(queue.jobs("running").get(0));
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    administrator.start();

    List<Integer> results =
        pool(scheduler(kind))
            .build()
            .map(
                i -> {
                  if (first(mark)) {
                    TimeUnit.MINUTES.sleep(2);
                  }
                  return i;
                },
                List.of(7));

    assertThat(results).containsExactly(7);
    administrator.join();
  }

  @Test
  void aSchedulerThatIsDownForAWhileIsWaitedFor() {
    queue.setDown(true); // nothing can be submitted; and down again once jobs run
    AtomicBoolean fell = new AtomicBoolean();
    Progress falls =
        new Progress() {
          @Override
          public void changed(JobCounts counts) {
            told.changed(counts);
            if (counts.running() > 0 && fell.compareAndSet(false, true)) {
              queue.setDown(true);
            }
          }

          @Override
          public void message(String text) {
            told.message(text);
            if (text.contains("does not answer")) {
              riseLater();
            }
          }
        };

    List<Integer> results =
        pool(scheduler("slurm-array")).progress(falls).build().map(i -> i, QueueProgram.range(5));

    assertThat(results).containsExactly(0, 1, 2, 3, 4);
    assertThat(told.messages).filteredOn(text -> text.contains("does not answer")).hasSize(2);
    assertThat(told.messages).filteredOn(text -> text.contains("answers again")).hasSize(2);
    assertThat(told.messages).noneMatch(text -> text.contains("submitted again"));
  }

  private void riseLater() {
    Thread thread =
        new Thread(
            () -> {
              try {
                TimeUnit.MILLISECONDS.sleep(700);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              queue.setDown(false);
            });
    thread.start();
  }

  @Test
  void patienceHasAnEnd() throws IOException {
    queue.setDown(true);

    assertThatThrownBy(
            () ->
                pool(scheduler("sge"))
                    .patience(Duration.ofMillis(300))
                    .build()
                    .map(i -> i, List.of(1)))
        .isInstanceOf(QueueException.class)
        .hasMessageContainingAll("it is down", "QueuePool.resume(" + left().get(0));
  }

  @Test
  void anIdleSchedulerThatTakesNoJobsIsNoCaseForPatience() {
    Scheduler strict = queue.gridEngine().options("-no-such-option").build();

    assertThatThrownBy(() -> pool(strict).build().map(i -> i, List.of(1)))
        .isInstanceOf(QueueException.class)
        .hasMessageContainingAll("takes no jobs", "unknown option -no-such-option");
  }

  /** Submits, and says it could not. */
  private static final class Liar extends QueueProgram.Watched {
    private static final long serialVersionUID = 1;

    Liar(Scheduler scheduler) {
      super(scheduler);
    }

    @Override
    public void submit(Submission submission) throws IOException, InterruptedException {
      super.submit(submission);
      throw new IOException("Socket timed out on send/recv operation");
    }
  }

  @Test
  void aJobWhoseSubmissionIsSaidToHaveFailedIsFoundInTheQueue() throws IOException {
    String notes = notes();

    List<Integer> results =
        pool(new Liar(scheduler("sge"))).build().map(i -> noted(notes, i), List.of(2, 3));

    assertThat(results).containsExactly(4, 9);
    assertThat(runs(2) + runs(3)).isEqualTo("xx");
  }

  @Test
  void damagedAndMissingResultsAreComputedAgainAndOthersAreNot() throws IOException {
    String notes = notes();
    pool(new LocalScheduler(2))
        .keepWorkFolder(true)
        .build()
        .map(i -> noted(notes, i), List.of(0, 1, 2));
    Path map = left().get(0);
    byte[] bytes = Files.readAllBytes(map.resolve("results/000001"));
    bytes[bytes.length - 1]++;
    Files.write(map.resolve("results/000001"), bytes);
    Files.delete(map.resolve("results/000002"));

    List<Integer> results =
        QueuePool.resume(map, pool(new LocalScheduler(2)).keepWorkFolder(true).build());

    assertThat(results).containsExactly(0, 1, 4);
    assertThat(List.of(runs(0), runs(1), runs(2))).containsExactly("x", "xx", "xx");
    assertThat(told.messages)
        .anyMatch(text -> text.contains("results/000001 is damaged: its checksum"));
  }

  @Test
  void whatIsNoFolderOfAMapIsNotResumed() {
    assertThatThrownBy(() -> QueuePool.resume(folder))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("no folder of a map");
  }

  @Test
  void whatOthersCanHaveWrittenIsNotRun() throws IOException {
    String notes = notes();
    pool(new LocalScheduler(2)).keepWorkFolder(true).build().map(i -> noted(notes, i), List.of(0));
    Path map = left().get(0);
    Files.setPosixFilePermissions(map, PosixFilePermissions.fromString("rwxrwxrwx"));

    assertThatThrownBy(() -> QueuePool.resume(map))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll(map.toString(), "others can write it", "chmod go-w");
  }

  @Test
  void valuesOfTheEnvironmentReachTheTasksAsTheyAre() {
    String nasty = "it's \"$HOME\" `date` $(date) \\ %s\n#$ -q evil\n#SBATCH --evil\n'end'\n ä";

    List<String> results =
        pool(scheduler("sge"))
            .environment(Map.of("NASTY", nasty, "SLURM_JOB_ID", "7", "LC_ALL", "C.UTF-8"))
            .build()
            .map(i -> System.getenv("NASTY") + System.getenv("SLURM_JOB_ID"), List.of(1));

    assertThat(results).containsExactly(nasty + null);
  }

  @Test
  void anInterruptedMapDeletesItsJobs() throws IOException {
    Progress interrupts =
        counts -> {
          if (counts.running() > 0) {
            Thread.currentThread().interrupt();
          }
        };

    assertThatThrownBy(
            () ->
                pool(scheduler("slurm"))
                    .progress(interrupts)
                    .build()
                    .map(
                        i -> {
                          TimeUnit.MINUTES.sleep(2);
                          return i;
                        },
                        List.of(1, 2)))
        .isInstanceOf(CancellationException.class)
        .hasMessageContaining("QueuePool.resume(" + left().get(0));
    assertThat(Thread.interrupted()).isTrue();
  }
}
