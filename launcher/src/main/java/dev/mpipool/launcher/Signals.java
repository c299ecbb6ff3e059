package dev.mpipool.launcher;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * The signals that ask the launcher to end: of the terminal (INT), of the system or a scheduler
 * (TERM), of a terminal that is closed (HUP).
 *
 * <p>A shutdown hook would hear of the first one only. Reflection is used since the compiler warns
 * of sun.misc.Signal, which is the JDK's supported way, however it is written.
 */
final class Signals {
  private static final List<String> NAMES = List.of("INT", "TERM", "HUP");
  private static final int EXIT_CODE = 128;

  /** The exit code that says INT. */
  static final int INTERRUPTED = EXIT_CODE + 2;

  private Signals() {}

  /**
   * Has each of these signals handled, in a thread of its own. One that was ignored when this
   * process started stays so; where signals cannot be handled, they end this process, and with it
   * the ranks.
   *
   * @param handler gets the exit code that says which signal it was
   */
  static void handle(IntConsumer handler) {
    for (String name : NAMES) {
      try {
        handle(name, handler);
      } catch (InvocationTargetException e) {
        // This system does not know the signal, or the JVM was started with -Xrs.
      } catch (ReflectiveOperationException e) {
        return; // a JDK without the module jdk.unsupported
      }
    }
  }

  private static void handle(String name, IntConsumer handler) throws ReflectiveOperationException {
    Class<?> signals = Class.forName("sun.misc.Signal");
    Class<?> handlers = Class.forName("sun.misc.SignalHandler");
    Object signal = signals.getConstructor(String.class).newInstance(name);
    int code = EXIT_CODE + (int) signals.getMethod("getNumber").invoke(signal);
    Object proxy =
        Proxy.newProxyInstance(
            Signals.class.getClassLoader(),
            new Class<?>[] {handlers},
            (self, method, arguments) -> {
              handler.accept(code);
              return null;
            });
    signals.getMethod("handle", signals, handlers).invoke(null, signal, proxy);
  }
}
