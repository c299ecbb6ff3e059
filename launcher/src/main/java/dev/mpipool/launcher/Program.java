package dev.mpipool.launcher;

import dev.mpipool.device.TcpDevice;
import dev.mpipool.link.LauncherLink;
import dev.mpipool.link.LauncherLink.Ending;
import java.lang.reflect.InvocationTargetException;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;
import java.util.function.BooleanSupplier;

/**
 * The program of one rank: its {@code main}, run as java would, and what remains of it afterwards.
 */
final class Program {
  /**
   * What a worker throws that has no wish, or is not meant, to go on after its pool: normal ends.
   */
  private static final Set<String> NORMAL_ENDS =
      Set.of("dev.mpipool.WorkersExitException", "dev.mpipool.RankEndedError");

  /**
   * What a worker's pool throws when main's rank is gone: the consequence of an end, not its cause.
   */
  private static final String BROKEN = "dev.mpipool.BrokenExecutorException";

  private final String mainClass;
  private final ClassLoader loader;
  private final BooleanSupplier joined;

  /** Joined tells whether the rank takes part in its job, where that is not by MPI's doing. */
  Program(String mainClass, ClassLoader loader, BooleanSupplier joined) {
    this.mainClass = mainClass;
    this.loader = loader;
    this.joined = joined;
  }

  /** Runs {@code main} in this thread; the trace of what it throws is printed as java prints it. */
  Ending run(String[] arguments, int rank) {
    try {
      MainMethod.of(Class.forName(mainClass, true, loader), Runtime.version().feature())
          .invoke(arguments);
    } catch (InvocationTargetException e) {
      Throwable thrown = e.getCause();
      String type = thrown.getClass().getName();
      boolean quiet = NORMAL_ENDS.contains(type) || (type.equals(BROKEN) && isMainLost());
      if (rank == 0 || !quiet) {
        trim(thrown, Collections.newSetFromMap(new IdentityHashMap<>()));
        Thread thread = Thread.currentThread();
        thread.getUncaughtExceptionHandler().uncaughtException(thread, thrown);
        return Ending.THREW;
      }
    } catch (MainMethod.NoMainException e) {
      if (rank == 0) { // one line is enough
        System.err.println("mpipool: " + e.getMessage());
      }
      return Ending.THREW;
    } catch (ReflectiveOperationException | LinkageError e) {
      System.err.println("mpipool: cannot run " + mainClass + ": " + e);
      return Ending.THREW;
    }
    return usesMpi() ? Ending.UNFINISHED : Ending.FINISHED;
  }

  private static boolean isMainLost() {
    return LauncherLink.current().map(link -> link.isLost(0)).orElse(false);
  }

  /** Whether the rank has joined its job, by MPI.Init or without it, and has not left it. */
  boolean usesMpi() {
    TcpDevice ours = TcpDevice.current();
    return joined.getAsBoolean() || (ours == null ? usesStockDevice() : ours.isOpen());
  }

  /** Whether MPI was initialized on one of MPJ Express's own devices, and not finalized. */
  boolean usesStockDevice() {
    try {
      return Class.forName("mpjdev.javampjdev.MPJDev", true, loader).getField("dev").get(null)
          != null;
    } catch (ReflectiveOperationException | LinkageError e) {
      return false;
    }
  }

  /**
   * Ends MPI for a rank that is a thread and has exited, in a daemon thread: the end of MPI on
   * others waits for it.
   */
  void finalizeMpi(ThreadGroup group) {
    inBackground(group, "mpi.MPI", "Finalize");
  }

  /**
   * The same for a rank whose main has returned, be it a thread or a process; ends its pools, too.
   */
  void finish(ThreadGroup group) {
    inBackground(group, "dev.mpipool.MPIRuntime", "finish");
  }

  private void inBackground(ThreadGroup group, String type, String method) {
    Thread thread =
        new Thread(
            group,
            () -> {
              try {
                Class.forName(type, true, loader).getMethod(method).invoke(null);
              } catch (ReflectiveOperationException | LinkageError e) {
                // Nothing more can be done for it.
              }
            },
            "mpipool-finalize");
    thread.setDaemon(true);
    thread.setContextClassLoader(loader);
    thread.start();
  }

  /** Takes the launcher's own frames off the bottom of a trace. */
  private static void trim(Throwable thrown, Set<Throwable> seen) {
    if (thrown == null || !seen.add(thrown)) {
      return;
    }
    StackTraceElement[] frames = thrown.getStackTrace();
    int end = frames.length;
    while (end > 0 && isOurs(frames[end - 1].getClassName())) {
      end--;
    }
    if (end > 0 && end < frames.length) {
      thrown.setStackTrace(java.util.Arrays.copyOf(frames, end));
    }
    trim(thrown.getCause(), seen);
    for (Throwable suppressed : thrown.getSuppressed()) {
      trim(suppressed, seen);
    }
  }

  private static boolean isOurs(String name) {
    return name.startsWith("dev.mpipool.launcher.Program")
        || name.startsWith("dev.mpipool.launcher.MainMethod")
        || name.startsWith("dev.mpipool.launcher.RankMain")
        || name.startsWith("dev.mpipool.launcher.MulticoreMain")
        || name.startsWith("java.lang.reflect.")
        || name.startsWith("jdk.internal.reflect.")
        || name.equals("java.lang.Thread");
  }
}
