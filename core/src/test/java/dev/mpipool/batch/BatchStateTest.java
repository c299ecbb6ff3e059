package dev.mpipool.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.mpipool.batch.BatchState.Phase;
import dev.mpipool.dispatch.Desk;
import dev.mpipool.protocol.Chunk;
import dev.mpipool.serial.Payload;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The life of a batch, without its threads. */
@Timeout(30)
class BatchStateTest {

  private final Throwable first = new IllegalStateException("first");
  private final Throwable second = new IllegalStateException("second");

  private final Desk desk = new Desk(1);

  /** Of three elements at most that are under way or wait. */
  private final BatchState state = new BatchState(new ChunkSizer(1, 3, Long.MAX_VALUE), false);

  private final Part part = new Part(7, new Object[1]);

  private ChunkFuture begun() throws Exception {
    Chunk chunk = new Chunk(1, desk.serializer, 64);
    chunk.add(new Object[] {"element"});
    ChunkFuture future =
        new ChunkFuture(
            desk.dispatcher,
            "code",
            desk.serializer,
            Payload.reusable(chunk.toBuffer()),
            part.firstIndex,
            part.outcomes,
            0);
    return state.begin(part, List.of(future)) ? future : null;
  }

  @Test
  void aBatchIsOverWhenTheSourceIsExhaustedAndAllIsAnswered() throws Exception {
    ChunkFuture chunk = begun();
    assertThat(state.end(Phase.EXHAUSTED, null)).isEmpty();
    assertThat(state.finish()).isFalse();
    assertThat(state.askOver()).isFalse();
    assertThat(state.answered(part, chunk, 1)).isTrue();
    assertThat(state.askOver()).isTrue();
    assertThat(state.finish()).as("one thread lets go").isFalse();
    assertThat(state.take(true, 0)).isSameAs(part.outcomes);
    assertThat(state.takenFrom()).isEqualTo(7);
    assertThat(state.take(true, 1)).isNull();
  }

  @Test
  void aBatchThatTakesElementsIsNotOverWhenAllIsAnswered() throws Exception {
    assertThat(state.answered(part, begun(), 1)).isFalse();
    assertThat(state.finish()).isFalse();
    assertThat(state.end(Phase.EXHAUSTED, null)).isEmpty();
    assertThat(state.finish()).isTrue();
  }

  @ParameterizedTest
  @EnumSource(
      value = Phase.class,
      names = {"EXHAUSTED", "STOPPED", "DROPPING"})
  void thePhaseOnlyMovesForward(Phase phase) throws Exception {
    begun();
    state.end(phase, first);
    for (Phase next : List.of(Phase.EXHAUSTED, Phase.STOPPED, Phase.DROPPING)) {
      if (next.compareTo(phase) <= 0) {
        assertThat(state.end(next, second)).isNull();
      }
    }
    assertThat(state.reason()).isSameAs(first);
  }

  @Test
  void theFirstReasonCounts() throws Exception {
    begun();
    state.end(Phase.STOPPED, first);
    state.end(Phase.DROPPING, second);
    assertThat(state.reason()).isSameAs(first);
  }

  @Test
  void aBatchWhoseSourceIsExhaustedHasNothingToStop() throws Exception {
    begun();
    state.end(Phase.EXHAUSTED, null);
    assertThat(state.end(Phase.STOPPED, first)).isNull();
    assertThat(state.reason()).isNull();
    assertThat(state.end(Phase.DROPPING, second)).hasSize(1);
    assertThat(state.reason()).isSameAs(second);
  }

  @Test
  void whatIsUnderWayIsDroppedOnceAndNothingBegunAfterThat() throws Exception {
    ChunkFuture chunk = begun();
    assertThat(state.end(Phase.STOPPED, first)).isEmpty();
    assertThat(state.end(Phase.DROPPING, first)).containsExactly(chunk);
    assertThat(begun()).isNull();
    assertThat(state.answered(part, chunk, 0)).isTrue();
    assertThat(state.end(Phase.DROPPING, second)).as("it is over").isNull();
  }

  @Test
  void nothingIsBegunWhenTheBatchIsOver() throws Exception {
    state.end(Phase.STOPPED, first);
    assertThat(state.finish()).isTrue();
    assertThat(begun()).isNull();
    assertThat(state.isShortOfWork()).isFalse();
  }

