package dev.mpipool;

import dev.mpipool.dispatch.Failures;
import dev.mpipool.wire.FailureReport;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;

/** The public exceptions, for the rooms below. */
final class TaskFailures implements Failures {

  @Override
  public Exception unserializable(String what, Throwable cause) {
    return new TaskSerializationException(what, cause);
  }

  @Override
  public Exception remote(FailureReport report) {
    return RemoteTaskException.of(report);
  }

  @Override
  public Exception workerLost(String what, List<Integer> ranks) {
    return new WorkerLostException(what, ranks);
  }

  @Override
  public RejectedExecutionException broken(String why, Throwable cause) {
    return new BrokenExecutorException(why, cause);
  }
}
