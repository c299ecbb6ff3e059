package dev.mpipool;

import dev.mpipool.comm.CommunicatorProvider;
import dev.mpipool.comm.Providers;
import java.util.Arrays;
import java.util.Objects;
import java.util.Optional;

/**
 * MPI's beginning and end, for programs that do not use {@link MPIExecutor#run(String[],
 * MainBody)}. In a process that no launcher started, both do nothing.
 *
 * <p>With {@code MPI_DISABLE=1} in the environment (or as a system property) MPI is left alone: a
 * process, launched as a rank or not, is then a world of its own.
 *
 * <p>A process that another launcher than ours started as one of several ({@code mpirun} of Open
 * MPI or MPICH, {@code srun} of Slurm) cannot join the others, and must not do their work once
 * more: whatever asks for the ranks of the job, {@link #init} first, ends it with exit code 1, and
 * rank 0 says on standard error what to do. {@code MPI_DISABLE=1} asks for separate programs.
 */
public final class MPIRuntime {

  /** What the program's main was called with, once MPI has been initialized here. */
  private static volatile String[] launchedWith;

  private MPIRuntime() {}

  /**
   * Initializes MPI, with our own device where ranks are processes (unless the system property
   * {@code mpipool.device} is {@code niodev}). If it is initialized already, only the arguments are
   * looked at. Collective.
   *
   * @param args the arguments of the program's main
   * @return those that are meant for the program: what the launcher added is taken off
   */
  public static String[] init(String[] args) {
    Objects.requireNonNull(args, "args");
    boolean again = Providers.initialized().isPresent();
    if (again && !Arrays.equals(args, launchedWith)) {
      return args.clone();
    }
    Optional<CommunicatorProvider> launcher = Providers.launchedWith(args);
    if (launcher.isEmpty()) {
      Providers.refuseForeignRank();
      return args.clone();
    }
    if (again || Providers.disabled()) {
      return launcher.get().programArguments(args);
    }
    String[] own = launcher.get().init(args);
    launchedWith = args.clone();
    return own;
  }

  /**
   * Ends MPI; does not hang when ranks are dead. Does nothing if it is not initialized. Collective,
   * unless a pool has given a rank up for its silence, which then might never come: main leaves
   * without the others, and the end of main's process ends them.
   */
  public static void finish() {
    if (!Providers.isSomeoneAdrift()) {
      Providers.initialized().ifPresent(CommunicatorProvider::finish);
    }
  }
}
