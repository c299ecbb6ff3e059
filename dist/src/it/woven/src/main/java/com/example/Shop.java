package com.example;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;

/** Knows nothing of MPI. Its class is not serializable, and neither are its lambdas. */
public final class Shop {
  private final int price;

  public Shop(int price) {
    this.price = price;
  }

  public Future<Integer> price(ExecutorService pool, int number) {
    return pool.submit(() -> price * number);
  }
}
