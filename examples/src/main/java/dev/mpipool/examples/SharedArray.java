package dev.mpipool.examples;

import dev.mpipool.MPIRuntime;
import dev.mpipool.comm.Communicator;
import dev.mpipool.shared.MPIShared;
import dev.mpipool.shared.SharedDoubles;
import java.util.Arrays;

/** An array that each node holds once: rank 0 sets a block, and every rank reads it. */
public final class SharedArray {

  private SharedArray() {}

  public static void main(String[] args) {
    MPIRuntime.init(args);
    Communicator world = Communicator.world();
    try (SharedDoubles table = MPIShared.doubles(world, 3, 5)) {
      double[][] block = world.rank() == 0 ? new double[][] {{1, 2}, {3, 4}} : null;
      table.set(block, MPIShared.at(1, 2), 0); // the others' arguments are not looked at

      System.out.printf(
          "rank %d reads %s%n",
          world.rank(), Arrays.toString(table.block(MPIShared.at(1, 0), 2, 5)));
      world.barrier();
      if (world.rank() == 0) {
        System.out.print(table.toStringFull());
      }
    }
    MPIRuntime.finish();
  }
}
