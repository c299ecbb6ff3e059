package dev.mpipool.launcher;

import java.lang.StackWalker.Option;
import java.lang.StackWalker.StackFrame;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;

/**
 * What {@code System.exit}, {@code Runtime.exit} and {@code Runtime.halt} do in a rank that is a
 * thread: {@link RankLoader} redirects the program's calls to these methods.
 *
 * <p>On main's rank, and in a task, they do what they always do. On another rank they end that rank
 * alone: the calling thread does not return, and no finally block runs.
 */
public final class RankExit {
  private static final String OF_TASKS = "dev.mpipool.worker.";

  private static final StackWalker STACK =
      StackWalker.getInstance(Set.of(Option.RETAIN_CLASS_REFERENCE, Option.SHOW_HIDDEN_FRAMES));

  private RankExit() {}

  /**
   * In place of {@link System#exit}.
   *
   * @param code the exit code
   */
  public static void exit(int code) {
    endRank(code);
    System.exit(code);
  }

  /**
   * In place of {@link Runtime#exit}.
   *
   * @param runtime the object of the call
   * @param code the exit code
   */
  public static void exit(Runtime runtime, int code) {
    endRank(code);
    runtime.exit(code);
  }

  /**
   * In place of {@link Runtime#halt}.
   *
   * @param runtime the object of the call
   * @param code the exit code
   */
  public static void halt(Runtime runtime, int code) {
    endRank(code);
    runtime.halt(code);
  }

  /** Returns where the whole JVM is to end. */
  private static void endRank(int code) {
    Optional<RankLoader> loader =
        STACK.walk(frames -> frames.map(RankExit::loader).flatMap(Optional::stream).findFirst());
    if (loader.isEmpty() || loader.get().rank() == 0 || isTask()) {
      return;
    }
    if (isShuttingDown() && !MulticoreMain.isMain(Thread.currentThread())) {
      // The JVM waits for its shutdown hooks, of which this thread may be one.
      Thread.currentThread().setUncaughtExceptionHandler((thread, error) -> {});
      throw new HookEnded();
    }
    MulticoreMain.rankExited(loader.get().rank(), code);
    while (true) {
      LockSupport.park();
    }
  }

  private static Optional<RankLoader> loader(StackFrame frame) {
    return frame.getDeclaringClass().getClassLoader() instanceof RankLoader loader
        ? Optional.of(loader)
        : Optional.empty();
  }

  private static boolean isTask() {
    return STACK.walk(frames -> frames.anyMatch(f -> f.getClassName().startsWith(OF_TASKS)));
  }

  private static boolean isShuttingDown() {
    try {
      Runtime.getRuntime().removeShutdownHook(new Thread());
      return false;
    } catch (IllegalStateException e) {
      return true;
    }
  }

  /** Ends a thread without a word. */
  private static final class HookEnded extends Error {
    private static final long serialVersionUID = 1;

    HookEnded() {
      super(null, null, false, false);
    }
  }
}
