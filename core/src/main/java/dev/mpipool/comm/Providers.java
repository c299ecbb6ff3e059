package dev.mpipool.comm;

import dev.mpipool.signal.Termination;
import dev.mpipool.transport.Launch;
import dev.mpipool.transport.RankQueues;
import dev.mpipool.transport.ThreadProvider;
import dev.mpipool.transport.ThreadTransport;
import dev.mpipool.transport.Transport;
import dev.mpipool.transport.TransportProvider;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Detects whether this process is one of several ranks, joins the other ranks, and leaves the job.
 * Not for programs, which use {@link dev.mpipool.MPIRuntime}.
 *
 * <p>Joining is guarded by the monitor of {@code PROVIDERS}; afterwards {@code joined} is fixed and
 * read without it.
 */
public final class Providers {

  /** The environment variable, and the system property, that forbids the use of MPI. */
  private static final String DISABLE = "MPI_DISABLE";

  private static final Set<String> YES = Set.of("1", "true", "yes", "on");

  /** A system property that our launcher sets in every rank's JVM, also where ranks are threads. */
  private static final String LAUNCHER_PROPERTY = "mpipool.launcher";

  /** The search for providers ends after this many that cannot be loaded. */
  private static final int MOST_FAILURES = 100;

  /** How long rank 0 may take to print why all ranks end. */
  private static final long MILLIS_FOR_RANK_0 = 5_000;

  private static final Logger LOG = LoggerFactory.getLogger(Providers.class);

  private static final List<TransportProvider> PROVIDERS = load();

  /** Time in which most launchers end all ranks after rank 0 could not join and exited. */
  private static final long MILLIS_FOR_THE_SAME = 2_000;

  private static final AtomicBoolean REFUSED = new AtomicBoolean();

  /** Whether a rank may never take part in a collective call again. */
  private static volatile boolean rankExcluded;

  /** The job that this rank has joined; null before, and in a process that is not a rank. */
  private static volatile Job joined;

  private static volatile boolean finished;

  /** The world communicator of a process that is not a rank; created on first use. */
  private static final class Alone {
    static final Communicator WORLD = MessageCommunicator.world(ThreadTransport.create(1).get(0));
  }

  private record Job(Transport transport, MessageCommunicator world) {}

  private record Found(TransportProvider provider, Launch launch) {}

  private Providers() {}

  /** The providers whose classes can be loaded in this JVM; that for threads comes first. */
  private static List<TransportProvider> load() {
    List<TransportProvider> providers = new ArrayList<>();
    providers.add(new ThreadProvider());
    Iterator<TransportProvider> services =
        ServiceLoader.load(TransportProvider.class, Providers.class.getClassLoader()).iterator();
    for (int failures = 0; failures < MOST_FAILURES; ) {
      try {
        if (!services.hasNext()) {
          break;
        }
        providers.add(services.next());
      } catch (ServiceConfigurationError | LinkageError e) {
        failures++;
        LOG.debug("A provider of ranks cannot be used in this JVM", e);
      }
    }
    return List.copyOf(providers);
  }

  /**
   * The provider to use: by the arguments and properties from our launcher or that of MPJ Express,
   * or else by the environment, which may come from a scheduler around the launcher.
   */
  private static Optional<Found> find(String[] args) {
    Optional<Found> own = find(Map.of(), args);
    return own.isPresent() || launcherEndsRanks() ? own : find(System.getenv(), args);
  }

  private static Optional<Found> find(Map<String, String> environment, String[] args) {
    for (TransportProvider provider : PROVIDERS) {
      Optional<Launch> launch = provider.detect(environment, args);
      if (launch.isPresent()) {
        return Optional.of(new Found(provider, launch.get()));
      }
    }
    return Optional.empty();
  }

  /**
   * Whether MPI is disabled, by the value 1, true, yes or on of the system property {@code
   * MPI_DISABLE}, or if that is not set, of the environment variable. Ranks that a launcher started
   * are then separate programs.
   *
   * @return true if MPI must not be used
   */
  public static boolean disabled() {
    String value = System.getProperty(DISABLE, System.getenv(DISABLE));
    return value != null && YES.contains(value.strip().toLowerCase(Locale.ROOT));
  }

  /**
   * Removes the arguments that a launcher added.
   *
   * @param args the arguments of the program's main
   * @return the program's own arguments
   */
  public static String[] programArguments(String[] args) {
    Optional<Found> found = find(Map.of(), args);
    return found.isPresent() ? found.get().provider().programArguments(args) : args.clone();
  }

  /**
   * Whether this process takes part in a job: it has joined the other ranks, or the program itself
   * has initialized an MPI, and neither has ended.
   *
   * @return false where MPI is {@link #disabled}
   */
  public static boolean begun() {
    return !disabled() && ((joined != null && !finished) || begunByProgram());
  }

  /**
   * Whether the program itself has initialized an MPI.
   *
   * @return false again after that MPI has ended
   */
  public static boolean begunByProgram() {
    for (TransportProvider provider : PROVIDERS) { // each rank of a JVM has lambdas of its own
      if (provider.begun()) {
        return true;
      }
    }
    return false;
  }

