package dev.mpipool.nativempi;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.StringJoiner;

/**
 * The signal handlers of this process, which the JVM needs: it lives on SIGSEGV, for null checks. A
 * library that an MPI brings along (UCX, for one) may take them when it is initialized.
 */
final class SignalHandlers {

  private static final boolean MAC = System.getProperty("os.name").startsWith("Mac");

  /** SIGILL, FPE, SEGV, BUS: by these the JVM learns of null, among other things. */
  private static final int VITAL = 4;

  /** Those, and SIGHUP, INT, QUIT, PIPE, TERM, USR2. */
  private static final int[] SIGNALS = {4, 8, 11, MAC ? 10 : 7, 1, 2, 3, 13, 15, MAC ? 31 : 12};

  /** Larger than C's struct sigaction, which begins with the handler. */
  private static final int BYTES = 256;

  private final MethodHandle sigaction = Downcalls.link(Downcalls.LIBC, "sigaction", "ipp");
  private final MemorySegment[] saved = new MemorySegment[SIGNALS.length];

  /** Remembers the present handlers. */
  SignalHandlers() {
    for (int i = 0; i < SIGNALS.length; i++) {
      saved[i] = Arena.global().allocate(BYTES, Long.BYTES);
      call(SIGNALS[i], 0, saved[i].address());
    }
  }

  /**
   * Puts back those that have changed.
   *
   * @return the numbers of their signals, as far as Java cannot run without; empty if there are
   *     none
   */
  String putBack() {
    StringJoiner changed = new StringJoiner(", ");
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment now = arena.allocate(BYTES, Long.BYTES);
      for (int i = 0; i < SIGNALS.length; i++) {
        call(SIGNALS[i], 0, now.address());
        if (now.get(ValueLayout.JAVA_LONG, 0) != saved[i].get(ValueLayout.JAVA_LONG, 0)) {
          call(SIGNALS[i], saved[i].address(), 0);
          if (i < VITAL) {
            changed.add(Integer.toString(SIGNALS[i]));
          }
        }
      }
    }
    return changed.toString();
  }

  private void call(int signal, long set, long get) {
    try {
      int ignored = (int) sigaction.invokeExact(signal, set, get);
    } catch (Throwable e) {
      throw Downcalls.unexpected(e);
    }
  }
}
