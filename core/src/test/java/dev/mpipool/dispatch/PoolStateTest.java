package dev.mpipool.dispatch;

import static dev.mpipool.dispatch.PoolState.Phase.BROKEN;
import static dev.mpipool.dispatch.PoolState.Phase.BROKEN_SHUTDOWN;
import static dev.mpipool.dispatch.PoolState.Phase.ENDED;
import static dev.mpipool.dispatch.PoolState.Phase.RELEASED;
import static dev.mpipool.dispatch.PoolState.Phase.RUNNING;
import static dev.mpipool.dispatch.PoolState.Phase.SHUTDOWN;
import static dev.mpipool.dispatch.PoolState.Phase.STOPPING;
import static dev.mpipool.dispatch.PoolState.Phase.TERMINATING;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mpipool.dispatch.PoolState.Phase;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PoolStateTest {

  private final RejectedExecutionException cause = new RejectedExecutionException("lost");

  private enum Stimulus {
    SHUT_DOWN,
    STOP,
    RELEASE,
    BREAK_DOWN,
    END,
    TERMINATE
  }

  /** By state, what each stimulus leads to; nothing where it never comes. */
  private static final Map<Phase, Map<Stimulus, Phase>> TABLE = new EnumMap<>(Phase.class);

  static {
    row(RUNNING, SHUTDOWN, STOPPING, null, BROKEN, null, RUNNING);
    row(SHUTDOWN, SHUTDOWN, STOPPING, RELEASED, BROKEN_SHUTDOWN, null, SHUTDOWN);
    row(STOPPING, STOPPING, STOPPING, RELEASED, BROKEN_SHUTDOWN, null, STOPPING);
    row(RELEASED, RELEASED, RELEASED, RELEASED, BROKEN_SHUTDOWN, ENDED, RELEASED);
    row(BROKEN, BROKEN_SHUTDOWN, BROKEN_SHUTDOWN, null, BROKEN, null, BROKEN);
    Phase last = BROKEN_SHUTDOWN;
    row(last, last, last, last, last, ENDED, last);
    row(ENDED, ENDED, ENDED, ENDED, ENDED, ENDED, TERMINATING);
    last = TERMINATING;
    row(last, last, last, last, last, last, last);
  }

  /** What the stimuli lead to, in the order of their declaration. */
  private static void row(Phase from, Phase... to) {
    Map<Stimulus, Phase> row = new EnumMap<>(Stimulus.class);
    Iterator<Phase> next = Arrays.asList(to).iterator();
    for (Stimulus stimulus : Stimulus.values()) {
      row.put(stimulus, next.next());
    }
    TABLE.put(from, row);
  }

  @ParameterizedTest
  @EnumSource
  void everyStimulusLeadsWhereTheTableSays(Phase from) {
    for (Stimulus stimulus : Stimulus.values()) {
      PoolState state = in(from);
      Phase expected = TABLE.get(from).get(stimulus);
      if (expected == null) {
        assertThatThrownBy(() -> apply(state, stimulus)).isInstanceOf(AssertionError.class);
        assertThat(state.phase()).isEqualTo(from);
      } else {
        apply(state, stimulus);
        assertThat(state.phase()).as("%s after %s", stimulus, from).isEqualTo(expected);
        assertThat(state.phase()).isGreaterThanOrEqualTo(from);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void whatIsAskedOfAState(Phase phase) {
    PoolState state = in(phase);
    assertThat(state.isRunning()).isEqualTo(phase == RUNNING);
    assertThat(state.isShutdown()).isEqualTo(phase != RUNNING && phase != BROKEN);
    assertThat(state.isStopping()).isEqualTo(phase == STOPPING);
    assertThat(state.isReleased()).isEqualTo(List.of(RELEASED, ENDED, TERMINATING).contains(phase));
    assertThat(state.isBroken()).isEqualTo(phase == BROKEN || phase == BROKEN_SHUTDOWN);
    assertThat(state.isEnded()).isEqualTo(phase == ENDED || phase == TERMINATING);
  }

  @Test
  void onlyTheFirstCauseCounts() {
    PoolState state = in(BROKEN);
    state.breakDown(new RejectedExecutionException("another"));
    assertThat(state.cause()).isSameAs(cause);
  }

  @Test
  void anEndedPoolDoesNotBreak() {
    PoolState state = in(ENDED);
    state.breakDown(cause);
    assertThat(state.isBroken()).isFalse();
  }

  @Test
  void aBrokenPoolIsBrokenStillWhenItHasEnded() {
    PoolState state = in(BROKEN_SHUTDOWN);
    state.end();
    assertThat(state.isBroken()).isTrue();
    assertThat(state).hasToString("ended");
  }

  @Test
  void oneThreadTerminates() {
    PoolState state = in(RELEASED);
    assertThat(state.terminate()).isFalse();
    state.end();
    assertThat(state.terminate()).isTrue();
    assertThat(state.terminate()).isFalse();
  }

  private PoolState in(Phase phase) {
    PoolState state = new PoolState();
    List<Stimulus> way =
        switch (phase) {
          case RUNNING -> List.of();
          case SHUTDOWN -> List.of(Stimulus.SHUT_DOWN);
          case STOPPING -> List.of(Stimulus.STOP);
          case RELEASED -> List.of(Stimulus.SHUT_DOWN, Stimulus.RELEASE);
          case BROKEN -> List.of(Stimulus.BREAK_DOWN);
          case BROKEN_SHUTDOWN -> List.of(Stimulus.BREAK_DOWN, Stimulus.SHUT_DOWN);
          case ENDED -> List.of(Stimulus.STOP, Stimulus.RELEASE, Stimulus.END);
          case TERMINATING ->
              List.of(Stimulus.STOP, Stimulus.RELEASE, Stimulus.END, Stimulus.TERMINATE);
        };
    way.forEach(stimulus -> apply(state, stimulus));
    assertThat(state.phase()).isEqualTo(phase);
    return state;
  }

  private void apply(PoolState state, Stimulus stimulus) {
    switch (stimulus) {
      case SHUT_DOWN -> state.shutDown();
      case STOP -> state.stop();
      case RELEASE -> state.release();
      case BREAK_DOWN -> state.breakDown(cause);
      case END -> state.end();
      case TERMINATE -> state.terminate();
    }
  }
}
