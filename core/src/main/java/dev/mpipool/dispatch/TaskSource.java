package dev.mpipool.dispatch;

/** May submit tasks after a shutdown; informed of the pool's end. Called without locks. */
public interface TaskSource {
  /** The pool was shut down and accepts no more tasks from users. The source should end soon. */
  void poolShutDown();

  /**
   * The pool runs no more tasks.
   *
   * @param why the failure of everything pending
   */
  void poolEnded(Throwable why);
}
