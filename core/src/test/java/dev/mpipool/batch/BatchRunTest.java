package dev.mpipool.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.greaterThanOrEqualTo;
import static org.hamcrest.Matchers.lessThanOrEqualTo;

import dev.mpipool.BrokenExecutorException;
import dev.mpipool.TaskSerializationException;
import dev.mpipool.dispatch.Desk;
import dev.mpipool.protocol.Chunk;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.serial.ItemFunction;
import dev.mpipool.testing.PoolThreads;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Batches whose chunks are answered by the test. */
@Timeout(30)
class BatchRunTest {

  private static final long MILLISECOND = TimeUnit.MILLISECONDS.toNanos(1);

  private static final ItemFunction TENFOLD =
      new ItemFunction() {
        private static final long serialVersionUID = 1;

        @Override
        public Object code() {
          return this;
        }

        @Override
        public int arity() {
          return 1;
        }

        @Override
        public Object call(Object a, Object b, Object c) {
          if (a.equals(-13)) {
            throw new IllegalArgumentException("minus thirteen");
          }
          return 10 * (Integer) a;
        }
      };

  private Desk desk = new Desk(2);
  private final List<Desk.Sent> chunks = new ArrayList<>();

  private BatchRun start(BatchOptions options, Iterable<?> items) throws Exception {
    BatchRun run = made(options, items);
    run.start(null);
    return run;
  }

  private BatchRun made(BatchOptions options, Iterable<?> items) throws Exception {
    return new BatchRun(
        desk.dispatcher,
        desk.serializer,
        desk.serializer.encode("function"),
        "code",
        new ItemSource(items),
        options);
  }

  private static List<Integer> range(int count) {
    return IntStream.range(0, count).boxed().toList();
  }

  private static BatchOptions chunksOf(int size) {
    return new BatchOptions(size, 0, null, null);
  }

  private static BatchOptions lookAhead(int items) {
    return new BatchOptions(1, items, null, null);
  }

  private static Desk.Sent only(List<Desk.Sent> sent, EntryKind kind) {
    List<Desk.Sent> found = sent.stream().filter(one -> one.kind() == kind).toList();
    assertThat(found).hasSize(1);
    return found.get(0);
  }

  /** The chunks that come, when there are so many. */
  private List<Desk.Sent> awaitChunks(int count) {
    await()
        .untilAsserted(
            () -> {
              desk.news().stream()
                  .filter(sent -> sent.kind() == EntryKind.CHUNK)
                  .forEach(chunks::add);
              assertThat(chunks).hasSizeGreaterThanOrEqualTo(count);
            });
    List<Desk.Sent> all = List.copyOf(chunks);
    chunks.clear();
    return all;
  }

  /**
   * A long chunk, not answered, and the request to give a part of it back. If the items did not
   * come all at once, for a feeder that makes workers wait hands in what it has, the rest is
   * answered.
   */
  private List<Desk.Sent> awaitRecall() {
    List<Desk.Sent> sent = new ArrayList<>();
    await()
        .until(
            () -> {
              for (Desk.Sent one : desk.news()) {
                boolean chunk = one.kind() == EntryKind.CHUNK;
                if (chunk && (Chunk.count(one.body()) < 10 || !sent.isEmpty())) {
                  answer(one);
                } else if (one.kind() == EntryKind.RECALL && one.body().getInt(0) > 0) {
                  returnNothing(one); // it was for tasks that are done by now
                } else if (chunk || one.kind() == EntryKind.RECALL) {
                  sent.add(one);
                }
              }
              return sent.size() == 2;
            });
    return sent;
  }

  private void returnNothing(Desk.Sent recall) throws Exception {
    desk.receive(recall.rank(), new Entry(EntryKind.RETURNED, 0));
  }

  private void awaitNews(String... texts) {
    List<String> news = new ArrayList<>();
    await()
        .untilAsserted(
            () -> {
              news.addAll(desk.newsAsText());
              assertThat(news).contains(texts);
            });
  }

  static ByteBuffer outcome(Desk.Sent chunk, int done, long nanos) throws Exception {
    Chunk.Continuation continuation =
        new Chunk.Continuation() {
          private int asked;

          @Override
          public boolean wanted() {
            return true;
          }

          @Override
          public boolean recalled() {
            return ++asked >= done;
          }
        };
    ByteBuffer outcome = Chunk.run(chunk.body(), TENFOLD, Desk.SERIALIZER, continuation, 64);
    return outcome.putLong(outcome.position(), nanos);
  }

