package dev.mpipool.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mpipool.BatchBuilder;
import dev.mpipool.BrokenExecutorException;
import dev.mpipool.MPIExecutor;
import dev.mpipool.SerializableFunction;
import dev.mpipool.TaskSerializationException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Spliterator;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.commons.lang3.exception.ExceptionUtils;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/**
 * What reads results one by one gets, whatever the pool and the verb, those before a failure, the
 * failure, and then nothing more, however far the work has got meanwhile.
 */
@Timeout(120)
@ExtendWith(TwoWorkers.class)
class AfterFailureTest {

  enum Verb {
    SERIAL_IMAP,
    SERIAL_IMAP_UNORDERED,
    THREADS_IMAP,
    THREADS_IMAP_UNORDERED,
    POOL_IMAP,
    POOL_IMAP_UNORDERED,
    EXECUTOR_MAP,
    EXECUTOR_MAP_UNORDERED,
    BATCH_STREAM;

    boolean isOrdered() {
      return !name().endsWith("UNORDERED") || isSerial();
    }

    boolean isSerial() {
      return name().startsWith("SERIAL");
    }

    boolean isPools() {
      return name().contains("IMAP");
    }
  }

  private MPIExecutor executor;
  private Pool pool;
  private Duration timeout;

  /** Opens what the verb needs. */
  private void open(Verb verb, MPIExecutor.Builder options) {
    if (verb.isSerial()) {
      pool = Pools.serial();
    } else if (verb.name().startsWith("THREADS")) {
      pool = Pools.threads(2);
    } else {
      executor = options.open();
      pool = new MPIPool(executor, true);
    }
  }

  private <R> Stream<R> read(
      Verb verb,
      int chunkSize,
      SerializableFunction<Integer, R> fn,
      Iterable<? extends Integer> items) {
    if (pool == null) {
      open(verb, MPIExecutor.builder());
    }
    return switch (verb) {
      case SERIAL_IMAP, THREADS_IMAP, POOL_IMAP -> pool.imap(fn, items, chunkSize);
      case SERIAL_IMAP_UNORDERED, THREADS_IMAP_UNORDERED, POOL_IMAP_UNORDERED ->
          pool.imapUnordered(fn, items, chunkSize);
      case EXECUTOR_MAP -> batch(chunkSize).map(fn, items);
      case EXECUTOR_MAP_UNORDERED -> batch(chunkSize).unordered().map(fn, items);
      case BATCH_STREAM -> batch(chunkSize).<Integer, R>submit(fn, items).stream();
    };
  }

  private BatchBuilder batch(int chunkSize) {
    BatchBuilder batch = executor.batch();
    if (timeout != null) {
      batch.timeout(timeout);
    }
    return chunkSize == 0 ? batch : batch.chunkSize(chunkSize);
  }

  @AfterEach
  void close() {
    if (pool != null) {
      pool.close();
    }
  }

  private static List<Integer> range(int end) {
    return IntStream.range(0, end).boxed().toList();
  }

  /** What a loop gets that notes a failure and goes on. */
  private static final class Read {
    final List<Object> values = new ArrayList<>();
    final List<Throwable> failures = new ArrayList<>();

    boolean isEndInSight() {
      return values.size() < 100_000 && failures.size() < 5;
    }
  }

  private static Read readOn(Iterator<?> results) {
    Read read = new Read();
    boolean more = true;
    while (more && read.isEndInSight()) {
      try {
        more = results.hasNext();
        if (more) {
          read.values.add(results.next());
        }
      } catch (RuntimeException e) {
        read.failures.add(e);
      }
    }
    hasEnded(results);
    return read;
  }

  private static Read readOnWithoutAsking(Iterator<?> results) {
    Read read = new Read();
    boolean more = true;
    while (more && read.isEndInSight()) {
      try {
        read.values.add(results.next());
      } catch (NoSuchElementException e) {
        more = false;
      } catch (RuntimeException e) {
        read.failures.add(e);
      }
    }
    hasEnded(results);
    return read;
  }

  private static void hasEnded(Iterator<?> results) {
    for (int i = 0; i < 3; i++) {
      assertThat(results.hasNext()).isFalse();
      assertThatThrownBy(results::next).isInstanceOf(NoSuchElementException.class);
    }
  }

  private static void assertBefore(Verb verb, Read read, int count) {
    if (verb.isOrdered()) {
      assertThat(read.values).isEqualTo(range(count));
    } else {
      assertThat(read.values).doesNotHaveDuplicates().doesNotContain(count);
    }
  }

