package dev.mpipool.batch;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Set;
import java.util.stream.BaseStream;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * A stream whose terminal operations end its source. Those of the JDK do not: after {@code
 * limit(10).toList()} an endless source continues unless {@code close} is called, which is unusual
 * for streams. An {@code iterator} or {@code spliterator} may be used later, so these do not end
 * the source.
 */
public final class ClosingStream implements InvocationHandler {

  private static final List<Class<?>> KINDS =
      List.of(Stream.class, IntStream.class, LongStream.class, DoubleStream.class);

  private static final Set<String> NOT_TERMINAL =
      Set.of("iterator", "spliterator", "isParallel", "close");

  private final BaseStream<?, ?> stream;
  private final Runnable end;

  private ClosingStream(BaseStream<?, ?> stream, Runnable end) {
    this.stream = stream;
    this.end = end;
  }

  /**
   * Wraps a stream and all streams derived from it.
   *
   * @param <T> the type of the elements
   * @param stream not used before
   * @param end called after a terminal operation, however it ends
   * @return a stream that otherwise behaves as the given one
   */
  @SuppressWarnings("unchecked") // a stream of the same elements
  public static <T> Stream<T> of(Stream<T> stream, Runnable end) {
    return (Stream<T>) wrapped(stream, end);
  }

  private static Object wrapped(BaseStream<?, ?> stream, Runnable end) {
    Class<?> kind = KINDS.stream().filter(one -> one.isInstance(stream)).findFirst().orElseThrow();
    return Proxy.newProxyInstance(
        ClosingStream.class.getClassLoader(),
        new Class<?>[] {kind},
        new ClosingStream(stream, end));
  }

  @Override
  public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
    Object result;
    try {
      result = method.invoke(stream, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    } finally {
      if (isTerminal(method)) {
        end.run();
      }
    }
    if (result == stream) {
      return proxy;
    }
    return result instanceof BaseStream<?, ?> derived ? wrapped(derived, end) : result;
  }

  private static boolean isTerminal(Method method) {
    return method.getDeclaringClass() != Object.class
        && !BaseStream.class.isAssignableFrom(method.getReturnType())
        && !NOT_TERMINAL.contains(method.getName());
  }
}
