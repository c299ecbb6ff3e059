package dev.mpipool.examples;

import dev.mpipool.tasker.Tasker;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;

/**
 * A parameter sweep that can be interrupted at any moment: started again, it does only the rest.
 * How chaotic is the logistic map, x becomes r x (1 - x), for r from 3.5 to 4? Arguments: the file
 * of the results (default: sweep.bin), how many parameters (200), milliseconds that each takes in
 * addition (50).
 */
public final class ResumableSweep {

  private static final int WARM_UP = 1_000;
  private static final int STEPS = 100_000;

  private ResumableSweep() {}

  /** The Lyapunov exponent: positive where neighbours part, which is chaos. */
  private static double exponent(double r) {
    double x = 0.4;
    double sum = 0;
    for (int step = -WARM_UP; step < STEPS; step++) {
      x = r * x * (1 - x);
      sum += step < 0 ? 0 : Math.log(Math.abs(r * (1 - 2 * x)));
    }
    return sum / STEPS;
  }

  public static void main(String[] args) {
    try (Tasker tasker = new Tasker(args)) {
      String[] own = tasker.arguments();
      Path file = Path.of(own.length > 0 ? own[0] : "sweep.bin");
      int parameters = own.length > 1 ? Integer.parseInt(own[1]) : 200;
      int millis = own.length > 2 ? Integer.parseInt(own[2]) : 50;
      List<Double> rates =
          IntStream.range(0, parameters).mapToObj(i -> 3.5 + 0.5 * i / parameters).toList();
      AtomicInteger computed = new AtomicInteger(); // each rank's own: the function never travels

      List<Double> exponents =
          tasker.map(
              file,
              r -> {
                Thread.sleep(millis);
                System.out.printf(
                    "rank %d does number %d%n", tasker.rank(), computed.incrementAndGet());
                return exponent(r);
              },
              rates);

      System.out.printf("rank %d did %d of %d%n", tasker.rank(), computed.get(), parameters);
      if (tasker.isRoot()) {
        long chaotic = exponents.stream().filter(exponent -> exponent > 0).count();
        System.out.printf("%d of %d parameters give chaos%n", chaotic, parameters);
      }
    }
  }
}
