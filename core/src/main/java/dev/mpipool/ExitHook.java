package dev.mpipool;

import dev.mpipool.memory.Uninterruptibles;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * What becomes of a pool when the JVM ends before the pool does.
 *
 * <p>Shutdown hooks run side by side, and the program's own may wait for results, submit tasks or
 * close the pool. So this one does nothing to the pool while others run: the workers serve them to
 * the end. When the program's main has returned and no other hook is left, a line on standard error
 * says what is given up. A program that calls {@code System.exit} knows what it does, and gets no
 * such line.
 */
final class ExitHook extends Thread {

  /** How long other hooks are waited for. */
  private static final long OTHERS_MILLIS = 60_000;

  /** Where the launcher has the program's calls of exit go in multicore mode. */
  private static final String REDIRECTED = "dev.mpipool.launcher.RankExit";

  private final PoolOnMain pool;
  private final ThreadGroup group = Thread.currentThread().getThreadGroup();

  ExitHook(PoolOnMain pool) {
    super("mpipool-unclosed");
    this.pool = pool;
  }

  @Override
  public void run() {
    if (!exitIsTheProgramsWish()) {
      awaitOtherHooks();
      pool.sayIfUnclosed("main has returned");
    }
    pool.abandon();
  }

  /**
   * Whether the program, or a signal, has asked for the end of the JVM. If not, main has returned:
   * then exit is not called, or by the launcher.
   */
  private static boolean exitIsTheProgramsWish() {
    return Thread.getAllStackTraces().values().stream()
        .map(ExitHook::callerOfExit)
        .flatMap(Optional::stream)
        .anyMatch(caller -> !caller.startsWith("dev.mpipool.launcher."));
  }

  /** The class that has called exit in a thread; empty if that thread has not. */
  private static Optional<String> callerOfExit(StackTraceElement[] frames) {
    for (int i = 0; i < frames.length; i++) {
      if (frames[i].getClassName().equals("java.lang.Shutdown")
          && frames[i].getMethodName().equals("exit")) {
        return Arrays.stream(frames, i, frames.length)
            .map(StackTraceElement::getClassName)
            .filter(name -> !name.startsWith("java.lang.") && !name.equals(REDIRECTED))
            .findFirst()
            .or(() -> Optional.of("a signal"));
      }
    }
    return Optional.empty();
  }

  /**
   * Main having returned, only hooks and what they have started are no daemons. The JVM waits for
   * them, too, so that nothing ends later for this.
   */
  private void awaitOtherHooks() {
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(OTHERS_MILLIS);
    for (Optional<Thread> other = otherHook(); other.isPresent(); other = otherHook()) {
      long rest = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
      if (rest <= 0 || !Uninterruptibles.join(other.get(), rest)) {
        return;
      }
    }
  }

  private Optional<Thread> otherHook() {
    Thread[] threads = new Thread[2 * group.activeCount() + 16];
    int count = group.enumerate(threads);
    return Arrays.stream(threads, 0, count)
        .filter(thread -> !thread.isDaemon() && !(thread instanceof ExitHook))
        .filter(thread -> isHook(thread.getStackTrace()))
        .findFirst();
  }

  /** Neither the thread that ends the JVM, nor one of MPJ Express's, which are no daemons. */
  private static boolean isHook(StackTraceElement[] frames) {
    return frames.length > 0
        && Arrays.stream(frames)
            .map(StackTraceElement::getClassName)
            .noneMatch(
                name ->
                    name.equals("java.lang.Shutdown")
                        || name.startsWith("xdev.")
                        || name.startsWith("mpjdev.")
                        || name.startsWith("dev.mpipool.launcher."));
  }
}
