package dev.mpipool.batch;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The size of chunks, from what is known when they are filled. */
class ChunkSizerTest {

  private static final long UNKNOWN = Long.MAX_VALUE;

  /** A batch without options. */
  private static ChunkSizer of(long elements) {
    return new ChunkSizer(0, 0, elements);
  }

  @ParameterizedTest(name = "{0} elements, then {1} ns each: {2}")
  @CsvSource({
    // as many as take a millisecond
    "1000, 1000, 1000",
    "1000, 2000, 500",
    "1000, 1001, 999",
    "1000, 500000, 2",
    "1000, 500001, 1",
    "1000, 1000000, 1",
    // never less than one
    "1, 1000001, 1",
    "4096, 9223372036854775807, 1",
    // at most twice as many as before
    "1, 1000, 2",
    "2, 1000, 4",
    "499, 1000, 998",
    "500, 1000, 1000",
    "501, 1000, 1000",
    // never more than 4096
    "2047, 1, 4094",
    "2048, 1, 4096",
    "4096, 1, 4096",
    "4096, 244, 4096",
    "4096, 245, 4081",
    // a clock without resolution
    "8, 0, 16",
    "8, -1, 16",
  })
  void theSizeFollowsTheTimeOfElements(int before, long nanosPerElement, int expected) {
    assertThat(ChunkSizer.adapted(before, nanosPerElement)).isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 50, 300, 12_345, 900_000, 5_000_000})
  void theSizeDoublesUntilItFitsAndStaysThere(long nanosPerElement) {
    long fitting = Math.max(1, Math.min(4096, 1_000_000 / nanosPerElement));
    int size = ChunkSizer.FIRST_SIZE;
    for (int answers = 0; answers < 20; answers++) {
      int next = ChunkSizer.adapted(size, nanosPerElement);
      assertThat(next).isBetween(size, 2 * size);
      assertThat(next).isEqualTo((int) Math.min(fitting, 2L * size));
      size = next;
    }
    assertThat(size).isEqualTo((int) fitting);
  }

  @Test
  void slowerElementsNeverMakeLongerChunks() {
    for (int before = 1; before <= 4096; before *= 4) {
      int faster = Integer.MAX_VALUE;
      for (long nanos = 1; nanos < 3_000_000; nanos += 1 + nanos / 3) {
        int size = ChunkSizer.adapted(before, nanos);
        assertThat(size).isBetween(1, faster);
        faster = size;
      }
    }
  }

  @ParameterizedTest(name = "{1} of {0} in earlier chunks, {2} threads, up to {3}: {4}")
  @CsvSource({
    // far from the end
    "1000000, 0, 2, 64, 64",
    // what is left is divided among twice as many chunks as there are threads, and one
    "1000, 0, 2, 4096, 200",
    "1000, 500, 2, 4096, 100",
    "1000, 995, 2, 4096, 1",
    "1000, 0, 1, 4096, 333",
    "1000, 0, 100, 4096, 4",
    "320, 0, 2, 64, 64",
    "319, 0, 2, 64, 63",
    // one by one at last
    "1000, 991, 2, 4096, 1",
    "1000, 999, 2, 4096, 1",
    // a collection that has more elements than it has said
    "1000, 1000, 2, 4096, 1",
    "1000, 5000, 2, 4096, 1",
    "0, 0, 2, 4096, 1",
  })
  void theRestOfACollectionIsDividedAmongAll(
      long elements, long before, int taskThreads, int adapted, int expected) {
    assertThat(of(elements).size(adapted, before, taskThreads)).isEqualTo(expected);
  }

  @Test
  void aSourceOfUnknownLengthHasNoEnd() {
    assertThat(of(UNKNOWN).size(4096, 0, 2)).isEqualTo(4096);
    assertThat(of(UNKNOWN).size(4096, Long.MAX_VALUE - 1, 1000)).isEqualTo(4096);
  }

  @Test
  void aSizeThatTheUserHasChosenIsTheSize() {
    ChunkSizer sizer = new ChunkSizer(100, 10, 1000);
    assertThat(sizer.size(1, 0, 2)).isEqualTo(100);
    assertThat(sizer.size(4096, 999, 50)).isEqualTo(100);
  }

  @ParameterizedTest(name = "look-ahead {0}: {1}")
  @CsvSource({"1, 1", "2, 1", "3, 1", "4, 2", "10, 5", "8191, 4095", "8192, 4096", "9000, 4096"})
  void aChunkIsAtMostHalfOfTheLookAhead(int lookAhead, int expected) {
    assertThat(new ChunkSizer(0, lookAhead, UNKNOWN).size(4096, 0, 2)).isEqualTo(expected);
  }

  @ParameterizedTest(name = "{0} elements of {2} in {1} bytes: {3}")
  @CsvSource({
    "1, 10, 1, true",
    "1, 10, 2, false",
    "2, 10, 2, true",
    "3, 10, 2, true",
    "1, 1048575, 2, false",
    "1, 1048576, 2, true",
    "1, 2147483647, 2, true",
  })
  void aChunkIsFullWithItsElementsOrAMegabyte(int count, int bytes, int size, boolean expected) {
    assertThat(ChunkSizer.isFull(count, bytes, size)).isEqualTo(expected);
  }

  @Test
  void theLookAheadIsFourChunksForEachThreadUnlessTheUserHasChosenIt() {
    assertThat(of(UNKNOWN).ahead(1, 2, 0)).isEqualTo(8);
    assertThat(of(UNKNOWN).ahead(50, 3, 0)).isEqualTo(600);
    assertThat(new ChunkSizer(7, 0, UNKNOWN).ahead(50, 3, 0)).isEqualTo(84);
    assertThat(new ChunkSizer(7, 5, UNKNOWN).ahead(50, 3, 0)).isEqualTo(5);
    assertThat(of(UNKNOWN).ahead(4096, Integer.MAX_VALUE, 0))
        .as("without an overflow")
        .isEqualTo(4L * 4096 * Integer.MAX_VALUE);
    assertThat(new ChunkSizer(Integer.MAX_VALUE, 0, UNKNOWN).ahead(1, 1 << 20, 0)).isPositive();
  }

  @ParameterizedTest(name = "elements of {0} bytes: chunks of {1}")
  @CsvSource({
    "1, 4096",
    "256, 4096",
    "257, 4081",
    "80000, 14",
    "1048575, 2",
    "1048576, 1",
    "2147483647, 1",
  })
  void chunksThatAreFullByTheirBytesLimitTheLookAhead(int bytes, long size) {
    assertThat(of(UNKNOWN).ahead(4096, 2, bytes)).isEqualTo(8 * size);
    assertThat(new ChunkSizer(7, 0, UNKNOWN).ahead(4096, 2, bytes)).isEqualTo(56);
    assertThat(new ChunkSizer(0, 500, UNKNOWN).ahead(4096, 2, bytes)).isEqualTo(500);
  }
}
