package dev.mpipool.nativempi;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** What is needed of the C library beside sockets. */
final class Libc {

  private static final MethodHandle USLEEP = Downcalls.link(Downcalls.LIBC, "usleep", "i");

  private Libc() {}

  /** Sets a variable of the environment that C code sees, unless the user has set it. */
  static void setIfAbsent(String name, String value) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment cName = arena.allocateFrom(name);
      MemorySegment cValue = arena.allocateFrom(value);
      Downcalls.call(Downcalls.LIBC, "setenv", "ppi", cName.address(), cValue.address(), 0);
    }
  }

  /** Sleeps; an interrupt does not end the sleep. */
  static void sleepMicros(int micros) {
    try {
      int ignored = (int) USLEEP.invokeExact(micros);
    } catch (Throwable e) {
      throw Downcalls.unexpected(e);
    }
  }

  /**
   * Has a function called at the very end of this process, when all of Java has ended. What is
   * registered last is called first.
   */
  static void atExit(MemorySegment function, long argument) {
    Downcalls.call(Downcalls.LIBC, "__cxa_atexit", "ppp", function.address(), argument, 0L);
  }

  /**
   * Whether functions {@linkplain #atExit called at the end} get the exit code after their
   * argument.
   */
  static boolean tellsExitCode() {
    return Downcalls.LIBC.find("gnu_get_libc_version").isPresent();
  }
}
