package dev.mpipool;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.Providers;
import dev.mpipool.wire.LeanSerializer;
import dev.mpipool.worker.MainLostException;
import dev.mpipool.worker.WorkerLoop;

/** What the constructor of a pool does on a worker. */
final class PoolOnWorker {

  private PoolOnWorker() {}

  /** Runs tasks until main releases this rank; does not return at all if it is not to rejoin. */
  static void serve(
      Communicator communicator, int main, boolean rejoin, LeanSerializer serializer) {
    Communicator own = PoolOnMain.duplicate(communicator);
    try {
      new WorkerLoop(own, main, serializer, Calls::call).run();
    } catch (MainLostException e) {
      throw new BrokenExecutorException(e.getMessage(), e.getCause());
    }
    own.close();
    if (!rejoin) {
      boolean process = Providers.ranksAreProcesses();
      MPIRuntime.finish();
      if (process) {
        System.exit(0);
      }
      throw new RankEndedError();
    }
  }
}