  private void answer(Desk.Sent chunk) throws Exception {
    answer(chunk, Integer.MAX_VALUE, 50 * MILLISECOND);
  }

  /** Its first items are done, and the others given back. */
  private void answer(Desk.Sent chunk, int done, long nanos) throws Exception {
    Entry answer = new Entry(EntryKind.RESULT, chunk.id(), outcome(chunk, done, nanos));
    desk.receive(chunk.rank(), answer);
  }

  /** Answers all that comes until so many items are done. */
  private void answerAll(int items, long nanosPerItem) throws Exception {
    int done = 0;
    while (done < items) {
      for (Desk.Sent chunk : awaitChunks(1)) {
        int count = Chunk.count(chunk.body());
        done += count;
        answer(chunk, Integer.MAX_VALUE, count * nanosPerItem);
      }
    }
  }

  private static List<Object> takeAll(BatchRun run, boolean ordered) throws Exception {
    List<Object> values = new ArrayList<>();
    int before = 0;
    Object[] next = run.take(ordered, before);
    while (next != null) {
      values.addAll(Arrays.asList(next));
      before = next.length;
      next = run.take(ordered, before);
    }
    return values;
  }

  private static boolean areFull(Desk.Sent... chunksOfTwo) {
    return Stream.of(chunksOfTwo).allMatch(chunk -> Chunk.count(chunk.body()) == 2);
  }

  @Test
  void chunksGoOutWithTheirFunctionFirstAndComeBackInOrder() throws Exception {
    BatchRun run = start(chunksOf(2), range(5));
    await().until(() -> desk.dispatcher.idling() == 0);
    List<Desk.Sent> sent = desk.news();
    for (int i = 0; i < 100 && !areFull(sent.get(1), sent.get(3)); i++) {
      run.cancel(); // the feeder was kept from running, and workers do not wait for a full chunk
      desk = new Desk(2);
      run = start(chunksOf(2), range(5));
      await().until(() -> desk.dispatcher.idling() == 0);
      sent = desk.news();
    }
    assertThat(run.consume()).isTrue();
    assertThat(run.consume()).isFalse();
    assertThat(sent.stream().map(Desk.Sent::kind))
        .containsExactly(EntryKind.PUT, EntryKind.CHUNK, EntryKind.PUT, EntryKind.CHUNK);
    assertThat(Chunk.function(sent.get(1).body())).isEqualTo(sent.get(0).id());
    assertThat(areFull(sent.get(1), sent.get(3))).isTrue();
    answer(sent.get(3));
    Desk.Sent third = awaitChunks(1).get(0);
    assertThat(Chunk.count(third.body())).isEqualTo(1);
    answer(third);
    answer(sent.get(1));

    assertThat(run.take(true, 0)).containsExactly(0, 10);
    assertThat(run.takenFrom()).isZero();
    assertThat(run.take(true, 2)).containsExactly(20, 30);
    assertThat(run.takenFrom()).isEqualTo(2);
    assertThat(run.take(true, 2)).containsExactly(40);
    assertThat(run.takenFrom()).isEqualTo(4);
    assertThat(run.take(true, 1)).isNull();
    awaitNews("1 FORGET", "2 FORGET");
  }

  @Test
  void asTheyCompleteTheyComeInTheOrderOfTheAnswers() throws Exception {
    BatchRun run = start(chunksOf(2), range(4));
    List<Desk.Sent> sent = awaitChunks(2);
    answer(sent.get(1));
    assertThat(run.take(false, 0)).containsExactly(20, 30);
    answer(sent.get(0));
    assertThat(run.take(false, 2)).containsExactly(0, 10);
    assertThat(run.take(false, 2)).isNull();
    assertThat(run.isFinishedNow()).isTrue();
  }

  @Test
  void anItemThatFailsIsAnOutcomeAmongOthers() throws Exception {
    BatchRun run = start(chunksOf(3), List.of(12, -13, 14));
    answerAll(3, MILLISECOND);
    List<Object> outcomes = takeAll(run, true);
    assertThat(outcomes).hasSize(3).startsWith(120).endsWith(140);
    assertThat(((Failed) outcomes.get(1)).cause())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("minus thirteen");
  }