  /**
   * Joins this process to the other ranks of its job, unless it has joined already, it is not a
   * rank, or MPI is {@link #disabled}. Ends a process that cannot join: see {@link
   * #refuseForeignRank}.
   *
   * @param args the arguments of the program's main, empty if they are not known
   */
  public static void join(String[] args) {
    if (!disabled()) {
      job(args);
    }
  }

  private static Optional<Job> job(String[] args) {
    if (joined == null) {
      synchronized (PROVIDERS) {
        if (joined == null) {
          Optional<Found> found = find(args);
          if (found.isEmpty()) {
            refuseForeignRank();
            return Optional.empty();
          }
          boolean guest = begunByProgram();
          Transport transport = open(found.get(), args);
          MessageCommunicator world = MessageCommunicator.world(transport);
          if (guest && !transport.ranksAreProcesses()) {
            // When the program ends its own MPI, this rank leaves the job.
            RankQueues.ofProcess().setOpen(transport.rank(), false);
          }
          joined = new Job(transport, world);
          Termination.listen(); // by default the announcement of an end would be the end
        }
      }
    }
    return Optional.of(joined);
  }

  private static Transport open(Found found, String[] args) {
    Launch launch = found.launch();
    try {
      return found.provider().open(launch, args);
    } catch (CommunicatorException e) {
      if (launcherEndsRanks() || foreign().isEmpty()) {
        throw e;
      }
      LOG.debug("The other ranks cannot be joined", e);
      // Rank 0 may have joined, or this rank's host may be the only one that lacks something.
      pause(launch.rank() > 0 ? MILLIS_FOR_THE_SAME : 0);
      printAndExit("mpipool: " + e.getMessage());
      throw e;
    }
  }

  static Communicator world() {
    Job known = joined;
    if (known == null && !disabled()) {
      known = job(new String[0]).orElse(null);
    }
    if (known == null || disabled()) {
      return Alone.WORLD;
    }
    if (finished) {
      throw new IllegalStateException(
          "This rank has left its job: MPIRuntime.finish() has been called.");
    }
    return known.world();
  }

  /**
   * Whether each rank is a separate process.
   *
   * @return false where ranks are threads, and in a process that is not a rank
   */
  public static boolean ranksAreProcesses() {
    Job known = joined;
    return known != null && known.transport().ranksAreProcesses();
  }

  /**
   * Leaves the job. Waits for the other ranks, and ends an MPI that the program has initialized,
   * unless {@link #rankExcluded} was called.
   */
  public static void finish() {
    boolean alone = rankExcluded;
    Job known = joined;
    if (known != null && !finished) {
      known.world().leaving();
    }
    if (!alone) {
      if (known != null && !finished) {
        known.transport().leaving();
      }
      for (TransportProvider provider : PROVIDERS) {
        if (provider.begun()) {
          provider.end();
        }
      }
    }
    if (known != null && !finished) {
      finished = true;
      known.transport().finish(alone);
    }
  }

  /**
   * Whether the launcher of this process ends all ranks when main ends, for whatever reason.
   *
   * @return true under our launcher
   */
  public static boolean launcherEndsRanks() {
    Job known = joined;
    return System.getProperty(LAUNCHER_PROPERTY) != null
        || (known != null && known.transport().launcherEndsRanks());
  }

  /** Records that a rank which is not known to be dead may never take part in a collective call. */
  public static void rankExcluded() {
    rankExcluded = true;
  }

  /**
   * Exits with code 1 if a launcher other than ours started this process as one of several ranks
   * and it has not joined them: each rank would do the whole work alone. Rank 0 prints the reason
   * and exits at once. The others exit silently 5 s later, since many launchers end all ranks with
   * the first, and the message of rank 0 would be lost.
   *
   * <p>Returns if this rank has joined the others, if MPI is {@link #disabled}, or if our launcher
   * started this rank, whatever started the launcher.
   */
  public static void refuseForeignRank() {
    if (launcherEndsRanks() || disabled() || begun()) {
      return;
    }
    Optional<Launch> foreign = foreign();
    if (foreign.isPresent()) {
      refuse(foreign.get());
    }
  }

  private static Optional<Launch> foreign() {
    Optional<Launch> launch = Launch.of(System.getenv());
    return launch.isPresent() && launch.get().oneOfSeveral() ? launch : Optional.empty();
  }

  private static void refuse(Launch launch) {
    String number = launch.size() == 0 ? "several" : Integer.toString(launch.size());
    // Without a size, rank 0 cannot tell whether it is one of several.
    int speaker = launch.size() == 0 ? 1 : 0;
    refuse(
        Math.max(0, launch.rank() - speaker),
        "mpipool: %s started this program as %s processes, each of which would do the whole work"
                .formatted(launch.launcher(), number)
            + " alone. Start it with bin/mpjrun.sh -np %s instead, or set MPI_DISABLE=1 if %s"
                .formatted(launch.size() == 0 ? "N" : number, number)
            + " separate programs are what you want.");
  }

  /** Exits with code 1: rank 0 prints why, and the others first give it time to do so. */
  private static void refuse(int rank, String why) {
    if (rank > 0) {
      pause(MILLIS_FOR_RANK_0);
      System.exit(1);
    }
    printAndExit(why);
  }

  private static void printAndExit(String why) {
    if (REFUSED.compareAndSet(false, true)) {
      System.err.println(why);
    }
    System.exit(1);
  }

  private static void pause(long millis) {
    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(millis));
  }
}
