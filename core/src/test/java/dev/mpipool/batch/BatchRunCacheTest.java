package dev.mpipool.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.awaitility.Awaitility.await;

import dev.mpipool.dispatch.Desk;
import dev.mpipool.protocol.Chunk;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Batches whose results are kept in a folder, and whose chunks are answered by the test. */
@Timeout(30)
class BatchRunCacheTest {

  private static final long MILLISECOND = TimeUnit.MILLISECONDS.toNanos(1);

  @TempDir Path folder;

  private final Desk desk = new Desk(2);

  /** What the answering thread has been sent: how many items of chunks, and the rest. */
  private int items;

  private final List<BatchRun> runs = new ArrayList<>();

  @AfterEach
  void giveFoldersBack() throws Exception {
    desk.dispatcher.breakDown("The test ends", null);
    for (BatchRun run : runs) {
      assertThat(run.await(TimeUnit.SECONDS.toNanos(10))).isTrue();
    }
  }

  private BatchRun start(Path cache, Iterable<?> elements) throws Exception {
    BatchRun run =
        new BatchRun(
            desk.dispatcher,
            desk.serializer,
            desk.serializer.encode("function"),
            "code",
            new ItemSource(elements),
            new BatchOptions(1, 0, null, cache));
    run.start(null);
    runs.add(run);
    return run;
  }

  private static List<Integer> range(int from, int to) {
    return IntStream.range(from, to).boxed().toList();
  }

  private void answerWhatComes() throws Exception {
    for (Desk.Sent sent : desk.news()) {
      if (sent.kind() == EntryKind.CHUNK) {
        items += Chunk.count(sent.body());
        desk.receive(
            sent.rank(),
            new Entry(
                EntryKind.RESULT,
                sent.id(),
                BatchRunTest.outcome(sent, Integer.MAX_VALUE, MILLISECOND)));
      }
    }
  }

  /** Answers all that comes until the batch is at its end; returns its results in order. */
  private List<Object> answerToEnd(BatchRun run) throws Exception {
    await()
        .until(
            () -> {
              answerWhatComes();
              return run.isFinishedNow();
            });
    List<Object> results = new ArrayList<>();
    Object[] next = run.take(true, 0);
    while (next != null) {
      results.addAll(Arrays.asList(next));
      next = run.take(true, next.length);
    }
    return results;
  }

  @Test
  void whatIsKeptIsNotSentAndStandsInItsPlace() throws Exception {
    assertThat(answerToEnd(start(folder, List.of(0, 1, 2)))).containsExactly(0, 10, 20);
    assertThat(items).isEqualTo(3);
    BatchRun more = start(folder, List.of(0, 1, 2, 3, 4));

    assertThat(answerToEnd(more)).containsExactly(0, 10, 20, 30, 40);
    assertThat(items).as("two more").isEqualTo(5);
    assertThat(answerToEnd(start(folder, range(0, 5)))).containsExactly(0, 10, 20, 30, 40);
    assertThat(items).as("none more").isEqualTo(5);
  }

  @Test
  void whatIsKeptComesWhileOthersAreUnderWay() throws Exception {
    answerToEnd(start(folder, List.of(0)));
    BatchRun run = start(folder, List.of(0, 1));

    assertThat(run.take(false, 0)).containsExactly(0);
    assertThat(run.takenFrom()).isZero();
    assertThat(answerToEnd(run)).containsExactly(10);
    assertThat(run.takenFrom()).isEqualTo(1);
  }

  @Tag("slow")
  @Test
  void keptResultsWaitForTheirConsumerLikeOthers() throws Exception {
    answerToEnd(start(folder, range(0, 100)));
    List<Integer> taken = new ArrayList<>();
    Iterable<Integer> elements = () -> range(0, 100).stream().peek(taken::add).iterator();
    BatchRun run = start(folder, elements);
    run.consume();
    int before = 0;
    int most = 0;
    for (int i = 0; i < 100; i++) {
      Object[] next = run.take(true, before);
      assertThat(next).containsExactly(10 * i);
      before = next.length;
      most = Math.max(most, taken.size() - i);
    }

    assertThat(run.take(true, before)).isNull();
    assertThat(most).as("four for each task thread, and what is just being had").isLessThan(20);
  }

  @Test
  void aFolderBelongsToOneBatchUntilItsEnd() throws Exception {
    BatchRun first = start(folder, range(0, 3));
    assertThatThrownBy(() -> start(folder, range(0, 3)))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageStartingWith("Results cannot be cached in " + folder + ": ");
    answerToEnd(first);

    assertThat(answerToEnd(start(folder, range(0, 3)))).containsExactly(0, 10, 20);
  }

  @Test
  void aPoolThatIsShutDownKeepsNoFolder() throws Exception {
    desk.dispatcher.shutdown();
    assertThatThrownBy(() -> start(folder, range(0, 3)))
        .isInstanceOf(RejectedExecutionException.class);

    new ItemCache(folder, Desk.SERIALIZER).close();
  }

  @Test
  void whoHasCancelledMayBeginAnew() throws Exception {
    BatchRun run = start(folder, range(0, 10));
    List<Desk.Sent> held = new ArrayList<>();
    await()
        .until(
            () -> {
              desk.news().stream().filter(s -> s.kind() == EntryKind.CHUNK).forEach(held::add);
              return held.size() == 2;
            });
    assertThat(run.cancel()).isTrue();

    BatchRun anew = start(folder, range(0, 10));
    held.forEach(one -> desk.receive(one.rank(), new Entry(EntryKind.DROPPED, one.id())));
    assertThat(answerToEnd(anew)).hasSize(10);
  }

  @Test
  void aBatchWhoseResultsCannotBeKeptEnds() throws Exception {
    Path away = folder.resolve("away");
    BatchRun run = start(away, range(0, 10));
    await().until(() -> desk.dispatcher.idling() < 2);
    try (var files = Files.walk(away)) {
      for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
        Files.delete(file);
      }
    }
    Throwable ended = catchThrowable(() -> answerToEnd(run));

    assertThat(ended).isInstanceOf(BatchEndedException.class).hasCauseInstanceOf(IOException.class);
  }
}