  @Test
  void whatAWorkerGivesBackOfAChunkIsRunByOthersAndKeepsItsPlace() throws Exception {
    BatchRun run = start(chunksOf(20), range(20));
    List<Desk.Sent> sent = awaitRecall();
    Desk.Sent whole = only(sent, EntryKind.CHUNK);
    Desk.Sent recall = only(sent, EntryKind.RECALL);
    assertThat(recall.rank()).isEqualTo(whole.rank());
    assertThat(recall.body().getInt(0)).isZero();
    int given = Chunk.count(whole.body()) - 4;
    desk.receive(whole.rank(), new Entry(EntryKind.RETURNED, 0));
    answer(whole, 4, 50 * MILLISECOND);
    int items = 0;
    int pieces = 0;
    while (items < given) {
      for (Desk.Sent piece : awaitChunks(1)) {
        items += Chunk.count(piece.body());
        pieces++;
        answer(piece);
      }
    }
    assertThat(pieces).as("two for each task thread").isEqualTo(4);
    assertThat(takeAll(run, true)).isEqualTo(range(20).stream().map(i -> 10 * i).toList());
  }

  @Test
  void aPartOfAChunkIsAskedBackAlsoWhenTasksHaveWaitedAtAWorkerBefore() throws Exception {
    Entry quick = new Entry(EntryKind.BUSY_TIME, 1_000);
    ByteBuffer five = desk.serializer.encode(5);
    desk.submit("warm");
    desk.receive(1, new Entry(EntryKind.RESULT, desk.nextTask(), five), quick);
    for (int i = 0; i < 8; i++) {
      desk.submit("task");
    }
    await()
        .until(
            () -> {
              for (Desk.Sent sent : desk.news()) {
                if (sent.kind() == EntryKind.TASK) {
                  desk.answer(sent.rank(), sent.id(), 5);
                } else {
                  returnNothing(sent);
                }
              }
              return desk.dispatcher.idling() == 2;
            });
    start(chunksOf(20), range(20));
    assertThat(only(awaitRecall(), EntryKind.RECALL).body().getInt(0)).isZero();
  }

  @Test
  void aChunkOfWhichNothingWasRunIsNoAnswer() throws Exception {
    BatchRun run = start(chunksOf(2), range(2));
    Desk.Sent chunk = awaitChunks(1).get(0);
    ByteBuffer nothing = ByteBuffer.allocate(9).put(8, (byte) Chunk.GIVEN_BACK);
    desk.receive(chunk.rank(), new Entry(EntryKind.RESULT, chunk.id(), nothing));
    assertThat(run.take(true, 0))
        .hasSize(2)
        .allSatisfy(
            outcome ->
                assertThat(((Failed) outcome).cause())
                    .isInstanceOf(TaskSerializationException.class)
                    .hasMessageContaining("not one item was run"));
  }

  @Test
  void anAnswerThatCannotBeReadFailsItsItemsAlone() throws Exception {
    BatchRun run = start(chunksOf(1), range(3));
    List<Desk.Sent> sent = awaitChunks(2);
    ByteBuffer unknown = ByteBuffer.allocate(9).put(8, (byte) 99);
    desk.receive(sent.get(0).rank(), new Entry(EntryKind.RESULT, sent.get(0).id(), unknown));
    ByteBuffer notBegun = ByteBuffer.allocate(9).put(8, (byte) Chunk.NOT_BEGUN);
    desk.receive(sent.get(1).rank(), new Entry(EntryKind.RESULT, sent.get(1).id(), notBegun));
    Desk.Sent third = awaitChunks(1).get(0);
    ByteBuffer badValue = ByteBuffer.allocate(10).put(9, (byte) 99);
    desk.receive(third.rank(), new Entry(EntryKind.RESULT, third.id(), badValue));

    assertThat(((Failed) run.take(true, 0)[0]).cause())
        .hasMessageContaining("an outcome of an unknown kind")
        .hasMessageContaining("from rank " + sent.get(0).rank());
    assertThat(((Failed) run.take(true, 1)[0]).cause()).isInstanceOf(CancellationException.class);
    assertThat(((Failed) run.take(true, 1)[0]).cause())
        .isInstanceOf(TaskSerializationException.class)
        .hasMessageContaining("The result of the task java.lang.String, element 2 from rank ");
  }

