package dev.mpipool;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.Providers;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.signal.Termination;
import dev.mpipool.worker.WorkerLoop;

/** What the constructor of a pool does on a worker. */
final class PoolOnWorker {

  private PoolOnWorker() {}

  /**
   * Runs tasks until main releases this rank; does not return at all if it is not to rejoin.
   *
   * @throws BrokenExecutorException if main ended or was lost without releasing this rank
   */
  static void serve(
      Communicator communicator, int main, boolean rejoin, LeanSerializer serializer) {
    Communicator own = PoolOnMain.duplicate(communicator);
    new WorkerLoop(own, main, serializer, Calls::call).run();
    own.close();
    if (!rejoin) {
      boolean process = Providers.ranksAreProcesses();
      MPIRuntime.finish();
      if (process) {
        Termination.await();
        System.exit(0);
      }
      throw new RankEndedError();
    }
  }
}
