package com.example;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.mpipool.MPIExecutor;
import org.junit.jupiter.api.Test;

/** Without weaving, the task would be refused. */
class ShopTest {
  @Test
  void aPriceIsATask() throws Exception {
    try (MPIExecutor executor = new MPIExecutor()) {
      assertEquals(12, new Shop(3).price(executor, 4).get());
    }
  }
}
