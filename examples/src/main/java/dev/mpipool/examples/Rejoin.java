package dev.mpipool.examples;

import dev.mpipool.MPIExecutor;
import dev.mpipool.MPIRuntime;
import dev.mpipool.WorkersExitException;
import dev.mpipool.comm.Communicator;
import java.nio.ByteBuffer;

/** Two pools one after the other; between them all ranks take part in collective calls. */
public final class Rejoin {

  private Rejoin() {}

  public static void main(String[] args) throws Exception {
    MPIRuntime.init(args);
    Communicator world = Communicator.world();

    double estimate = 0;
    try (MPIExecutor executor = new MPIExecutor()) {
      executor.workersExit();
      estimate = executor.submit(() -> Math.sqrt(2)).get();
      System.out.printf("first pool: %.6f%n", estimate);
    } catch (WorkersExitException e) {
      // a worker rank
    }

    // Main tells all ranks what came out, and each works on with it.
    byte[] message = ByteBuffer.allocate(Double.BYTES).putDouble(estimate).array();
    double known = ByteBuffer.wrap(world.broadcast(message, 0)).getDouble();
    byte[] mine = ByteBuffer.allocate(Double.BYTES).putDouble(known * world.rank()).array();
    double sum =
        world.allGather(mine).stream().mapToDouble(b -> ByteBuffer.wrap(b).getDouble()).sum();

    try (MPIExecutor executor = new MPIExecutor()) {
      executor.workersExit();
      System.out.printf("between the pools: %.6f%n", sum);
      System.out.printf("second pool: %.6f%n", executor.submit(x -> x * x, known).get());
    } catch (WorkersExitException e) {
      // a worker rank
    }
    MPIRuntime.finish();
  }
}
