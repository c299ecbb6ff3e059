package com.example;

import dev.mpipool.MPIExecutor;
import dev.mpipool.MPIRuntime;
import dev.mpipool.WorkersExitException;
import mpi.MPI;

/** A pool; with the argument mpi, a reduction of MPJ Express's own before it. */
public class Main {
  public static void main(String[] args) throws Exception {
    String[] own = MPIRuntime.init(args);
    if (own.length > 0 && own[0].equals("mpi")) {
      MPI.Init(args);
      int[] sum = new int[1];
      MPI.COMM_WORLD.Allreduce(new int[] {MPI.COMM_WORLD.Rank()}, 0, sum, 0, 1, MPI.INT, MPI.SUM);
      if (MPI.COMM_WORLD.Rank() == 0) {
        System.out.println("sum of ranks " + sum[0]);
      }
    }
    try (MPIExecutor executor = new MPIExecutor()) {
      executor.workersExit();
      System.out.println("answer " + executor.submit(() -> 6 * 7).get());
    } catch (WorkersExitException e) {
      // a worker goes on below
    }
    MPIRuntime.finish();
  }
}
