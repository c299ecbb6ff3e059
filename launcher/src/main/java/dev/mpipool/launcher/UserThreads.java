package dev.mpipool.launcher;

import java.util.function.Predicate;

/** The threads that keep a program alive after its main has returned. */
final class UserThreads {
  private UserThreads() {}

  /** Whether a pool is left that was shut down and still runs tasks. */
  static boolean arePoolsLeft(ThreadGroup group) {
    return next(group, UserThreads::isOfPool) != null;
  }

  /**
   * Waits, as java does, until no thread of the program is left that is not a daemon. MPJ Express's
   * own threads do not count: without {@code MPI.Finalize} they would go on for ever.
   */
  static void await(ThreadGroup group) throws InterruptedException {
    await(group, thread -> true);
  }

  /** Waits until no pool is left that was shut down and still runs tasks. */
  static void awaitPools(ThreadGroup group) throws InterruptedException {
    await(group, UserThreads::isOfPool);
  }

  private static void await(ThreadGroup group, Predicate<Thread> which)
      throws InterruptedException {
    for (Thread thread = next(group, which); thread != null; thread = next(group, which)) {
      thread.join();
    }
  }

  private static Thread next(ThreadGroup group, Predicate<Thread> which) {
    Thread[] threads = new Thread[group.activeCount() + 16];
    int n = group.enumerate(threads);
    while (n == threads.length) {
      threads = new Thread[2 * n];
      n = group.enumerate(threads);
    }
    for (int i = 0; i < n; i++) {
      Thread thread = threads[i];
      if (thread != Thread.currentThread()
          && !thread.isDaemon()
          && which.test(thread)
          && !thread.getName().equals("DestroyJavaVM")
          && !isOfMpj(thread)) {
        return thread;
      }
    }
    return null;
  }

  /** The thread of a pool that was shut down and still runs tasks. */
  private static boolean isOfPool(Thread thread) {
    return thread.getName().equals("mpipool-shutdown");
  }

  private static boolean isOfMpj(Thread thread) {
    StackTraceElement[] frames = thread.getStackTrace();
    // At the bottom stands Thread.run, one or two frames of it depending on the JDK, and then whose
    // thread it is.
    for (int i = frames.length - 1; i >= 0; i--) {
      String name = frames[i].getClassName();
      if (!name.equals("java.lang.Thread")) {
        return name.startsWith("xdev.") || name.startsWith("mpjdev.") || name.startsWith("mpi.");
      }
    }
    return false;
  }
}
