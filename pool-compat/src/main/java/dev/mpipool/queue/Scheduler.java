package dev.mpipool.queue;

import java.io.IOException;
import java.io.Serializable;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/**
 * A batch queue, as far as a {@link QueuePool} needs one.
 *
 * <p>Every method may fail at any time with an {@link IOException}: the queue may be down for a
 * while. The pool then waits and tries again; it trusts nothing but what {@link #jobs} says.
 * Serializable, so that {@link QueuePool#resume} knows where to go on; what is not may be
 * transient. Used by several threads at once.
 *
 * <p>Programs pass one to a {@link QueuePool}, where an example is; {@link SlurmScheduler} and
 * {@link GridEngineScheduler} show their options.
 */
public interface Scheduler extends Serializable {

  /**
   * Submits a job for each of some chunks. If it throws, some of the jobs may be in the queue
   * nevertheless.
   *
   * @param submission what is to be run
   * @throws IOException if a job could not be submitted, or this is not known
   * @throws InterruptedException if the thread is interrupted
   */
  void submit(Submission submission) throws IOException, InterruptedException;

  /**
   * The jobs of a session that are in the queue.
   *
   * @param session as in {@link Submission#session}
   * @return those that wait, run, or are held in an error; not those that have ended
   * @throws IOException if the queue does not answer, or not in a way that is understood
   * @throws InterruptedException if the thread is interrupted
   */
  List<Job> jobs(String session) throws IOException, InterruptedException;

  /**
   * Takes jobs out of the queue, and ends those that run. Jobs that are not there any more are no
   * error.
   *
   * @param jobs what {@link #jobs} returned
   * @throws IOException if this was refused, or is not known
   * @throws InterruptedException if the thread is interrupted
   */
  void delete(Collection<Job> jobs) throws IOException, InterruptedException;

  /**
   * How many chunks are given to one {@link #submit}. The pool looks in between whether it is to
   * stop.
   *
   * @return at least 1
   */
  default int chunksPerSubmission() {
    return 1;
  }

  /**
   * How often the queue is to be asked, unless the pool's user says something else.
   *
   * @return the time between the end of a look and the next
   */
  default Duration pollInterval() {
    return Duration.ofSeconds(5);
  }

  /**
   * How long after the end of a job its files may take to be seen here, unless the pool's user says
   * something else. Network file systems show changes late.
   *
   * @return zero for files of this machine
   */
  default Duration fileDelay() {
    return Duration.ofSeconds(10);
  }

  /**
   * The scheduler of this machine. {@code MPIPOOL_SCHEDULER} in the environment decides, if it is
   * there: {@code slurm-array}, {@code slurm}, {@code sge} or {@code local}. Else Slurm's job
   * arrays are taken if {@code sbatch}, {@code squeue} and {@code scancel} are on the path; Grid
   * Engine, if {@code SGE_ROOT} is set and {@code qsub}, {@code qstat} and {@code qdel} are on the
   * path; and else processes of this machine.
   *
   * @return a scheduler with default options
   * @throws IllegalArgumentException if {@code MPIPOOL_SCHEDULER} is anything else
   */
  static Scheduler detect() {
    return Detection.detect(Map.copyOf(System.getenv()));
  }
}
