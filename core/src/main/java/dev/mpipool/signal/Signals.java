package dev.mpipool.signal;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Handlers of signals. Reflection is used since the compiler warns of sun.misc.Signal, which is the
 * JDK's supported way, however it is written.
 */
public final class Signals {

  private Signals() {}

  /** Handles a signal, in a thread of its own. */
  @FunctionalInterface
  public interface Handler {
    /**
     * Called each time that the signal arrives.
     *
     * @param number of the signal
     * @param before does what happened at this signal before the handler was installed; nothing if
     *     the signal was ignored or ended the process
     */
    void handle(int number, Runnable before);
  }

  /**
   * Has a signal handled. One of INT, TERM and HUP that was ignored when this process started stays
   * so. Nothing happens where the system does not know the signal, the JVM keeps it for itself
   * ({@code -Xrs}), or the JDK lacks the module jdk.unsupported.
   *
   * @param name without SIG
   * @param handler of this signal from now on
   */
  public static void handle(String name, Handler handler) {
    try {
      Class<?> signals = Class.forName("sun.misc.Signal");
      Class<?> handlers = Class.forName("sun.misc.SignalHandler");
      Object signal = signals.getConstructor(String.class).newInstance(name);
      int number = (int) signals.getMethod("getNumber").invoke(signal);
      AtomicReference<Object> before = new AtomicReference<>();
      Object proxy =
          Proxy.newProxyInstance(
              Signals.class.getClassLoader(),
              new Class<?>[] {handlers},
              (self, method, arguments) -> {
                if (method.getDeclaringClass() == Object.class) {
                  return ofObject(self, method, arguments);
                }
                handler.handle(number, () -> handle(handlers, before.get(), signal));
                return null;
              });
      before.set(signals.getMethod("handle", signals, handlers).invoke(null, signal, proxy));
    } catch (InvocationTargetException e) {
      return; // unknown here, or the JVM's own
    } catch (ReflectiveOperationException e) {
      return; // no sun.misc
    }
  }

  private static Object ofObject(Object self, Method method, Object[] arguments) {
    return switch (method.getName()) {
      case "equals" -> self == arguments[0];
      case "hashCode" -> System.identityHashCode(self);
      default -> Signals.class.getName();
    };
  }

  private static void handle(Class<?> handlers, Object handler, Object signal) {
    try {
      boolean none =
          handler == null
              || handler == handlers.getField("SIG_DFL").get(null)
              || handler == handlers.getField("SIG_IGN").get(null);
      if (!none) {
        handlers.getMethod("handle", signal.getClass()).invoke(handler, signal);
      }
    } catch (InvocationTargetException e) {
      if (!(e.getCause() instanceof UnsupportedOperationException)) { // of a native library
        throw new IllegalStateException(e.getCause());
      }
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }
}
