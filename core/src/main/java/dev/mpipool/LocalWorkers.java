package dev.mpipool;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.LocalCommunicator;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.worker.WorkerLoop;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The workers of a pool without other ranks: threads of main's process. */
final class LocalWorkers {

  private static final Logger LOG = LoggerFactory.getLogger(LocalWorkers.class);
  private static final String COUNT = "mpipool.local.workers";

  private LocalWorkers() {}

  /**
   * Starts as many workers as the system property says, or else as there are processors.
   *
   * @return a communicator of these and main, which is rank 0
   * @throws IllegalArgumentException if the property is no such number
   */
  static Communicator start(LeanSerializer serializer) {
    List<Communicator> ranks = LocalCommunicator.create(count() + 1);
    ranks.stream().skip(1).forEach(rank -> start(rank, serializer));
    return ranks.get(0);
  }

  private static int count() {
    String asked = System.getProperty(COUNT);
    if (asked == null) {
      return Runtime.getRuntime().availableProcessors();
    }
    if (!asked.matches("0*[1-9]\\d{0,4}")) {
      throw new IllegalArgumentException(
          "-D%s=%s: the number of workers is wanted, from 1 to 99999".formatted(COUNT, asked));
    }
    return Integer.parseInt(asked);
  }

  private static void start(Communicator own, LeanSerializer serializer) {
    WorkerLoop loop = new WorkerLoop(own, 0, serializer, Calls::call);
    Runnable serve =
        () -> {
          try {
            loop.run();
          } catch (BrokenExecutorException e) {
            LOG.debug("A local worker ends", e);
          }
          own.close();
        };
    Thread thread = new Thread(serve, "mpipool-worker-" + own.rank());
    thread.setDaemon(true);
    thread.start();
  }
}
