package com.example;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.mpipool.MPIExecutor;
import org.junit.jupiter.api.Test;

/** Without a launcher the workers are threads, and tasks travel to them as they do to ranks. */
class MainTest {
  @Test
  void squaresAreSummed() {
    try (MPIExecutor executor = new MPIExecutor()) {
      assertEquals(338_350, Main.sumOfSquares(executor, 100));
    }
  }
}
