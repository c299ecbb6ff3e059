package dev.mpipool.launcher;

import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Member;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The main method of a program, found as {@code java} of this version finds it: {@code public
 * static void main(String[])}, and from Java 25 on also one that is an object's, that is not
 * public, or that has no parameter.
 */
final class MainMethod {
  private static final int ANY_MAIN = 25;

  private final Method method;
  private final Constructor<?> constructor;

  private MainMethod(Method method, Constructor<?> constructor) {
    this.method = method;
    this.constructor = constructor;
  }

  /** A class has no main method that this Java runs; the message has the cure. */
  static final class NoMainException extends Exception {
    private static final long serialVersionUID = 1;

    NoMainException(String message) {
      super(message);
    }
  }

  /**
   * Checks that the ranks can run a class, so that not each of them has to say why it cannot.
   *
   * @param path the class path of the ranks
   * @throws IOException if they cannot; says why, and what to do
   */
  static void check(String name, List<Path> path) throws IOException {
    List<URL> urls = new ArrayList<>();
    for (Path entry : path) {
      urls.add(entry.toUri().toURL());
    }
    try (URLClassLoader loader =
        new URLClassLoader(urls.toArray(URL[]::new), ClassLoader.getPlatformClassLoader())) {
      of(Class.forName(name, false, loader), Runtime.version().feature());
    } catch (UnsupportedClassVersionError e) {
      throw new IOException(
          "class "
              + name
              + " was compiled for a newer Java, and this is Java "
              + Runtime.version().feature()
              + ": set JAVA_HOME to the newer one, or compile with javac --release "
              + Runtime.version().feature(),
          e);
    } catch (NoMainException e) {
      throw new IOException(e.getMessage(), e);
    } catch (NoClassDefFoundError e) {
      throw new IOException(
          "class "
              + name
              + " needs class "
              + String.valueOf(e.getMessage()).replace('/', '.')
              + ", which is not on the class path: add its folder or jar with -cp",
          e);
    } catch (ClassNotFoundException | LinkageError e) {
      throw new IOException("class " + name + " cannot be loaded: " + e, e);
    }
  }

  /** Finds the main method of a class. */
  static MainMethod of(Class<?> type, int javaVersion) throws NoMainException {
    Optional<Method> full = declared(type, String[].class);
    Optional<Method> found = full.isPresent() ? full : declared(type);
    String name = type.getName();
    if (found.isEmpty()) {
      throw new NoMainException(
          "class "
              + name
              + " has no main method: add public static void main(String[] args), or name the class"
              + " that has it");
    }
    Method method = found.get();
    boolean classic =
        full.isPresent()
            && Modifier.isPublic(method.getModifiers())
            && Modifier.isStatic(method.getModifiers());
    if (!classic && javaVersion < ANY_MAIN) {
      throw new NoMainException(
          ("%s cannot be started by Java %d: declare it public static void main(String[] args), or"
                  + " set JAVA_HOME to Java %d or later")
              .formatted(signature(method), javaVersion, ANY_MAIN));
    }
    if (Modifier.isStatic(method.getModifiers())) {
      return new MainMethod(method, null);
    }
    try {
      Constructor<?> constructor = type.getDeclaredConstructor();
      if (!isPrivate(constructor) && !Modifier.isAbstract(type.getModifiers())) {
        return new MainMethod(method, constructor);
      }
    } catch (NoSuchMethodException e) {
      // said below
    }
    throw new NoMainException(
        signature(method)
            + " needs an object, and its class has no constructor without parameters that java could"
            + " call: declare main static");
  }

  /** The nearest main with these parameters that is not private and returns nothing. */
  private static Optional<Method> declared(Class<?> type, Class<?>... parameters) {
    for (Class<?> each = type; each != null; each = each.getSuperclass()) {
      try {
        Method main = each.getDeclaredMethod("main", parameters);
        if (!isPrivate(main) && main.getReturnType() == void.class) {
          return Optional.of(main);
        }
      } catch (NoSuchMethodException e) {
        // perhaps inherited
      }
    }
    return Optional.empty();
  }

  private static boolean isPrivate(Member member) {
    return Modifier.isPrivate(member.getModifiers());
  }

  private static String signature(Method method) {
    int modifiers =
        method.getModifiers() & (Modifier.PUBLIC | Modifier.PROTECTED | Modifier.STATIC);
    String text = Modifier.toString(modifiers);
    return "%s.main, which is \"%s%svoid main(%s)\","
        .formatted(
            method.getDeclaringClass().getName(),
            text,
            text.isEmpty() ? "" : " ",
            method.getParameterCount() == 0 ? "" : "String[]");
  }

  /** Runs it. */
  void invoke(String[] arguments) throws ReflectiveOperationException, InvocationTargetException {
    Object program = null;
    if (constructor != null) {
      constructor.setAccessible(true);
      program = constructor.newInstance();
    }
    method.setAccessible(true);
    if (method.getParameterCount() == 0) {
      method.invoke(program);
    } else {
      method.invoke(program, (Object) arguments);
    }
  }
}
