package dev.mpipool;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.Providers;
import dev.mpipool.signal.Termination;
import dev.mpipool.worker.LogContext;
import dev.mpipool.worker.TaskContext;
import java.util.Arrays;
import java.util.Objects;

/**
 * The beginning and end of a rank's part in its job, for programs that do not use {@link
 * MPIExecutor#run(String[], MainBody)}. In a process that no launcher started there is nothing to
 * begin and to end.
 *
 * <p>With {@code MPI_DISABLE=1} in the environment (or as a system property) MPI is left alone: a
 * process, launched as a rank or not, is then a world of its own.
 *
 * <p>A process that {@code mpirun} of Open MPI or MPICH, or {@code srun} of Slurm, started as one
 * of several joins the others if module native is on the class path and this is Java 22 or later.
 * Where it cannot, it must not do their work once more: whatever asks for the ranks of the job,
 * {@link #init} first, ends it with exit code 1, and one line on standard error says what to do.
 * {@code MPI_DISABLE=1} asks for separate programs.
 *
 * <p>Example:
 *
 * <pre>{@code
 * args = MPIRuntime.init(args);   // what is left are the program's own arguments
 * System.out.println("rank " + Communicator.world().rank() + " is here");
 * MPIRuntime.finish();
 * }</pre>
 */
public final class MPIRuntime {

  /** What the program's main was called with, once {@link #init} has joined the other ranks. */
  private static volatile String[] launchedWith;

  private MPIRuntime() {}

  /**
   * Joins this process to the other ranks of its job. A program that also calls MPJ Express itself
   * calls its {@code MPI.Init}, before or after this: only on niodev this does it. If the program
   * has called it before, only the arguments are looked at. Collective. Log lines of the calling
   * thread have the rank from now on: SLF4J's MDC has it as {@code mpipool.rank}.
   *
   * @param args the arguments of the program's main
   * @return those that are meant for the program: what the launcher added is taken off
   */
  public static String[] init(String[] args) {
    Objects.requireNonNull(args, "args");
    boolean again = launchedWith != null || Providers.begunByProgram();
    if (again && !Providers.disabled() && !Arrays.equals(args, launchedWith)) {
      return args.clone();
    }
    String[] own = Providers.programArguments(args);
    Providers.join(args);
    if (Providers.begun()) {
      launchedWith = args.clone();
      LogContext.enter(Integer.toString(Communicator.world().rank()));
    }
    return own;
  }

  /**
   * Adds an action that runs when this process is asked to end (SIGTERM, or SIGINT as Ctrl-C sends
   * it), or before: when SIGUSR1 announces that it will be, as batch schedulers do some time before
   * a job's limit if they are asked to. May be called at any time, before {@link #init} too, and
   * holds until the process ends.
   *
   * <p>The action runs once, in a thread of its own, while the program goes on. After SIGUSR1
   * nothing else happens: all ranks work on, and the action may for example have main submit no
   * more tasks and come to its end. SIGTERM and SIGINT end the process as ever, with shutdown hooks
   * and exit code, but 30 seconds later at most, when the action has returned; a second Ctrl-C does
   * not wait for it. They end workers at the same time: an action that needs tasks to be done needs
   * SIGUSR1. If a signal has arrived before this call, the action runs at once.
   *
   * <p>An action runs on the rank that has added it: on every rank if all do, on main alone if that
   * comes after {@link MPIExecutor#workersExit} or in the body of {@link MPIExecutor#run(String[],
   * MainBody)}. Our launcher passes signals on to the ranks, so that it is enough to send them to
   * the launcher, and leaves them the time of its option {@code -hook-timeout} after SIGTERM. A
   * rank for which no action was added ignores SIGUSR1 once it has joined its job.
   *
   * <p>Batches that are cached in a folder, and the maps of Tasker, have such an action of their
   * own: it has the results written to the disk, and says on standard error how many there are.
   *
   * @param action to run
   */
  public static void onTermination(Runnable action) {
    Termination.add(Objects.requireNonNull(action, "action"), false);
  }

  /**
   * Ends the pools of which this rank is main, and its part in the job; an MPI that the program has
   * initialized, too. A pool that was shut down ends when its tasks are done. One that was neither
   * shut down nor closed ends at once: its tasks are cancelled and interrupted, and a line on
   * standard error says how many futures are given up. Locks over ranks of the job that this rank
   * has not closed it gives up, as if it had died. Without an MPI that is all.
   *
   * <p>Does not hang when ranks are dead. Collective, unless a worker does not come: a pool has
   * given it up for its silence, or its task ignores an interrupt for some seconds. Then main
   * leaves without the others, and the end of main's process ends them.
   *
   * @throws IllegalStateException in a task
   */
  public static void finish() {
    if (TaskContext.rank().isPresent()) {
      throw new IllegalStateException(
          "A task cannot end MPI, which its own pool runs on. End it on every rank, after the pool.");
    }
    PoolOnMain.endAll();
    finishMpi();
  }

  /**
   * Ends this rank's part in its job, and pools on it; where there is none, others may have theirs.
   */
  static void finishMpi() {
    if (Providers.begun()) {
      PoolOnMain.endAll();
    }
    Providers.finish();
  }
}
