package dev.mpipool.dispatch;

/** May submit more tasks, even after a shutdown, and is told of the pool's end. */
public interface TaskSource {
  /** The pool takes no more tasks from users: end, or go on and end soon. */
  void poolShutDown();

  /**
   * The pool runs nothing any more.
   *
   * @param why what befalls all that is pending
   */
  void poolEnded(Throwable why);
}
