package dev.mpipool.launcher;

import dev.mpipool.link.LauncherLink;
import dev.mpipool.link.LauncherLink.Ending;
import dev.mpipool.signal.Termination;
import dev.mpipool.transport.RankQueues;
import java.io.File;
import java.io.IOException;
import java.lang.reflect.Field;
import java.net.MalformedURLException;
import java.net.URL;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

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

  /** How long the end of a failed job waits for mains that have left it. */
  private static final long PRINTING_NANOS = TimeUnit.SECONDS.toNanos(2);

  /** Nanoseconds between looks, once a rank has ended, whether others wait for it in MPI.Init. */
  private static final long LOOK = TimeUnit.MILLISECONDS.toNanos(200);

  /** So often in a row main must be found waiting for a rank that has ended. */
  private static final int LOOKS = 15;

  /** How long, in seconds, the program's shutdown hooks may take after that. */
  static final String HOOK_TIMEOUT = "mpipool.hook.timeout";

  private static volatile MulticoreMain current;

  private final int np;
  private final String mainClass;
  private final String[] arguments;
  private final BlockingQueue<Ended> ended = new LinkedBlockingQueue<>();
  private final List<Rank> ranks = new ArrayList<>();

  private record Rank(int number, ThreadGroup group, Program program, Thread main) {}

  private record Ended(int rank, Ending ending, int code) {}

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
    current = main;
    int code = main.run(path, Boolean.parseBoolean(arguments[1]));
    // After a FINISHED the launcher says leave, and that would end this JVM with 0.
    link.ended(code == 0 ? Ending.FINISHED : Ending.THREW);
    end(code);
  }

  private int run(String path, boolean tagged)
      throws ReflectiveOperationException, IOException, InterruptedException {
    URL[] urls = urls(path);
    Map<ThreadGroup, Integer> groups = new LinkedHashMap<>();
    for (int rank = 0; rank < np; rank++) {
      groups.put(group(rank), rank);
    }
    RankOutput.install(groups, tagged);
    List<RankLoader> loaders =
        IntStream.range(0, np).mapToObj(rank -> new RankLoader(rank, urls)).toList();
    RankQueues.setRanks(loaders);
    groups.forEach((group, rank) -> ranks.add(rank(group, rank, loaders.get(rank))));
    ranks.forEach(rank -> rank.main().start());
    return await();
  }

  /**
   * A rank other than main's has ended itself by {@code System.exit}. As with a process, the others
   * hear that it is lost unless it has finalized MPI. Its threads cannot be stopped: they stay
   * until the JVM ends.
   */
  static void rankExited(int number, int code) {
    MulticoreMain job = current;
    Rank rank = job.ranks.get(number);
    boolean usesMpi = rank.program().usesMpi();
    if (usesMpi) {
      Threads.daemon(
          "mpipool-rank-exited",
          () -> RankQueues.ofProcess().exited(number, "ended with exit code " + code));
    }
    if (rank.program().usesStockDevice()) {
      rank.program().finalizeMpi(rank.group()); // where others may wait for it, in vain
    }
    job.ended.add(new Ended(number, usesMpi ? Ending.EXITED_UNFINISHED : Ending.EXITED, code));
  }

  /** Whether a thread is the one that runs the main of a rank. */
  static boolean isMain(Thread thread) {
    return current.ranks.stream().anyMatch(rank -> rank.main() == thread);
  }

  private Rank rank(ThreadGroup group, int rank, ClassLoader loader) {
    String[] all = new String[arguments.length + 3];
    all[0] = Integer.toString(rank);
    all[1] = Integer.toString(np);
    all[2] = Device.MULTICORE.mpjName();
    System.arraycopy(arguments, 0, all, 3, arguments.length);
    Program program = new Program(mainClass, loader, () -> RankQueues.ofProcess().isOpen(rank));
    Thread main =
        new Thread(
            group,
            () -> {
              Ending ending = program.run(all, rank);
              if (ending != Ending.THREW) {
                awaitThreads(group);
                ending = program.usesMpi() ? Ending.UNFINISHED : Ending.FINISHED;
              }
              ended.add(new Ended(rank, ending, 0));
              if (rank != 0 && ending == Ending.UNFINISHED) {
                program.finish(group);
              } else if (ending != Ending.UNFINISHED) {
                RankQueues.ofProcess().ended(rank);
              }
            },
            rank == 0 ? "main" : "main of rank " + rank);
    main.setDaemon(false);
    main.setContextClassLoader(loader);
    return new Rank(rank, group, program, main);
  }

  /** Waits until the job is over, and returns its exit code. */
  private int await() throws InterruptedException, ReflectiveOperationException {
    int looks = 0;
    List<Integer> left = new ArrayList<>();
    for (int rank = 0; rank < np; rank++) {
      left.add(rank);
    }
    List<Integer> gone = new ArrayList<>();
    long deadline = Long.MAX_VALUE;
    while (!left.isEmpty()) {
      long wait = deadline == Long.MAX_VALUE ? Long.MAX_VALUE : deadline - System.nanoTime();
      Ended next = ended.poll(gone.isEmpty() ? wait : Math.min(wait, LOOK), TimeUnit.NANOSECONDS);
      Integer missed = next == null ? missed(gone, left) : null;
      if (missed != null) {
        System.err.println(
            "mpipool: rank "
                + missed
                + " (on localhost) did not join the job: ended without MPI.Init, where other ranks"
                + " wait for it");
        return 1;
      }
      if (next == null && left.contains(0)) {
        looks = opensCommunicator(ranks.get(0).group()) ? looks + 1 : 0;
        if (looks == LOOKS) {
          System.err.println(
              "mpipool: rank " + join(gone) + " ended, and rank 0 waits for it in MPI");
          return 1;
        }
      }
      if (next == null && deadline - System.nanoTime() > 0) {
        continue;
      }
      if (next == null && ranks.stream().map(Rank::group).anyMatch(UserThreads::arePoolsLeft)) {
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
      if (!left.remove((Integer) next.rank())) {
        continue; // a rank that has exited, and whose main went on to its end
      }
      gone.add(next.rank());
      if (next.code() != 0) {
        System.err.println(
            "mpipool: rank " + next.rank() + " was lost: ended with exit code " + next.code());
      }
      if (next.ending() == Ending.THREW) {
        if (next.rank() != 0) {
          System.err.println(
              "mpipool: rank " + next.rank() + " ended with an exception, and the job with it");
        }
        awaitMainsThatHaveLeft(left);
        return 1;
      }
      if (next.rank() == 0 && next.ending() == Ending.UNFINISHED) {
        deadline = graceFromNow();
      }
    }
    return 0;
  }

  /**
   * Waits for mains that have left the job and have not ended: a rank that leaves ends the calls in
   * which others wait for it by exceptions, and one of these must not keep its own from being
   * printed.
   */
  private void awaitMainsThatHaveLeft(List<Integer> left) throws InterruptedException {
    RankQueues queues = RankQueues.ofProcess();
    long end = System.nanoTime() + PRINTING_NANOS;
    for (int rank : left) {
      if (queues.hasJoined(rank) && !ranks.get(rank).program().usesMpi()) {
        TimeUnit.NANOSECONDS.timedJoin(ranks.get(rank).main(), end - System.nanoTime());
      }
    }
  }

  private static long graceFromNow() {
    return System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(GRACE);
  }

  /** A rank that has ended without joining the job, where others wait for it; null if none has. */
  private static Integer missed(List<Integer> gone, List<Integer> left)
      throws ReflectiveOperationException {
    RankQueues queues = RankQueues.ofProcess();
    if (left.stream().anyMatch(queues::isOpen)) {
      return gone.stream().filter(rank -> !queues.hasJoined(rank)).findFirst().orElse(null);
    }
    return !gone.isEmpty() && isWaitedFor() ? gone.get(0) : null;
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

  /** Whether a rank makes a communicator, for which all ranks are needed. */
  private static boolean opensCommunicator(ThreadGroup rank) {
    return Thread.getAllStackTraces().entrySet().stream()
        .filter(entry -> entry.getKey().getThreadGroup() == rank)
        .flatMap(entry -> Arrays.stream(entry.getValue()))
        .anyMatch(
            frame ->
                (frame.getClassName().equals("mpjdev.javampjdev.Comm")
                        && frame.getMethodName().equals("calculateContext"))
                    || (frame.getClassName().equals("dev.mpipool.comm.MessageCommunicator")
                        && frame.getMethodName().equals("duplicate")));
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
    Termination.await();
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