  @Test
  void aChunkOfALostWorkerIsRunByAnother() throws Exception {
    BatchRun run = start(chunksOf(2), range(2));
    Desk.Sent chunk = awaitChunks(1).get(0);
    desk.dispatcher.workerLost(chunk.rank(), "staged");
    Desk.Sent again = awaitChunks(1).get(0);
    assertThat(again.rank()).isNotEqualTo(chunk.rank());
    answer(again);
    assertThat(run.take(true, 0)).containsExactly(0, 10);
    assertThat(run.take(true, 2)).isNull();
  }

  @Test
  void noMoreIsTakenThanTheLookAheadUntilSomeIsConsumed() throws Exception {
    List<Integer> taken = new ArrayList<>();
    Iterable<Integer> counted =
        () ->
            IntStream.range(0, 100)
                .peek(
                    i -> {
                      synchronized (taken) {
                        taken.add(i);
                      }
                    })
                .iterator();
    BatchRun run = start(lookAhead(4), counted);
    run.consume();
    answerAll(4, MILLISECOND);
    // hasNext may be one ahead of next, and no more than the four are handed in
    Thread.sleep(50);
    synchronized (taken) {
      assertThat(taken).hasSizeBetween(4, 5);
    }
    assertThat(desk.news()).noneMatch(sent -> sent.kind() == EntryKind.CHUNK);
    assertThat(run.isSubmitted()).isFalse();
    assertThat(run.take(true, 0)).containsExactly(0);
    assertThat(run.take(true, 1)).containsExactly(10);
    run.take(true, 1);
    assertThat(awaitChunks(2)).hasSize(2);
    run.cancel();
  }

  @Test
  void whenElementsBecomeLongFewOfThemAreTakenAhead() throws Exception {
    int shortOnes = 4_000;
    AtomicInteger longOnes = new AtomicInteger();
    Iterable<Object> source =
        () ->
            IntStream.range(0, shortOnes + 200)
                .mapToObj(i -> i < shortOnes ? (Object) i : ofAMegabyte(longOnes))
                .iterator();
    BatchRun run = start(new BatchOptions(0, 0, null, null), source);
    run.runToEnd();
    answerAll(shortOnes, 1);
    await().untilAtomic(longOnes, greaterThanOrEqualTo(8));
    // four for each of two workers, and some in the chunk that has short ones, too
    await().during(200, TimeUnit.MILLISECONDS).untilAtomic(longOnes, lessThanOrEqualTo(16));
    run.cancel();
  }

  private static byte[] ofAMegabyte(AtomicInteger count) {
    count.incrementAndGet();
    return new byte[1 << 20];
  }

  @Test
  void whenSomebodyWaitsForTheEndNothingNeedsToBeConsumed() throws Exception {
    BatchRun run = start(lookAhead(2), range(10));
    assertThat(run.isFinishedNow()).isFalse(); // from now on it runs to its end
    answerAll(10, MILLISECOND);
    assertThat(run.await(TimeUnit.SECONDS.toNanos(20))).isTrue();
    assertThat(run.isFinishedNow()).isTrue();
    assertThat(run.isSubmitted()).isTrue();
    assertThat(takeAll(run, true)).hasSize(10);
  }

  @Test
  void awaitIsFalseWhenItsTimeIsUp() throws Exception {
    BatchRun run = start(chunksOf(1), range(1));
    Desk.Sent chunk = awaitChunks(1).get(0);
    assertThat(run.await(MILLISECOND)).isFalse();
    assertThat(run.await(0)).isFalse();
    answer(chunk);
    assertThat(run.await(TimeUnit.SECONDS.toNanos(20))).isTrue();
    assertThat(run.await(0)).isTrue();
  }

