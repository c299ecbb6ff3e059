package dev.mpipool;

import dev.mpipool.comm.CommunicatorProvider;
import dev.mpipool.comm.Providers;
import java.util.Objects;

/**
 * MPI's beginning and end, for programs that do not use {@link MPIExecutor#run(String[],
 * MainBody)}. In a process that no launcher started, both do nothing.
 *
 * <p>With {@code MPI_DISABLE=1} in the environment (or as a system property) MPI is left alone: a
 * process, launched as a rank or not, is then a world of its own.
 */
public final class MPIRuntime {

  private MPIRuntime() {}

  /**
   * Initializes MPI, with our own device where ranks are processes (unless the system property
   * {@code mpipool.device} is {@code niodev}). Does nothing if it is initialized already.
   * Collective.
   *
   * @param args the arguments of the program's main
   * @return those that are meant for the program: what the launcher added is taken off
   */
  public static String[] init(String[] args) {
    Objects.requireNonNull(args, "args");
    if (Providers.initialized().isPresent()) {
      return args.clone();
    }
    return Providers.launchedWith(args)
        .map(mpi -> Providers.disabled() ? mpi.programArguments(args) : mpi.init(args))
        .orElseGet(args::clone);
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
