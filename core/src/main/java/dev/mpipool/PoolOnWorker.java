package dev.mpipool;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.Providers;
import dev.mpipool.wire.LeanSerializer;
import dev.mpipool.worker.MainLostException;
import dev.mpipool.worker.WorkerLoop;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What the constructor of a pool does on a worker. */
final class PoolOnWorker {

  private static final Logger LOG = LoggerFactory.getLogger(PoolOnWorker.class);

  private PoolOnWorker() {}

  /**
   * Opens a pool. A worker that has to leave it ends its process quietly: an exception of its main
   * would end the whole job, and main can go on without it.
   */
  static MPIExecutor openOrEnd(MPIExecutor.Builder builder) {
    try {
      return builder.open();
    } catch (BrokenExecutorException e) {
      if (!Providers.ranksAreProcesses()) {
        throw e;
      }
      LOG.warn("Rank {} ends: {}", Communicator.world().rank(), e.getMessage(), e.getCause());
      System.exit(1);
      throw e;
    }
  }

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