  @Tag("slow")
  @Test
  void chunksGrowTwofoldAtMostUpToAMillisecondOfWork() throws Exception {
    Iterable<Integer> ofUnknownSize = () -> range(2_000).iterator();
    BatchRun run = start(new BatchOptions(0, 0, null, null), ofUnknownSize);
    run.runToEnd();
    List<Integer> sizes = new ArrayList<>();
    int done = 0;
    while (done < 2_000) {
      for (Desk.Sent chunk : awaitChunks(1)) {
        int count = Chunk.count(chunk.body());
        done += count;
        sizes.add(count);
        answer(chunk, Integer.MAX_VALUE, count * MILLISECOND / 50);
      }
    }
    assertThat(sizes.get(0)).isEqualTo(1);
    assertThat(sizes).allMatch(size -> size <= 50).contains(50);
    assertThat(takeAll(run, false)).hasSize(2_000);
  }

  @Test
  void slowItemsTravelOneByOne() throws Exception {
    BatchRun run = start(new BatchOptions(0, 0, null, null), range(12));
    run.runToEnd();
    int done = 0;
    while (done < 12) {
      for (Desk.Sent chunk : awaitChunks(1)) {
        assertThat(Chunk.count(chunk.body())).isEqualTo(1);
        done++;
        answer(chunk, Integer.MAX_VALUE, 20 * MILLISECOND);
      }
    }
    assertThat(takeAll(run, true)).hasSize(12);
  }

  @Test
  void cancelDropsWhatIsUnderWayOnce() throws Exception {
    BatchRun run = start(chunksOf(1), range(10));
    List<Desk.Sent> sent = awaitChunks(2);
    assertThat(run.cancel()).isTrue();
    assertThat(run.cancel()).isFalse();
    assertThat(desk.newsAsText()).contains("1 CANCEL interrupt", "2 CANCEL interrupt");
    sent.forEach(one -> desk.receive(one.rank(), new Entry(EntryKind.DROPPED, one.id())));
    assertThat(run.await(TimeUnit.SECONDS.toNanos(20))).isTrue();
    int outcomes = 0;
    BatchEndedException ended = null;
    while (ended == null) {
      try {
        Object[] next = run.take(true, 0);
        outcomes += next.length;
        assertThat(next)
            .allSatisfy(
                one ->
                    assertThat(((Failed) one).cause()).isInstanceOf(CancellationException.class));
      } catch (BatchEndedException e) {
        ended = e;
      }
    }
    assertThat(ended).hasCauseInstanceOf(CancellationException.class);
    assertThat(outcomes).isBetween(2, 10);
    desk.dispatcher.shutdown();
    awaitNews("1 RELEASE", "2 RELEASE");
    desk.gone(1, 2);
    desk.awaitTerminated();
  }

  @Test
  void theTimeoutOfTheWholeEndsIt() throws Exception {
    BatchRun run = start(new BatchOptions(1, 0, Duration.ofMillis(20), null), range(2));
    awaitChunks(2);
    Object[] first = run.take(true, 0);
    assertThat(((Failed) first[0]).cause())
        .isInstanceOf(TimeoutException.class)
        .hasMessage("The batch has taken longer than PT0.02S");
  }

  @Tag("slow")
  @Test
  void aFinishedBatchIsNotEndedByItsTimeout() throws Exception {
    BatchRun run = start(new BatchOptions(1, 0, Duration.ofSeconds(2), null), range(1));
    answer(awaitChunks(1).get(0));
    assertThat(run.await(TimeUnit.SECONDS.toNanos(20))).isTrue();
    Thread.sleep(2_100);
    assertThat(run.take(true, 0)).containsExactly(0);
    assertThat(run.take(true, 1)).isNull();
  }

  @Test
  void whatTheIteratorThrowsComesAfterTheResults() throws Exception {
    IllegalStateException thrown = new IllegalStateException("iterator");
    Iterable<Integer> bad =
        () ->
            IntStream.range(0, 9)
                .map(
                    i -> {
                      if (i == 3) {
                        throw thrown;
                      }
                      return i;
                    })
                .iterator();
    BatchRun run = start(chunksOf(2), bad);
    answerAll(3, MILLISECOND);
    List<Object> values = new ArrayList<>();
    BatchEndedException ended =
        catchThrowableOfType(
            BatchEndedException.class,
            () -> {
              while (true) {
                values.addAll(Arrays.asList(run.take(true, 0)));
              }
            });
    assertThat(values).containsExactly(0, 10, 20);
    assertThat(ended).hasCause(thrown);
    assertThat(run.isSubmitted()).isTrue();
  }

