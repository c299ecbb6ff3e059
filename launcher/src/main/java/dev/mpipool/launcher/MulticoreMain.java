package dev.mpipool.launcher;

import dev.mpipool.device.LauncherLink;
import dev.mpipool.device.LauncherLink.Ending;
import java.io.File;
import java.io.IOException;
import java.lang.reflect.Field;
import java.net.MalformedURLException;
import java.net.URL;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * The main class of the JVM whose threads are ranks. Arguments: the number of ranks, whether to tag
 * their output, the class path of each, the program's main class, and the program's arguments.
 *
 * <p>Each rank has a thread group, by which MPJ Express's smpdev knows it, and a class loader,
 * which gives it static fields of its own.
 */
public final class MulticoreMain {
  /**
   * How long, in milliseconds, the other ranks may go on when main's has ended without finalizing
   * MPI.
   */
  private static final int GRACE = 1_500;

  /** Nanoseconds between looks, once a rank has ended, whether others wait for it in MPI.Init. */
  private static final long LOOK = TimeUnit.MILLISECONDS.toNanos(200);

  /** How long, in seconds, the program's shutdown hooks may take after that. */
  static final String HOOK_TIMEOUT = "mpipool.hook.timeout";

  private final int np;
  private final String mainClass;
  private final String[] arguments;
  private final BlockingQueue<Ended> ended = new LinkedBlockingQueue<>();

  private final Set<ThreadGroup> groups = new LinkedHashSet<>();

  private record Ended(int rank, Ending ending) {}

  private MulticoreMain(int np, String mainClass, String[] arguments) {
    this.np = np;
    this.mainClass = mainClass;
    this.arguments = arguments;
  }

  /**
   * Runs all ranks.
   *
   * @param arguments see above
   * @throws Exception if the JVM is not as the launcher makes it
   */
  public static void main(String[] arguments) throws Exception {
    LauncherLink link = RankMain.link(0);
    String path = arguments[2];
    System.setProperty("java.class.path", path);
    MulticoreMain main =
        new MulticoreMain(
            Integer.parseInt(arguments[0]),
            arguments[3],
            Arrays.copyOfRange(arguments, 4, arguments.length));
    int code = main.run(path, Boolean.parseBoolean(arguments[1]));
    // After a FINISHED the launcher says leave, and that would end this JVM with 0.
    link.ended(code == 0 ? Ending.FINISHED : Ending.THREW);
    end(code);
  }

  private int run(String path, boolean tagged)
      throws ReflectiveOperationException, IOException, InterruptedException {
    URL[] urls = urls(path);
    Map<ThreadGroup, Integer> ranks = new LinkedHashMap<>();
    for (int rank = 0; rank < np; rank++) {
      ranks.put(group(rank), rank);
    }
    groups.addAll(ranks.keySet());
    RankOutput.install(ranks, tagged);
    ranks.forEach((group, rank) -> start(group, rank, new RankLoader(urls)));
    return await();
  }

  private void start(ThreadGroup group, int rank, ClassLoader loader) {
    String[] all = new String[arguments.length + 3];
    all[0] = Integer.toString(rank);
    all[1] = Integer.toString(np);
    all[2] = Device.MULTICORE.mpjName();
    System.arraycopy(arguments, 0, all, 3, arguments.length);
    Thread main =
        new Thread(
            group,
            () -> {
              Program program = new Program(mainClass, loader);
              Ending ending = program.run(all, rank);
              if (ending != Ending.THREW) {
                awaitThreads(group);
                ending = program.usesMpi() ? Ending.UNFINISHED : Ending.FINISHED;
              }
              ended.add(new Ended(rank, ending));
            },
            rank == 0 ? "main" : "main of rank " + rank);
    main.setDaemon(false);
    main.setContextClassLoader(loader);
    main.start();
  }

  /** Waits until the job is over, and returns its exit code. */
  private int await() throws InterruptedException, ReflectiveOperationException {
    int running = np;
    List<Integer> left = new ArrayList<>();
    for (int rank = 0; rank < np; rank++) {
      left.add(rank);
    }
    List<Integer> gone = new ArrayList<>();
    long deadline = Long.MAX_VALUE;
    while (running > 0) {
      long wait = deadline == Long.MAX_VALUE ? Long.MAX_VALUE : deadline - System.nanoTime();
      Ended next = ended.poll(gone.isEmpty() ? wait : Math.min(wait, LOOK), TimeUnit.NANOSECONDS);
      if (next == null && isWaitedFor()) {
        System.err.println(
            "mpipool: rank "
                + gone.get(0)
                + " (on localhost) did not join the job: ended without MPI.Init, where other ranks"
                + " wait for it");
        return 1;
      }
      if (next == null && deadline - System.nanoTime() > 0) {
        continue;
      }
      if (next == null && groups.stream().anyMatch(UserThreads::arePoolsLeft)) {
        deadline = graceFromNow();
        continue;
      }
      if (next == null) {
        System.err.println(
            "mpipool: rank 0 ended without MPI.Finalize; rank "
                + join(left)
                + " was still running");
        return 0;
      }
      running--;
      left.remove((Integer) next.rank());
      gone.add(next.rank());
      if (next.ending() == Ending.THREW) {
        if (next.rank() != 0) {
          System.err.println(
              "mpipool: rank " + next.rank() + " ended with an exception, and the job with it");
        }
        return 1;
      }
      if (next.rank() == 0 && next.ending() == Ending.UNFINISHED) {
        deadline = graceFromNow();
      }
    }
    return 0;
  }

  private static long graceFromNow() {
    return System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(GRACE);
  }

  /**
   * Whether ranks wait in MPI.Init for others, which MPJ Express's device knows and never tells.
   */
  private static boolean isWaitedFor() throws ReflectiveOperationException {
    Class<?> device = Class.forName("xdev.smpdev.SMPDeviceImpl");
    Field registered = device.getDeclaredField("numRegisteredThreads");
    Field initialized = device.getDeclaredField("initialized");
    registered.setAccessible(true);
    initialized.setAccessible(true);
    synchronized (device) {
      return registered.getInt(null) > 0 && !initialized.getBoolean(null);
    }
  }

  private static void awaitThreads(ThreadGroup group) {
    try {
      UserThreads.await(group);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Exits; and should a shutdown hook of the program not come to an end, all the same. */
  private static void end(int code) {
    Threads.daemon(
        "mpipool-halt",
        () -> {
          Threads.pause(1_000 * Integer.getInteger(HOOK_TIMEOUT));
          Runtime.getRuntime().halt(code);
        });
    System.exit(code);
  }

  private static String join(List<Integer> ranks) {
    return String.join(", ", ranks.stream().map(String::valueOf).toList());
  }

  /** MPJ Express's own kind of thread group, which only the class path of this JVM has. */
  private static ThreadGroup group(int rank) throws ReflectiveOperationException {
    return Class.forName("xdev.smpdev.SMPDevProcess")
        .asSubclass(ThreadGroup.class)
        .getConstructor(String.class)
        .newInstance("MPI" + rank);
  }

  private static URL[] urls(String path) throws MalformedURLException {
    List<URL> urls = new ArrayList<>();
    for (String entry : path.split(File.pathSeparator, -1)) {
      urls.add(new File(entry).toURI().toURL());
    }
    return urls.toArray(URL[]::new);
  }
}
