package dev.mpipool.pool;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.MPIExecutor;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * The calls that people will write do not only compile: all but the tasks, of which one never ends,
 * are run.
 */
@Timeout(60)
@ExtendWith(TwoWorkers.class)
class ApiCallsTest {

  private final PrintStream before = System.out;

  @AfterEach
  void printAsBefore() {
    System.setOut(before);
  }

  @Test
  void theCallsOfTheApiRunToo() throws Exception {
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
    try (MPIExecutor executor = new MPIExecutor()) {
      ApiCalls.batches(executor);
      ApiCalls.pool(new MPIPool(executor));
    }
    ApiCalls.main(new String[] {"one", "two"});
    assertThat(printed.toString(StandardCharsets.UTF_8).lines())
        .startsWith("1", "4")
        .anyMatch(line -> line.startsWith("Done already? "))
        .endsWith("2");
  }
}
