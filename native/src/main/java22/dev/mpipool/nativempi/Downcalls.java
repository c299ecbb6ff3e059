package dev.mpipool.nativempi;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Functions of C. All of them return an int, and their parameters are ints ({@code i}) or as long
 * as a pointer ({@code p}).
 */
final class Downcalls {

  private static final Linker LINKER = Linker.nativeLinker();

  /** The functions of the C library. */
  static final SymbolLookup LIBC = LINKER.defaultLookup();

  private Downcalls() {}

  /**
   * Links a function.
   *
   * @param symbols where it is
   * @param name its name
   * @param shape a letter for each parameter
   * @return to be called with an int or a long for each parameter
   */
  static MethodHandle link(SymbolLookup symbols, String name, String shape) {
    MemorySegment address =
        symbols.find(name).orElseThrow(() -> new UnsatisfiedLinkError(name + " is missing"));
    MemoryLayout[] parameters =
        shape
            .chars()
            .mapToObj(letter -> letter == 'i' ? ValueLayout.JAVA_INT : ValueLayout.JAVA_LONG)
            .toArray(MemoryLayout[]::new);
    return LINKER.downcallHandle(address, FunctionDescriptor.of(ValueLayout.JAVA_INT, parameters));
  }

  /**
   * Calls a function once, or seldom.
   *
   * @param arguments an Integer or a Long for each letter of the shape
   * @return what the function returns
   */
  static int call(SymbolLookup symbols, String name, String shape, Object... arguments) {
    try {
      return (int) link(symbols, name, shape).invokeWithArguments(arguments);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** What a downcall throws is never of C's. */
  static RuntimeException unexpected(Throwable e) {
    if (e instanceof Error) {
      throw (Error) e;
    }
    return e instanceof RuntimeException ? (RuntimeException) e : new IllegalStateException(e);
  }
}
