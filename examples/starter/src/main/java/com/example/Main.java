package com.example;

import dev.mpipool.MPIExecutor;
import java.util.List;
import java.util.stream.IntStream;

/** Sums squares: each is a task on some rank. */
public final class Main {
  private Main() {}

  public static void main(String[] args) {
    MPIExecutor.run(
        args,
        (executor, arguments) -> {
          int n = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 100;
          System.out.println("The sum of " + n + " squares is " + sumOfSquares(executor, n));
        });
  }

  static long sumOfSquares(MPIExecutor executor, int n) {
    List<Integer> numbers = IntStream.rangeClosed(1, n).boxed().toList();
    return executor.map(Main::square, numbers).mapToLong(x -> x).sum();
  }

  private static long square(int x) {
    return (long) x * x;
  }
}
