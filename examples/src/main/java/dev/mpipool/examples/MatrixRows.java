package dev.mpipool.examples;

import dev.mpipool.MPIRuntime;
import dev.mpipool.WorkersExitException;
import dev.mpipool.pool.MPIPool;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.apache.commons.lang3.tuple.Pair;

/**
 * A matrix times a vector, as in the classic master and worker tutorial: blocks of rows are tasks,
 * and travel as arrays both ways. Argument: rows and columns (1000).
 */
public final class MatrixRows {

  private static final int ROWS_OF_A_TASK = 10;

  private MatrixRows() {}

  /** Some rows, one after the other, times the vector. */
  private static double[] times(double[] rows, double[] vector) {
    int n = vector.length;
    double[] product = new double[rows.length / n];
    for (int i = 0; i < rows.length; i++) {
      product[i / n] += rows[i] * vector[i % n];
    }
    return product;
  }

  /** The numbers of some rows; the same for the same row. */
  private static double[] rows(int first, int end, int n) {
    return new SplittableRandom(first).doubles((long) (end - first) * n, -1, 1).toArray();
  }

  public static void main(String[] args) {
    String[] own = MPIRuntime.init(args);
    int n = own.length > 0 ? Integer.parseInt(own[0]) : 1000;
    try (MPIPool pool = new MPIPool()) {
      pool.workersExit();

      double[] vector = IntStream.range(0, n).mapToDouble(i -> 1.0 / (i + 1)).toArray();
      Iterable<Pair<double[], double[]>> tasks = // made while they are taken: never all in memory
          () ->
              IntStream.iterate(0, first -> first < n, first -> first + ROWS_OF_A_TASK)
                  .mapToObj(first -> rows(first, Math.min(n, first + ROWS_OF_A_TASK), n))
                  .map(rows -> Pair.of(rows, vector))
                  .iterator();

      List<double[]> products = pool.starmap(MatrixRows::times, tasks);

      double length = 0;
      double difference = 0;
      int row = 0;
      for (double[] product : products) {
        double[] here = times(rows(row, row + product.length, n), vector);
        for (int i = 0; i < product.length; i++) {
          length += product[i] * product[i];
          difference = Math.max(difference, Math.abs(product[i] - here[i]));
        }
        row += product.length;
      }
      System.out.printf("|A v| = %.6f from %d rows%n", Math.sqrt(length), row);
      System.out.printf("largest difference to the product computed here: %.1f%n", difference);
    } catch (WorkersExitException e) {
      // a worker rank, which goes on below
    }
    MPIRuntime.finish();
  }
}
