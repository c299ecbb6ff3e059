package dev.mpipool.queue;

import java.nio.file.Path;
import java.util.List;

/**
 * What is to be run: a job for each chunk, which calls {@code sh script chunk}.
 *
 * <p>A {@link Scheduler} gets it; an example of its use is {@link LocalScheduler}, where a job is a
 * process.
 *
 * @param session names the map among all others: letters, digits, {@code -}, {@code .} and {@code
 *     _}, with a letter at the beginning
 * @param script what a job runs, with the chunk's number as argument; absolute. In a job array the
 *     arguments are a number and the word {@code array}: the chunk's is then the sum of that number
 *     and {@code SLURM_ARRAY_TASK_ID}
 * @param output the folder for what the jobs print; absolute
 * @param chunks the numbers, ascending, each from 0 on
 */
public record Submission(String session, Path script, Path output, List<Integer> chunks) {

  /**
   * The name of a chunk's job, from which {@link Job#chunkOf} tells the chunk.
   *
   * @param chunk its number
   * @return session and number
   */
  public String jobName(int chunk) {
    return "%s-%06d".formatted(session, chunk);
  }

  /**
   * Where what a chunk's job prints is to go, behind what is there.
   *
   * @param chunk its number
   * @return a file that need not exist
   */
  public Path stdout(int chunk) {
    return output.resolve("%06d.stdout".formatted(chunk));
  }

  /**
   * Where what a chunk's job complains of is to go, behind what is there.
   *
   * @param chunk its number
   * @return a file that need not exist
   */
  public Path stderr(int chunk) {
    return output.resolve("%06d.stderr".formatted(chunk));
  }
}
