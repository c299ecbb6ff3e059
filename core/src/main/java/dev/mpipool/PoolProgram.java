package dev.mpipool;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.Providers;
import dev.mpipool.signal.Termination;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.apache.commons.lang3.exception.ExceptionUtils;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A program around one pool, from the beginning of MPI to its end: {@link MPIExecutor#run}. */
final class PoolProgram {

  private static final Logger LOG = LoggerFactory.getLogger(PoolProgram.class);

  /** How long a program that fails waits for its tasks, which it has interrupted. */
  private static final long FAILURE_SECONDS = 3;

  private PoolProgram() {}

  static void run(String[] args, MPIExecutor.Builder builder, MainBody body) {
    Objects.requireNonNull(body, "body");
    Objects.requireNonNull(builder, "builder");
    String[] own = MPIRuntime.init(args);
    MPIExecutor executor = openOrEnd(builder);
    if (executor.isMain()) {
      try {
        body.run(executor, own);
      } catch (Throwable failure) {
        closeAfter(failure, executor);
        ExceptionUtils.rethrow(failure);
      }
    }
    executor.close();
    MPIRuntime.finishMpi();
  }

  /**
   * Opens a pool. A worker that has to leave it ends its process quietly: an exception of its main
   * would end the whole job, and main can go on without it.
   */
  private static MPIExecutor openOrEnd(MPIExecutor.Builder builder) {
    try {
      return builder.open();
    } catch (BrokenExecutorException e) {
      if (!Providers.ranksAreProcesses()) {
        throw e;
      }
      LOG.warn("Rank {} ends: {}", Communicator.world().rank(), e.getMessage(), e.getCause());
      Termination.await();
      System.exit(1);
      throw e;
    }
  }

  /** Ends what can be ended soon; the rest is left to the end of the process. */
  private static void closeAfter(Throwable failure, MPIExecutor executor) {
    try {
      executor.onMain().dispatcher().shutdownNow(); // no thread is to keep a program that fails
      if (executor.awaitTermination(FAILURE_SECONDS, TimeUnit.SECONDS)) {
        executor.close();
        MPIRuntime.finishMpi();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      failure.addSuppressed(e);
    }
  }
}
