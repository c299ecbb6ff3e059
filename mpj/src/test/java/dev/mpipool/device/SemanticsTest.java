package dev.mpipool.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** MPI's semantics, on real processes. */
class SemanticsTest {

  @ParameterizedTest
  @ValueSource(
      strings = {
        "sizes",
        "objects",
        "order",
        "tagsOutOfOrder",
        "anySource",
        "synchronous",
        "probe",
        "waitany",
        "toMyself",
        "truncation",
        "threads",
        "collectives",
        "interrupts",
        "longArrays",
        "longButNotPlain",
      })
  void threeRanks(String scenario) throws Exception {
    run(3, scenario);
  }

  @ParameterizedTest
  @ValueSource(strings = {"iprobeAndFetch", "flood", "gigabyte"})
  void twoRanks(String scenario) throws Exception {
    run(2, scenario);
  }

  @Test
  void overTcp() throws Exception {
    run(3, "threads", "-Dmpipool.device.unix=false");
    run(3, "longArrays", "-Dmpipool.device.unix=false");
  }

  @Test
  void withoutSharedMemory() throws Exception {
    run(3, "longArrays", "-Dmpipool.device.shared=false");
  }

  @Test
  void withoutStreaming() throws Exception {
    run(3, "longArrays", "-Dmpipool.device.stream=false");
  }

  @Test
  void oneRank() throws Exception {
    run(1, "toMyself");
  }

  private static void run(int size, String scenario, String... options) throws Exception {
    List<String> all = new java.util.ArrayList<>(List.of("-Xmx3g"));
    Collections.addAll(all, options);
    Ranks.Spec spec =
        Ranks.of(size, ScenarioMain.class)
            .options(all.toArray(String[]::new))
            .arguments(Scenarios.class.getName(), scenario);
    try (Ranks ranks = spec.start()) {
      assertThat(ranks.await(Duration.ofSeconds(60))).as(ranks.output()).containsOnly(0);
      for (int r = 0; r < size; r++) {
        assertThat(ranks.output(r)).contains("fine");
      }
    }
  }
}
