package dev.mpipool.agent;

import java.io.IOException;
import java.io.InputStream;
import java.lang.instrument.ClassFileTransformer;
import java.lang.instrument.Instrumentation;
import java.lang.ref.WeakReference;
import java.security.ProtectionDomain;
import java.util.Map;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The agent: makes the lambdas and records of the program's classes serializable when the classes
 * are loaded, and opens the JDK's asynchronous methods to mpipool. In multicore mode, where each
 * rank has a class loader, it sees the classes of all.
 */
public final class Agent implements ClassFileTransformer {
  /** Packages, and classes, whose objects lambdas may capture; separated by commas. */
  static final String CAPTURE = "mpipool.capture";

  /** The class of mpipool that looks into the tasks of the JDK's CompletableFuture. */
  private static final String LOOKING = "dev/mpipool/AsyncStage";

  private static final String LOOKED_AT = "java.util.concurrent";

  private final Instrumentation instrumentation;
  private final ProgramClasses program;
  private final Names captured;
  private final AtomicBoolean warned = new AtomicBoolean();

  private final Map<ClassLoader, ClassRewriter> rewriters = new WeakHashMap<>();

  private Agent(Instrumentation instrumentation, ProgramClasses program, Names captured) {
    this.instrumentation = instrumentation;
    this.program = program;
    this.captured = captured;
  }

  /**
   * Called by the JVM before the program.
   *
   * @param arguments none; system properties say what to do
   * @param instrumentation of this JVM
   */
  public static void premain(String arguments, Instrumentation instrumentation) {
    ProgramClasses program = ProgramClasses.of(System.getProperties());
    if (program.isEmpty()) {
      System.err.println(
          "mpipool-agent: the class path has neither a folder nor the main class; say with -D"
              + ProgramClasses.PACKAGES
              + "=.. whose lambdas are to be serializable");
      return;
    }
    instrumentation.addTransformer(
        new Agent(instrumentation, program, new Names(System.getProperty(CAPTURE))));
  }

  @Override
  public byte[] transform(
      Module module,
      ClassLoader loader,
      String className,
      Class<?> redefined,
      ProtectionDomain domain,
      byte[] classFile) {
    if (LOOKING.equals(className)) {
      open(module);
    }
    return transform(loader, className, redefined, domain, classFile);
  }

  /** As {@code --add-opens} would, but only for mpipool, of whose loaders there may be several. */
  private void open(Module module) {
    instrumentation.redefineModule(
        Object.class.getModule(),
        Set.of(),
        Map.of(),
        Map.of(LOOKED_AT, Set.of(module)),
        Set.of(),
        Map.of());
  }

  @Override
  public byte[] transform(
      ClassLoader loader,
      String className,
      Class<?> redefined,
      ProtectionDomain domain,
      byte[] classFile) {
    if (loader == null || className == null || loader == ClassLoader.getPlatformClassLoader()) {
      return null;
    }
    try {
      boolean isProgram = program.contain(className, domain);
      boolean isNamed = captured.contain(className) && !className.startsWith("dev/mpipool/");
      return isProgram || isNamed ? rewriter(loader).rewrite(classFile, isProgram) : null;
    } catch (RuntimeException | Error e) {
      // The class stays as it is; its plain lambdas are refused, as without the agent.
      if (warned.compareAndSet(false, true)) {
        System.err.println(
            "mpipool-agent: the lambdas of "
                + className.replace('/', '.')
                + " stay as they are, and perhaps those of more classes: "
                + e);
      }
      return null;
    }
  }

  private ClassRewriter rewriter(ClassLoader loader) {
    synchronized (rewriters) {
      ClassRewriter known = rewriters.get(loader);
      if (known == null) {
        known = new ClassRewriter(new Captures(captured, new FilesOf(loader)));
        rewriters.put(loader, known);
      }
      return known;
    }
  }

  /** The class files that a class loader finds. No lambda, which would be linked at start. */
  private static final class FilesOf implements Captures.ClassFiles {
    private final WeakReference<ClassLoader> loader;

    FilesOf(ClassLoader loader) {
      this.loader = new WeakReference<>(loader);
    }

    @Override
    public byte[] find(String name) {
      ClassLoader alive = loader.get();
      if (alive == null) {
        return null;
      }
      try (InputStream in = alive.getResourceAsStream(name + ".class")) {
        return in == null ? null : in.readAllBytes();
      } catch (IOException e) {
        return null;
      }
    }
  }
}
