package dev.mpipool.examples;

import dev.mpipool.MPIRuntime;
import dev.mpipool.WorkersExitException;
import dev.mpipool.pool.AsyncResult;
import dev.mpipool.pool.MPIPool;
import java.util.List;
import java.util.stream.IntStream;

/** Squares, in the idiom of Python's multiprocessing.Pool. */
public final class PoolExample {

  private PoolExample() {}

  private static List<Integer> range(int end) {
    return IntStream.range(0, end).boxed().toList();
  }

  public static void main(String[] args) throws Exception {
    MPIRuntime.init(args);
    try (MPIPool pool = new MPIPool()) {
      pool.workersExit();

      List<Integer> squares = pool.map(x -> x * x, range(100));
      System.out.println(squares);

      AsyncResult<List<Integer>> later = pool.mapAsync(x -> x * x, range(100));
      System.out.println("Done already? " + later.ready());
      System.out.println("The same: " + later.get().equals(squares));
    } catch (WorkersExitException e) {
      // a worker rank, which goes on below
    }
    MPIRuntime.finish();
  }
}