  @Test
  void aBatchWithACacheIsOverWhenThatIsClosed() throws Exception {
    BatchState cached = new BatchState(new ChunkSizer(1, 3, 10), true);
    cached.end(Phase.DROPPING, first);
    assertThat(cached.finish()).isTrue();
    assertThat(cached.isOver()).isFalse();
    assertThat(cached.awaitOver(TimeUnit.MILLISECONDS.toNanos(1))).isFalse();
    cached.cacheClosed();
    assertThat(cached.awaitOver(0)).isTrue();
    assertThatThrownBy(() -> cached.take(true, 0)).hasCause(first);
  }

  @Test
  void whatIsConsumedMakesRoom() throws Exception {
    assertThat(state.room(0)).isEqualTo(3);
    assertThat(state.room(2)).isEqualTo(1);
    assertThat(state.room(5)).isZero();
    state.answered(part, begun(), 1);
    assertThat(state.room(3)).as("answered alone").isZero();
    state.take(false, 0);
    assertThat(state.room(3)).as("being read").isZero();
    state.end(Phase.EXHAUSTED, null);
    state.finish();
    assertThat(state.take(false, 1)).isNull();
    assertThat(state.room(3)).isEqualTo(1);
  }

  @Test
  void whatIsAnsweredMakesRoomWhileTheEndIsAwaited() throws Exception {
    state.answered(part, begun(), 1);
    assertThat(state.room(3)).isZero();
    state.runToEnd();
    assertThat(state.room(3)).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aFeederWithoutRoomWaits(boolean forTheEnd) throws Exception {
    FutureTask<Long> waiting = new FutureTask<>(() -> state.awaitRoom(3));
    Thread thread = new Thread(waiting, "waiting");
    thread.start();
    await().until(() -> thread.getState() == Thread.State.WAITING);
    if (forTheEnd) {
      state.end(Phase.STOPPED, first);
    } else {
      state.addDone(part);
      state.runToEnd();
    }
    assertThat(waiting.get(20, TimeUnit.SECONDS)).isEqualTo(1);
  }

  @Test
  void aFeederWithoutRoomIsParkedWhenNobodyCanReadTheResults() throws Exception {
    state.addDone(part);
    assertThat(state.abandon(true)).isTrue();
    assertThat(state.awaitRoom(3)).isZero();
    assertThat(state.shutDown()).isEqualTo(Demand.PARKED);
    assertThat(state.shutDown()).as("one feeder is started").isEqualTo(Demand.DISCARDED);
    assertThat(state.awaitRoom(3)).isEqualTo(1);
  }

  @Test
  void aFeederThatCannotBeStartedIsStartedByTheNextShutdown() throws Exception {
    state.abandon(true);
    state.awaitRoom(3);
    state.shutDown();
    state.parkAgain();
    assertThat(state.shutDown()).isEqualTo(Demand.PARKED);
  }

  @Test
  void resultsThatCannotBeReadAreNotKept() throws Exception {
    state.addDone(new Part(0, new Object[1]));
    ChunkFuture chunk = begun();
    state.abandon(false);
    state.addDone(new Part(1, new Object[1]));
    state.answered(part, chunk, 1);
    state.end(Phase.EXHAUSTED, null);
    state.finish();
    assertThat(state.take(true, 0)).isNull();
    assertThat(state.take(false, 0)).isNull();
  }

  @Test
  void aBatchThatIsReadIsNotAbandonedButDropped() throws Exception {
    assertThat(state.consume()).isTrue();
    assertThat(state.consume()).isFalse();
    assertThat(state.abandon(false)).isFalse();
    assertThat(state.shutDown()).isEqualTo(Demand.CONSUMED);
  }

  @Test
  void longElementsLimitTheRoomAndAChunkWithoutElementsDoesNot() throws Exception {
    BatchState untuned = new BatchState(new ChunkSizer(0, 0, Long.MAX_VALUE), false);
    untuned.taskThreads(2);
    untuned.encoded(1 << 20, 1);
    assertThat(untuned.room(0)).isEqualTo(8);
    untuned.encoded(12, 0); // there was no memory for the first element
    assertThat(untuned.room(0)).isEqualTo(8);
  }
}
