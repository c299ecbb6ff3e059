package dev.mpipool.memory;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SpareArraysTest {

  private static final int LENGTH = 1 << 20;

  @BeforeEach
  void noneIsSpare() {
    SpareArrays.clear();
  }

  @Test
  void anArrayIsUsedAgainOnce() {
    byte[] array = new byte[LENGTH];
    SpareArrays.give(array);
    assertThat(SpareArrays.exactly(LENGTH)).isSameAs(array);
    assertThat(SpareArrays.exactly(LENGTH)).isNull();
    SpareArrays.give(array);
    assertThat(SpareArrays.atLeast(LENGTH)).isSameAs(array);
    assertThat(SpareArrays.atLeast(LENGTH)).isNotSameAs(array).hasSize(LENGTH);
  }

  @Test
  void oneOfTwiceTheLengthWillDoAndALongerOneWillNot() {
    byte[] array = new byte[LENGTH];
    SpareArrays.give(array);
    assertThat(SpareArrays.exactly(LENGTH - 1)).isNull();
    assertThat(SpareArrays.atLeast(LENGTH / 2 - 1)).hasSize(LENGTH / 2 - 1);
    assertThat(SpareArrays.atLeast(LENGTH + 1)).hasSize(LENGTH + 1);
    assertThat(SpareArrays.atLeast(LENGTH / 2)).isSameAs(array);
  }

  @Test
  void shortArraysAreNotKept() {
    SpareArrays.give(new byte[SpareArrays.SHORTEST - 1]);
    assertThat(SpareArrays.exactly(SpareArrays.SHORTEST - 1)).isNull();
  }

  @Test
  void theOldestGoFirstBeforeTheyTakeTooMuchMemory() {
    byte[] first = new byte[LENGTH];
    SpareArrays.give(first);
    for (int i = 0; i < 3; i++) {
      SpareArrays.give(new byte[10 * LENGTH]);
    }
    assertThat(SpareArrays.exactly(LENGTH)).isSameAs(first);
    SpareArrays.give(first);
    SpareArrays.give(new byte[10 * LENGTH]);
    assertThat(SpareArrays.exactly(LENGTH)).isSameAs(first);
    int left = 0;
    while (SpareArrays.exactly(10 * LENGTH) != null) {
      left++;
    }
    assertThat(left).isEqualTo(3);
  }

  @Test
  void manyAreTooMany() {
    for (int i = 0; i < 1_000; i++) {
      SpareArrays.give(new byte[SpareArrays.SHORTEST]);
    }
    int spare = 0;
    while (SpareArrays.exactly(SpareArrays.SHORTEST) != null) {
      spare++;
    }
    assertThat(spare).isBetween(10, 100);
  }
}
