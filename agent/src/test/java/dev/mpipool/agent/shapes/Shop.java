package dev.mpipool.agent.shapes;

import java.util.concurrent.Callable;

/** A service with a field. */
final class Shop {
  private final int price = Integer.parseInt("3");

  Callable<Integer> price(int number) {
    return () -> price * number;
  }
}