  @Test
  void aBatchThatCannotBeginEndsAtOnce() throws Exception {
    BatchRun run = made(chunksOf(1), range(3));
    IllegalStateException impossible = new IllegalStateException("impossible");
    run.start(impossible);
    assertThatThrownBy(() -> run.take(true, 0))
        .isInstanceOf(BatchEndedException.class)
        .hasCause(impossible);
    assertThat(desk.news()).isEmpty();
    desk.dispatcher.shutdown();
    awaitNews("1 RELEASE", "2 RELEASE");
    assertThatThrownBy(() -> start(chunksOf(1), range(3)))
        .isInstanceOf(RejectedExecutionException.class);
  }

  @Test
  void shutdownLetsABatchThatNobodyConsumesRunToItsEnd() throws Exception {
    BatchRun run = start(lookAhead(2), range(6));
    List<Desk.Sent> first = awaitChunks(2);
    desk.dispatcher.shutdown();
    for (Desk.Sent chunk : first) {
      answer(chunk);
    }
    answerAll(4, MILLISECOND);
    assertThat(takeAll(run, true)).hasSize(6);
    awaitNews("1 RELEASE", "2 RELEASE");
  }

  @Test
  void shutdownEndsABatchThatIsConsumedAfterWhatItHasTaken() throws Exception {
    BatchRun run = start(lookAhead(2), range(6));
    run.consume();
    List<Desk.Sent> first = awaitChunks(2);
    desk.dispatcher.shutdown();
    for (Desk.Sent chunk : first) {
      answer(chunk);
    }
    assertThat(run.take(true, 0)).containsExactly(0);
    assertThat(run.take(true, 1)).containsExactly(10);
    assertThatThrownBy(() -> run.take(true, 1))
        .isInstanceOf(BatchEndedException.class)
        .hasRootCauseInstanceOf(RejectedExecutionException.class);
  }

  @Test
  void shutdownCostsAConsumerNothingOfABatchOfWhichAllIsSubmitted() throws Exception {
    BatchRun run = start(lookAhead(6), range(2));
    run.consume();
    List<Desk.Sent> all = awaitChunks(2);
    await().until(run::isSubmitted);
    desk.dispatcher.shutdown();
    for (Desk.Sent chunk : all) {
      answer(chunk);
    }
    assertThat(run.take(true, 0)).containsExactly(0);
    assertThat(run.take(true, 1)).containsExactly(10);
    assertThat(run.take(true, 1)).isNull();
  }

  @Test
  void aPoolThatBreaksEndsItsBatches() throws Exception {
    BatchRun run = start(lookAhead(2), range(6));
    awaitChunks(2);
    desk.dispatcher.breakDown("Staged", null);
    for (int i = 0; i < 2; i++) {
      assertThat(((Failed) run.take(true, 0)[0]).cause())
          .isInstanceOf(BrokenExecutorException.class);
    }
    assertThatThrownBy(() -> run.take(true, 0))
        .isInstanceOf(BatchEndedException.class)
        .hasCauseInstanceOf(BrokenExecutorException.class);
    desk.dispatcher.shutdown();
    desk.awaitTerminated();
  }

  @Test
  void anItemThatCannotTravelKeepsItsPlace() throws Exception {
    List<Object> items = new ArrayList<>(List.of(1, 2, 3, 4));
    items.set(2, new Object());
    BatchRun run = start(chunksOf(4), items);
    answerAll(4, MILLISECOND);
    List<Object> outcomes = takeAll(run, true);
    assertThat(outcomes).hasSize(4).startsWith(10, 20).endsWith(40);
    assertThat(((Failed) outcomes.get(2)).cause())
        .isInstanceOf(TaskSerializationException.class)
        .hasMessageContaining("Element 2 for the task java.lang.String cannot travel to a worker");
  }

  /** Gives one item, and then nothing until it is interrupted. */
  private static Iterable<Integer> stuckAfterOne(CountDownLatch interrupted) {
    return () ->
        IntStream.range(0, 2)
            .peek(
                i -> {
                  if (i == 1) {
                    try {
                      Thread.sleep(60_000);
                    } catch (InterruptedException e) {
                      interrupted.countDown();
                    }
                  }
                })
            .iterator();
  }

