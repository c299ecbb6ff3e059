package dev.mpipool.dispatch;

import dev.mpipool.wire.FailureReport;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;

/** Exceptions that tests can tell apart. */
class TestFailures implements Failures {

  static final class Unserializable extends Exception {
    private static final long serialVersionUID = 1;

    Unserializable(String message, Throwable cause) {
      super(message, cause);
    }
  }

  static final class Remote extends Exception {
    private static final long serialVersionUID = 1;

    Remote(String message) {
      super(message);
    }
  }

  static final class Lost extends Exception {
    private static final long serialVersionUID = 1;
    final List<Integer> ranks;

    Lost(String message, List<Integer> ranks) {
      super(message);
      this.ranks = List.copyOf(ranks);
    }
  }

  static final class Broken extends RejectedExecutionException {
    private static final long serialVersionUID = 1;

    Broken(String message, Throwable cause) {
      super(message, cause);
    }
  }

  @Override
  public Exception unserializable(String what, Throwable cause) {
    return new Unserializable(what, cause);
  }

  @Override
  public Exception remote(FailureReport report) {
    return new Remote(report.type() + ": " + report.message());
  }

  @Override
  public Exception workerLost(String what, List<Integer> ranks) {
    return new Lost(what, ranks);
  }

  @Override
  public RejectedExecutionException broken(String why, Throwable cause) {
    return new Broken(why, cause);
  }
}
