package dev.mpipool.batch;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The table in the Javadoc of {@link Demand}. */
class DemandTest {

  @ParameterizedTest
  @CsvSource({
    "UNREAD, CONSUMED, TO_END, TO_END, TO_END",
    "CONSUMED, CONSUMED, CONSUMED_TO_END, CONSUMED, CONSUMED",
    "TO_END, CONSUMED_TO_END, TO_END, TO_END, TO_END",
    "CONSUMED_TO_END, CONSUMED_TO_END, CONSUMED_TO_END, CONSUMED_TO_END, CONSUMED_TO_END",
    "UNREACHABLE, UNREACHABLE, DISCARDED, DISCARDED, DISCARDED",
    "PARKED, PARKED, PARKED, PARKED, DISCARDED",
    "DISCARDED, DISCARDED, DISCARDED, DISCARDED, DISCARDED",
  })
  void eachStimulusLeadsToOneState(
      Demand from, Demand consume, Demand runToEnd, Demand ask, Demand shutDown) {
    assertThat(from.consume()).isEqualTo(consume);
    assertThat(from.runToEnd()).isEqualTo(runToEnd);
    assertThat(from.ask()).isEqualTo(ask);
    assertThat(from.shutDown()).isEqualTo(shutDown);
  }

  @ParameterizedTest
  @CsvSource({
    "UNREAD, UNREACHABLE, DISCARDED",
    "TO_END, DISCARDED, DISCARDED",
    "UNREACHABLE, UNREACHABLE, UNREACHABLE",
    "PARKED, PARKED, PARKED",
    "DISCARDED, DISCARDED, DISCARDED",
  })
  void aBatchThatIsAbandonedRunsToAnEndThatItIsSureToHave(
      Demand from, Demand ofUnknownSize, Demand ofCollection) {
    assertThat(from.abandon(true)).isEqualTo(ofUnknownSize);
    assertThat(from.abandon(false)).isEqualTo(ofCollection);
  }

  @ParameterizedTest
  @EnumSource
  void theShutdownLeavesNoBatchWaitingForAConsumerThatThereIsNot(Demand from) {
    Demand then = from.shutDown();
    assertThat(then.isConsumed() || then.isToEnd()).isTrue();
  }
}
