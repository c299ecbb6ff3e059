package dev.mpipool.pool;

import dev.mpipool.BrokenExecutorException;
import dev.mpipool.MPIExecutor;
import dev.mpipool.MPIRuntime;
import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.LocalCommunicator;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Chooses a {@link Pool} by the command line, so that a program is written once.
 *
 * <pre>{@code
 * try (Pool pool = Pools.choose(args)) {
 *   pool.workersExit();
 *   List<Integer> squares = pool.map(x -> x * x, List.of(1, 2, 3));
 * } catch (WorkersExitException e) {
 *   // a worker goes on below
 * }
 * MPIRuntime.finish();
 * }</pre>
 */
public final class Pools {

  private static final Logger LOG = LoggerFactory.getLogger(Pools.class);

  private static final String MPI = "--mpi";
  private static final String NCORES = "--ncores";

  private Pools() {}

  /**
   * A pool over the ranks of the MPI job ({@code --mpi}), over N threads of this process ({@code
   * --ncores=N} or {@code --ncores N}), or else, and with one core, in the thread that calls.
   * Initializes MPI if a launcher started this process as a rank; {@link MPIRuntime#finish} ends
   * it.
   *
   * @param args the arguments of the program's main; {@link #remaining} are the program's own
   * @return on a worker, one that has been closed
   * @throws IllegalArgumentException if the arguments contradict each other, or the job has several
   *     ranks and {@code --mpi} is missing
   */
  public static Pool choose(String[] args) {
    List<String> own = List.of(MPIRuntime.init(args));
    List<String> others = new ArrayList<>();
    List<String> asked = new ArrayList<>();
    split(own, others, asked);
    boolean mpi = others.contains(MPI);
    if (asked.size() + (mpi ? 1 : 0) > 1) {
      throw new IllegalArgumentException(
          "%s: one of --mpi and --ncores=N is enough".formatted(String.join(" ", own)));
    }
    if (mpi) {
      return new MPIPool();
    }
    int ranks = Communicator.world().size();
    if (ranks > 1) {
      throw new IllegalArgumentException(
          "The job has %d ranks, and each would do the whole work: give the program --mpi, or start it without a launcher"
              .formatted(ranks));
    }
    int cores = asked.isEmpty() ? 1 : cores(asked.get(0));
    return cores == 1 ? serial() : threads(cores);
  }

  /**
   * The program's own arguments.
   *
   * @param args the arguments of the program's main
   * @return those that neither the launcher nor {@link #choose} has read
   */
  public static String[] remaining(String[] args) {
    List<String> others = new ArrayList<>();
    split(List.of(MPIRuntime.init(args)), others, new ArrayList<>());
    others.removeIf(MPI::equals);
    return others.toArray(String[]::new);
  }

  /** Tells apart what asks for cores, as one argument or as two, which are joined here. */
  private static void split(List<String> arguments, List<String> others, List<String> cores) {
    Iterator<String> each = arguments.iterator();
    while (each.hasNext()) {
      String argument = each.next();
      if (argument.equals(NCORES)) {
        cores.add(each.hasNext() ? argument + "=" + each.next() : argument);
      } else {
        (argument.startsWith(NCORES + "=") ? cores : others).add(argument);
      }
    }
  }

  private static int cores(String argument) {
    String number = argument.substring(Math.min(argument.length(), NCORES.length() + 1));
    if (!number.matches("0*[1-9]\\d{0,4}")) {
      throw new IllegalArgumentException(
          "%s: the number of threads is wanted as --ncores=N or --ncores N, from 1 to 99999"
              .formatted(argument));
    }
    return Integer.parseInt(number);
  }

  /**
   * A pool without any other thread. Its asynchronous verbs return when the work is done, its
   * streams work while they are read, and nothing is serialized.
   *
   * @return an open pool
   */
  public static Pool serial() {
    return new SerialPool();
  }

  /**
   * A pool over threads of this process, whether there are ranks or not. Functions, arguments and
   * results travel as they do to ranks.
   *
   * @param workers how many threads, at least 1
   * @return an open pool
   */
  public static Pool threads(int workers) {
    if (workers < 1) {
      throw new IllegalArgumentException(
          "A pool has at least one worker, not %d".formatted(workers));
    }
    List<Communicator> ranks = LocalCommunicator.create(workers + 1);
    for (Communicator worker : ranks.subList(1, workers + 1)) {
      Thread thread = new Thread(() -> serve(worker), "mpipool-worker-" + worker.rank());
      thread.setDaemon(true);
      thread.start();
    }
    return new MPIPool(on(ranks.get(0)), true);
  }

  private static void serve(Communicator worker) {
    try {
      on(worker).close();
    } catch (BrokenExecutorException e) {
      LOG.debug("A worker's thread ends", e); // main, in the same process, has ended the pool
    }
  }

  private static MPIExecutor on(Communicator rank) {
    return MPIExecutor.builder().communicator(rank).open();
  }
}
