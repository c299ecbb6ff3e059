package dev.mpipool.serial;

import java.util.Optional;

/**
 * Finds the classes of a program, whose loader need not be the calling thread's context class
 * loader: a program that Java runs from its source ({@code java Main.java}) has one of its own.
 */
public final class ProgramLoader extends ClassLoader {

  private static final String OURS = "dev.mpipool.";

  private final ClassLoader second;

  private ProgramLoader(ClassLoader first, ClassLoader second) {
    super(first);
    this.second = second;
  }

  /**
   * The loader for the program that calls mpipool. In multicore mode every rank has one of its own,
   * as its threads' context class loader.
   *
   * @return the context class loader, if it finds the class that calls; else one that asks the
   *     caller's loader, too
   */
  public static ClassLoader find() {
    ClassLoader context = Thread.currentThread().getContextClassLoader();
    ClassLoader usual = context == null ? ProgramLoader.class.getClassLoader() : context;
    Optional<Class<?>> caller =
        StackWalker.getInstance(StackWalker.Option.RETAIN_CLASS_REFERENCE)
            .walk(
                frames ->
                    frames
                        .<Class<?>>map(StackWalker.StackFrame::getDeclaringClass)
                        .filter(ProgramLoader::isOfProgram)
                        .findFirst());
    if (caller.isEmpty()) {
      return usual;
    }
    ClassLoader own = caller.get().getClassLoader();
    try {
      Class<?> found = Class.forName(caller.get().getName(), false, usual);
      return found == caller.get() ? usual : new ProgramLoader(own, usual);
    } catch (ClassNotFoundException | LinkageError e) {
      return new ProgramLoader(usual, own);
    }
  }

  private static boolean isOfProgram(Class<?> type) {
    ClassLoader loader = type.getClassLoader();
    return loader != null
        && loader != ClassLoader.getPlatformClassLoader()
        && !type.isHidden()
        && !type.getName().startsWith(OURS)
        && seesThis(loader);
  }

  /** A loader that finds another copy of mpipool, or none, belongs to some other program. */
  private static boolean seesThis(ClassLoader loader) {
    try {
      return Class.forName(ProgramLoader.class.getName(), false, loader) == ProgramLoader.class;
    } catch (ClassNotFoundException | LinkageError e) {
      return false;
    }
  }

  @Override
  protected Class<?> findClass(String name) throws ClassNotFoundException {
    return second.loadClass(name);
  }
}
