package dev.mpipool;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.mpipool.files.Claims;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.ExecutionException;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Batches whose results are kept in a folder, on two local workers. */
@Timeout(60)
@ExtendWith(LocalPools.class)
class CachedBatchTest {

  private static final Set<Integer> RAN = new ConcurrentSkipListSet<>();

  @TempDir Path temporary;
  private Path folder;
  private MPIExecutor executor;

  @BeforeEach
  void open() {
    RAN.clear();
    folder = temporary.resolve("cache");
    executor = new MPIExecutor();
  }

  @AfterEach
  void close() {
    executor.close();
  }

  private static List<Integer> range(int end) {
    return IntStream.range(0, end).boxed().toList();
  }

  private static int square(int x) {
    RAN.add(x);
    return x * x;
  }

  private static int squareUnless(int x, int failing) {
    if (x == failing) {
      throw new IllegalArgumentException("not " + x);
    }
    return square(x);
  }

  @Test
  void whatIsThereIsNotComputedAgainAndKeepsItsPlace() throws Exception {
    List<Integer> squares = range(2000).stream().map(x -> x * x).toList();
    assertThat(executor.batch().cachedIn(folder).submit(x -> square(x), range(1000)).results())
        .isEqualTo(squares.subList(0, 1000));
    assertThat(RAN).hasSize(1000);
    RAN.clear();
    assertThat(executor.batch().cachedIn(folder).map(x -> square(x), range(2000)))
        .isEqualTo(squares);
    assertThat(RAN).hasSize(1000).doesNotContain(999);
    RAN.clear();
    assertThat(executor.batch().cachedIn(folder).unordered().map(x -> square(x), range(2000)))
        .containsExactlyInAnyOrderElementsOf(squares);
    assertThat(RAN).isEmpty();
  }

  /** Where elements of arrays had another order, for example: they would be other numbers. */
  @Test
  void resultsInAnEarlierEncodingAreComputedAgain() throws Exception {
    assertThat(executor.batch().cachedIn(folder).map(x -> square(x), range(50))).hasSize(50);
    RAN.clear();
    int written = 0;
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        byte[] bytes = Files.readAllBytes(file);
        if (new String(bytes, US_ASCII).startsWith("mpt")) {
          bytes[3] = '1';
          Files.write(file, bytes);
          written++;
        }
      }
    }
    assertThat(written).isPositive();
    assertThat(executor.batch().cachedIn(folder).map(x -> square(x), range(50))).hasSize(50);
    assertThat(RAN).hasSize(50);
  }

  @Test
  void failuresAreNotKept() throws Exception {
    List<Integer> failed = new ArrayList<>();
    for (var future :
        executor.batch().cachedIn(folder).submit(x -> squareUnless(x, 7), range(50)).ordered()) {
      try {
        future.get();
      } catch (ExecutionException e) {
        failed.add(1);
      }
    }
    assertThat(failed).hasSize(1);
    RAN.clear();
    assertThat(executor.batch().cachedIn(folder).submit(x -> square(x), range(50)).results())
        .hasSize(50);
    assertThat(RAN).containsExactly(7);
  }

  @Test
  void nullIsKeptAndTwoArgumentsAreOneElement() throws Exception {
    for (int round = 0; round < 2; round++) {
      List<Integer> results =
          executor
              .batch()
              .cachedIn(folder)
              .submit((a, b) -> square(a) + b == 1 ? 1 : null, range(3), List.of(1, 1, 1))
              .results();
      assertThat(results).containsExactly(1, null, null);
      assertThat(RAN).hasSize(round == 0 ? 3 : 0);
      RAN.clear();
    }
  }

  /** Results are on the disk before anybody asks for them. */
  @Test
  void eachResultIsSavedAsItComes() throws Exception {
    Iterable<Integer> stuck =
        () ->
            new Iterator<>() {
              private int next;

              @Override
              public boolean hasNext() {
                return true;
              }

              @Override
              public Integer next() {
                if (next == 3) {
                  await().until(() -> Files.exists(temporary.resolve("go")));
                }
                return next++;
              }
            };
    try (Batch<Integer> batch = executor.batch().cachedIn(folder).submit(x -> square(x), stuck)) {
      assertThat(batch.submitted()).isFalse();
      // a header, and three records with an int each
      await()
          .atMost(Duration.ofSeconds(10))
          .until(
              () ->
                  Files.exists(folder.resolve("results.1"))
                      && Files.size(folder.resolve("results.1")) == 28 + 3 * (28 + 5));
      assertThatThrownBy(() -> executor.batch().cachedIn(folder).submit(x -> square(x), range(3)))
          .isInstanceOf(UncheckedIOException.class)
          .hasMessageContaining("is in use by job a batch");
      Files.createFile(temporary.resolve("go"));
    }
  }

  @Test
  void anotherElementIsNoticed() throws Exception {
    executor.batch().cachedIn(folder).submit(x -> square(x), range(5)).results();
    List<Integer> others = List.of(0, 1, 2, 99, 4);
    assertThatThrownBy(
            () -> executor.batch().cachedIn(folder).submit(x -> square(x), others).results())
        .hasCauseInstanceOf(IllegalStateException.class)
        .hasMessageContaining("another element 3 than [99]");
    assertThat(executor.batch().cachedIn(folder).map(x -> square(x), range(5))).hasSize(5);
  }

  @Test
  void folderThatSomebodyHasOrCannotBeMadeIsToldAtOnce() throws Exception {
    Files.createDirectories(folder);
    try (Claims other = new Claims("the other")) {
      assertThat(other.claim(folder)).isPresent();
      assertThatThrownBy(() -> executor.batch().cachedIn(folder).submit(x -> square(x), range(3)))
          .isInstanceOf(UncheckedIOException.class)
          .hasMessageContaining("the other");
    }
    Path noFolder = Files.createFile(temporary.resolve("file"));
    assertThatThrownBy(() -> executor.batch().cachedIn(noFolder).submit(x -> square(x), range(3)))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining(noFolder.toString());
  }

  @Test
  void streamThatIsClosedHalfWayLeavesWhatItHad() {
    try (Stream<Integer> stream =
        executor.batch().cachedIn(folder).map(x -> square(x), range(10_000))) {
      assertThat(stream.limit(100)).hasSize(100);
    }
    RAN.clear();
    assertThat(executor.batch().cachedIn(folder).map(x -> square(x), range(10_000)))
        .hasSize(10_000);
    assertThat(RAN).hasSizeLessThanOrEqualTo(9_900).doesNotContain(0, 50, 99);
  }
}
