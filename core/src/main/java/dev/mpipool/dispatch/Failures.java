package dev.mpipool.dispatch;

import dev.mpipool.wire.FailureReport;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;

/**
 * Makes the exceptions that users see. They belong to the public face, which lies above this room.
 */
public interface Failures {

  /**
   * A task could not be read on its worker, or its result could not travel back.
   *
   * @param what which of them, of which task, and why; a whole sentence
   * @param cause what the serializer said, or null
   * @return what completes the future
   */
  Exception unserializable(String what, Throwable cause);

  /**
   * A task's exception cannot travel itself.
   *
   * @param report its text
   * @return what completes the future
   */
  Exception remote(FailureReport report);

  /**
   * All workers that were given a task have died.
   *
   * @param what the task, the ranks and why; a whole sentence
   * @param ranks those workers, in order
   * @return what completes the future
   */
  Exception workerLost(String what, List<Integer> ranks);

  /**
   * The pool can run nothing any more.
   *
   * @param why a whole sentence
   * @param cause what broke it, or null
   * @return what completes pending futures and is thrown to later callers
   */
  RejectedExecutionException broken(String why, Throwable cause);
}