  @ParameterizedTest
  @EnumSource
  void anElementThatFails(Verb verb) {
    for (int chunkSize : new int[] {0, 1, 7}) {
      for (int bad : new int[] {0, 3, 1_999}) {
        SerializableFunction<Integer, Integer> fn =
            x -> {
              if (x == bad) {
                throw new IllegalStateException("bad star");
              }
              return x;
            };
        for (Read read :
            List.of(
                readOn(read(verb, chunkSize, fn, range(2_000)).iterator()),
                readOnWithoutAsking(read(verb, chunkSize, fn, range(2_000)).iterator()))) {
          assertThat(read.failures)
              .singleElement()
              .isInstanceOf(CompletionException.class)
              .extracting(Throwable::getCause)
              .isInstanceOf(IllegalStateException.class)
              .hasToString("java.lang.IllegalStateException: bad star");
          if (verb.isPools()) {
            assertThat(read.failures.get(0))
                .hasMessageStartingWith("Element %d (%d) failed: ".formatted(bad, bad));
          }
          assertBefore(verb, read, bad);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void anElementThatFailsWithWhatAlsoCancelsIsTheOneThatIsBlamed(Verb verb) {
    Read read =
        readOn(
            read(
                    verb,
                    1,
                    x -> {
                      if (x == 3) {
                        throw new CancellationException("of the task");
                      }
                      return x;
                    },
                    range(50))
                .iterator());
    assertThat(read.failures)
        .singleElement()
        .isInstanceOf(CompletionException.class)
        .extracting(Throwable::getCause)
        .hasToString("java.util.concurrent.CancellationException: of the task");
    assertBefore(verb, read, 3);
  }

  @ParameterizedTest
  @EnumSource
  void severalElementsThatFail(Verb verb) {
    Read read =
        readOn(
            read(
                    verb,
                    0,
                    x -> {
                      if (x % 10 == 9) {
                        throw new IllegalStateException("bad star " + x);
                      }
                      return x;
                    },
                    range(5_000))
                .iterator());
    assertThat(read.failures)
        .singleElement()
        .extracting(Throwable::getCause)
        .isInstanceOf(IllegalStateException.class);
    assertBefore(verb, read, 9);
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.MATCH_NONE, names = "SERIAL.*")
  void aResultThatCannotTravel(Verb verb) {
    Read read =
        readOn(read(verb, 0, x -> x == 20 ? new Object() : (Object) x, range(2_000)).iterator());
    assertThat(read.failures)
        .singleElement()
        .extracting(Throwable::getCause)
        .isInstanceOf(TaskSerializationException.class);
    assertBefore(verb, read, 20);
  }

  /** Fails at one place and would go on after it. */
  private static Iterable<Integer> failing(String where) {
    return () -> {
      if (where.equals("iterator")) {
        throw new IllegalStateException("broken catalogue");
      }
      return new Iterator<>() {
        private int next;
        private boolean failed;

        private void failOnce(String method) {
          if (next == 40 && !failed && where.equals(method)) {
            failed = true;
            throw new IllegalStateException("broken catalogue");
          }
        }

        @Override
        public boolean hasNext() {
          failOnce("hasNext");
          return next < 2_000;
        }

        @Override
        public Integer next() {
          failOnce("next");
          return next++;
        }
      };
    };
  }

  @ParameterizedTest
  @EnumSource
  void anIterableThatFails(Verb verb) {
    for (String where : List.of("iterator", "hasNext", "next")) {
      Read read = readOn(read(verb, 0, x -> x, failing(where)).iterator());
      assertThat(read.failures)
          .singleElement()
          .isInstanceOf(CompletionException.class)
          .extracting(Throwable::getCause)
          .hasToString("java.lang.IllegalStateException: broken catalogue");
      assertThat(read.values)
          .containsExactlyInAnyOrderElementsOf(range(where.equals("iterator") ? 0 : 40));
    }
  }

  @ParameterizedTest
  @EnumSource
  void aStreamThatIsClosedWhileItIsRead(Verb verb) {
    Stream<Integer> stream = read(verb, 1, x -> x, new Endless());
    Iterator<Integer> results = stream.iterator();
    for (int i = 0; i < 5; i++) {
      assertThat(results.next()).isNotNegative();
    }
    stream.close();
    Read read = readOn(results);
    assertThat(read.failures).singleElement().isInstanceOf(CancellationException.class);
    assertThat(read.values.size()).isLessThan(100);
  }

  @ParameterizedTest
  @EnumSource
  void aStreamThatIsClosedBeforeItIsRead(Verb verb) {
    Stream<Integer> stream = read(verb, 1, x -> x, new Endless());
    Iterator<Integer> results = stream.iterator();
    stream.close();
    assertThat(readOn(results).failures).singleElement().isInstanceOf(CancellationException.class);
  }

  @ParameterizedTest
  @EnumSource
  void aPoolThatIsClosedOrTerminatedWhileItIsRead(Verb verb) {
    for (boolean terminate : new boolean[] {false, true}) {
      Iterator<Integer> results = read(verb, 1, x -> x, new Endless()).iterator();
      for (int i = 0; i < 5; i++) {
        assertThat(results.next()).isNotNegative();
      }
      if (terminate) {
        pool.terminate();
      } else {
        pool.close();
      }
      Read read = readOn(results);
      assertThat(read.failures)
          .singleElement()
          .isInstanceOf(terminate ? CancellationException.class : RejectedExecutionException.class);
      assertThat(read.values.size()).isLessThan(100);
      pool.close();
      pool = null;
    }
  }

  @ParameterizedTest
  @EnumSource(
      mode = Mode.INCLUDE,
      names = {
        "POOL_IMAP",
        "POOL_IMAP_UNORDERED",
        "EXECUTOR_MAP",
        "EXECUTOR_MAP_UNORDERED",
        "BATCH_STREAM"
      })
  void aPoolThatBreaksWhileItIsRead(Verb verb) {
    int gate = Gate.make();
    open(
        verb,
        MPIExecutor.builder()
            .initializer(
                () -> {
                  if (MPIExecutor.currentRank() == 2) {
                    Gate.pass(gate);
                    throw new IllegalStateException("no licence");
                  }
                }));
    Iterator<Integer> results = read(verb, 1, x -> x, new Endless()).iterator();
    assertThat(results.next()).isNotNegative();
    Gate.open(gate);
    Read read = readOn(results);
    assertThat(read.failures)
        .singleElement()
        .satisfies(
            e -> {
              assertThat(ExceptionUtils.indexOfType(e, BrokenExecutorException.class))
                  .isNotNegative();
              assertThat(e).hasRootCauseMessage("no licence");
              assertThat(e.getMessage()).doesNotContain("Element");
            });
  }

  @ParameterizedTest
  @EnumSource(
      mode = Mode.INCLUDE,
      names = {"EXECUTOR_MAP", "EXECUTOR_MAP_UNORDERED", "BATCH_STREAM"})
  void aTimeoutWhileItIsRead(Verb verb) {
    timeout = Duration.ofSeconds(2);
    int gate = Gate.make();
    Read read = readOn(read(verb, 1, x -> x == 5 ? Gate.pass(gate) : x, new Endless()).iterator());
    assertThat(read.failures)
        .singleElement()
        .isInstanceOf(CompletionException.class)
        .extracting(Throwable::getCause)
        .isInstanceOf(TimeoutException.class);
    assertBefore(verb, read, 5);
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.MATCH_NONE, names = "SERIAL.*")
  void anInterruptWhileItIsRead(Verb verb) {
    int gate = Gate.make();
    Iterator<Integer> results =
        read(verb, 1, x -> x == 0 ? Gate.pass(gate) : -x, List.of(0, 0)).iterator();
    Thread.currentThread().interrupt();
    assertThatThrownBy(results::hasNext)
        .isInstanceOf(CompletionException.class)
        .hasCauseInstanceOf(InterruptedException.class);
    assertThat(Thread.interrupted()).isTrue();
    Gate.open(gate);
    hasEnded(results);
  }

  @ParameterizedTest
  @EnumSource
  void readInParallelOrSplit(Verb verb) {
    SerializableFunction<Integer, Integer> fn =
        x -> {
          if (x == 3_000) {
            throw new IllegalStateException("bad star");
          }
          return x;
        };
    assertThatThrownBy(() -> read(verb, 0, fn, range(10_000)).parallel().forEach(x -> {}))
        .isInstanceOf(CompletionException.class)
        .hasRootCauseMessage("bad star");
    Spliterator<Integer> split = read(verb, 0, fn, range(10_000)).spliterator();
    assertThatThrownBy(
            () -> {
              while (split.trySplit() != null) {
                // its values are not looked at
              }
            })
        .hasRootCauseMessage("bad star");
    assertThat(split.tryAdvance(x -> {})).isFalse();
    assertThat(split.trySplit()).isNull();
  }
}