  @Test
  void whatAnIteratorHasGivenDoesNotWaitWhileItBlocks() throws Exception {
    CountDownLatch interrupted = new CountDownLatch(1);
    BatchRun run = start(chunksOf(100), stuckAfterOne(interrupted));
    Desk.Sent chunk = awaitChunks(1).get(0);
    assertThat(Chunk.count(chunk.body())).isEqualTo(1);
    answer(chunk);
    assertThat(run.take(true, 0)).containsExactly(0);

    run.cancel();
    assertThat(interrupted.await(20, TimeUnit.SECONDS)).isTrue();
    assertThat(run.await(TimeUnit.SECONDS.toNanos(20))).isTrue();
  }

  @Tag("slow")
  @Test
  void theLastOfACollectionAreDividedAmongAll() throws Exception {
    int all = 2_000;
    BatchRun run = start(new BatchOptions(0, 0, null, null), range(all));
    run.runToEnd();
    List<Integer> sizes = new ArrayList<>();
    int first = 0;
    while (first < all) {
      for (Desk.Sent chunk : awaitChunks(1)) {
        int count = Chunk.count(chunk.body());
        assertThat(count).isLessThanOrEqualTo(Math.max(1, (all - first) / 5));
        first += count;
        sizes.add(count);
        answer(chunk, Integer.MAX_VALUE, count * 1_000L);
      }
    }
    assertThat(sizes).as("more at first, fewer at last").anyMatch(size -> size > 20).endsWith(1, 1);
    assertThat(takeAll(run, true)).isEqualTo(range(all).stream().map(i -> 10 * i).toList());
  }

  @Tag("slow")
  @Test
  void aChunkIsAtMostHalfOfTheLookAhead() throws Exception {
    Iterable<Integer> ofUnknownSize = () -> range(400).iterator();
    BatchRun run = start(new BatchOptions(0, 10, null, null), ofUnknownSize);
    run.runToEnd();
    List<Integer> sizes = new ArrayList<>();
    int done = 0;
    while (done < 400) {
      for (Desk.Sent chunk : awaitChunks(1)) {
        int count = Chunk.count(chunk.body());
        done += count;
        sizes.add(count);
        answer(chunk, Integer.MAX_VALUE, count * 1_000L);
      }
    }
    assertThat(sizes).allMatch(size -> size <= 5).contains(5);
  }

  @Test
  void aChunkOfLongItemsIsHandedInBeforeItHasAsManyAsItMay() throws Exception {
    List<byte[]> items = IntStream.range(0, 9).mapToObj(i -> new byte[600_000]).toList();
    BatchRun run = start(chunksOf(100), items);
    run.runToEnd();
    int done = 0;
    while (done < 9) {
      for (Desk.Sent chunk : awaitChunks(1)) {
        assertThat(Chunk.count(chunk.body())).isLessThanOrEqualTo(2);
        done += Chunk.count(chunk.body());
        answer(chunk);
      }
    }
    assertThat(takeAll(run, true)).hasSize(9);
  }

  /** A batch that waits for its consumer, having taken and done as many as it may. */
  private BatchRun waitingForConsumer() throws Exception {
    PoolThreads threads = new PoolThreads();
    BatchRun run = start(lookAhead(2), range(10));
    answerAll(2, MILLISECOND);
    await().until(() -> threads.alive().contains("mpipool-batch") && threads.areWaiting());
    return run;
  }

  @Test
  void whoLooksForTheEndOfABatchThatWaitsHasItGoOn() throws Exception {
    BatchRun run = waitingForConsumer();
    assertThat(run.isFinishedNow()).isFalse();
    answerAll(8, MILLISECOND);

    assertThat(takeAll(run, true)).hasSize(10);
  }

  @Test
  void whoAwaitsTheEndOfABatchThatWaitsHasItGoOn() throws Exception {
    BatchRun run = waitingForConsumer();
    FutureTask<Boolean> awaiting = new FutureTask<>(() -> run.await(TimeUnit.SECONDS.toNanos(20)));
    new Thread(awaiting, "awaiting").start();
    answerAll(8, MILLISECOND);

    assertThat(awaiting.get(20, TimeUnit.SECONDS)).isTrue();
    assertThat(takeAll(run, true)).as("nobody keeps the batch from others").hasSize(10);
  }
}
