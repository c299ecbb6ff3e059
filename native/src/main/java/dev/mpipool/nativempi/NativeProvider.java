package dev.mpipool.nativempi;

import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.transport.Launch;
import dev.mpipool.transport.Transport;
import dev.mpipool.transport.TransportProvider;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Ranks that {@code mpirun} of Open MPI or MPICH, or Slurm's {@code srun}, has started, on the MPI
 * library of the machine. Needs Java 22 or later; on an older one {@link #open} says so.
 */
public final class NativeProvider implements TransportProvider {

  private static final int JAVA_NEEDED = 22;
  private static final String JOINING = "dev.mpipool.nativempi.NativeJoining";

  /** What a process manager of MPI tells each rank: without one, ranks do not find each other. */
  private static final Set<String> PROCESS_MANAGERS =
      Set.of("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK");

  /** Creates the provider; called by {@link java.util.ServiceLoader}. */
  public NativeProvider() {}

  @Override
  public Optional<Launch> detect(Map<String, String> environment, String[] arguments) {
    return Launch.of(environment).filter(launch -> launch.size() != 1);
  }

  @Override
  public Transport open(Launch launch, String[] arguments) {
    if (PROCESS_MANAGERS.stream().noneMatch(System.getenv()::containsKey)) {
      throw new CommunicatorException(
          ("%s started this program as %d processes, but without an MPI to join them: add --mpi=pmix"
                  + " (for Open MPI) or --mpi=pmi2 (for MPICH) to srun; srun --mpi=list shows what"
                  + " there is")
              .formatted(launch.launcher(), launch.size()),
          null);
    }
    Runtime.Version java = Runtime.version();
    if (java.feature() < JAVA_NEEDED) {
      throw new CommunicatorException(
          ("%s started this process as a rank, and mpipool needs Java %d or later to call its MPI"
                  + " library, but this is Java %s: start the program with a newer one, or with"
                  + " bin/mpjrun.sh")
              .formatted(launch.launcher(), JAVA_NEEDED, java),
          null);
    }
    return joining(launch).join(launch);
  }

  private static Joining joining(Launch launch) {
    try {
      return Class.forName(JOINING)
          .asSubclass(Joining.class)
          .getDeclaredConstructor()
          .newInstance();
    } catch (ReflectiveOperationException e) {
      throw new CommunicatorException(
          ("%s started this process as a rank, but the classes of mpipool-native for Java %d are"
                  + " missing: put its jar on the class path as it was published (a repackaged one"
                  + " needs 'Multi-Release: true' in its manifest)")
              .formatted(launch.launcher(), JAVA_NEEDED),
          e);
    }
  }
}
