package dev.mpipool.comm;

import dev.mpipool.transport.Launch;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/** Finds the MPI that this process runs on, if it runs on one. */
public final class Providers {

  /** The environment variable, and the system property, by which MPI is left alone. */
  private static final String DISABLE = "MPI_DISABLE";

  private static final Set<String> YES = Set.of("1", "true", "yes", "on");

  /** Set by our launcher in the JVM of every rank, also where ranks are threads. */
  private static final String LAUNCHER_PROPERTY = "mpipool.launcher";

  private static final List<CommunicatorProvider> PROVIDERS =
      ServiceLoader.load(CommunicatorProvider.class, Providers.class.getClassLoader()).stream()
          .map(ServiceLoader.Provider::get)
          .toList();

  private static final Communicator ALONE = LocalCommunicator.alone();

  /** How long rank 0 may take until it has said why all end. */
  private static final long MILLIS_FOR_RANK_0 = 5_000;

  private static final AtomicBoolean REFUSED = new AtomicBoolean();

  private static volatile boolean someoneAdrift;

  private Providers() {}

  /**
   * The MPI whose launcher started this process.
   *
   * @param args the arguments of the program's main
   * @return empty in a process that was started as any Java program is
   */
  public static Optional<CommunicatorProvider> launchedWith(String[] args) {
    return PROVIDERS.stream().filter(provider -> provider.launchedWith(args)).findFirst();
  }

  /**
   * Whether this process is to run without MPI, also where a launcher started it as one of several
   * ranks: then each rank is a program of its own. So it is if the environment variable, or the
   * system property, {@code MPI_DISABLE} is 1, true, yes or on.
   *
   * @return true if MPI is to be left alone
   */
  public static boolean disabled() {
    String value = System.getProperty(DISABLE, System.getenv(DISABLE));
    return value != null && YES.contains(value.strip().toLowerCase(Locale.ROOT));
  }

  /**
   * The MPI that has been initialized.
   *
   * @return empty before its initialization, after its end, where there is none, and where it is
   *     {@link #disabled}
   */
  public static Optional<CommunicatorProvider> initialized() {
    if (disabled()) {
      return Optional.empty();
    }
    return PROVIDERS.stream().filter(CommunicatorProvider::initialized).findFirst();
  }

  /**
   * Whether whoever started this process ends all ranks with main, whatever ends main.
   *
   * @return true under our launcher
   */
  public static boolean launcherEndsRanks() {
    return System.getProperty(LAUNCHER_PROPERTY) != null;
  }

  /** A rank may never again take part in a collective call, though nobody knows it to be dead. */
  public static void someoneIsAdrift() {
    someoneAdrift = true;
  }

  /**
   * Whether the collective end of MPI might wait for a rank for ever.
   *
   * @return true after {@link #someoneIsAdrift}
   */
  public static boolean isSomeoneAdrift() {
    return someoneAdrift;
  }

  /**
   * Ends this process, with exit code 1, if another launcher than ours started it as one of several
   * ranks, which cannot be joined: each would do the whole work alone. Rank 0 says so and ends at
   * once. The others end silently some seconds later, since many launchers end all ranks with the
   * first, and would not wait for what rank 0 has to say.
   *
   * <p>Returns where MPI is initialized or {@link #disabled}, and in a rank that our launcher
   * started, whatever started the launcher.
   */
  public static void refuseForeignRank() {
    if (launcherEndsRanks() || disabled() || initialized().isPresent()) {
      return;
    }
    Launch.of(System.getenv()).filter(Launch::oneOfSeveral).ifPresent(Providers::refuse);
  }

  private static void refuse(Launch launch) {
    // Without a size, rank 0 cannot tell whether it is one of several.
    if (launch.rank() > (launch.size() == 0 ? 1 : 0)) {
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(MILLIS_FOR_RANK_0));
    } else if (REFUSED.compareAndSet(false, true)) {
      String number = launch.size() == 0 ? "several" : Integer.toString(launch.size());
      System.err.printf(
          "mpipool: %s started this program as %s processes, each of which would do the whole work"
              + " alone. Start it with bin/mpjrun.sh -np %s instead, or set MPI_DISABLE=1 if %s"
              + " separate programs are what you want.%n",
          launch.launcher(), number, launch.size() == 0 ? "N" : number, number);
    }
    System.exit(1);
  }

  static Communicator world() {
    Optional<CommunicatorProvider> provider = initialized();
    if (provider.isPresent()) {
      return provider.get().world();
    }
    if (launcherEndsRanks() && !disabled()) {
      throw new IllegalStateException(
          "This process is a rank of an MPI job, but MPI is not initialized: call"
              + " args = MPIRuntime.init(args) first, or use MPIExecutor.run(args, ...).");
    }
    refuseForeignRank();
    return ALONE;
  }
}
