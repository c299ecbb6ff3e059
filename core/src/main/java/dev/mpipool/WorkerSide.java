package dev.mpipool;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.CommunicatorProvider;
import dev.mpipool.comm.Providers;
import dev.mpipool.worker.MainLostException;
import dev.mpipool.worker.WorkerLoop;
import java.io.ObjectInputFilter;

/** What the constructor of a pool does on a worker. */
final class WorkerSide {

  private WorkerSide() {}

  /** Runs tasks until main releases this rank; does not return at all if it is not to rejoin. */
  static void serve(Communicator communicator, int main, boolean rejoin, ObjectInputFilter filter) {
    Communicator own = MainSide.duplicate(communicator);
    try {
      new WorkerLoop(own, main, MainSide.newSerializer(filter), Calls::call).run();
    } catch (MainLostException e) {
      throw new BrokenExecutorException(e.getMessage(), e.getCause());
    }
    own.close();
    if (!rejoin) {
      boolean process =
          Providers.initialized().map(CommunicatorProvider::ranksAreProcesses).orElse(false);
      MPIRuntime.finish();
      if (process) {
        System.exit(0);
      }
      throw new RankEndedError();
    }
  }
}
