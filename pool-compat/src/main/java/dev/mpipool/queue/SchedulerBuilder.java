package dev.mpipool.queue;

import java.io.Serializable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * The options that clusters' schedulers have in common. What is not set is not mentioned to the
 * scheduler, whose own defaults hold then.
 *
 * <p>Examples are at {@link SlurmScheduler} and {@link GridEngineScheduler}.
 *
 * @param <B> the builder itself
 */
public abstract class SchedulerBuilder<B extends SchedulerBuilder<B>> {

  private final Settings settings = new Settings();

  /** What has been set, in a form that travels. */
  static final class Settings implements Serializable {

    private static final long serialVersionUID = 1;

    String submit;
    String status;
    String delete;
    String queue;
    int cores;
    String memory;
    String time;
    final ArrayList<String> options = new ArrayList<>();
    Duration timeout = Duration.ofSeconds(60);

    private Settings copy() {
      Settings copy = new Settings();
      copy.submit = submit;
      copy.status = status;
      copy.delete = delete;
      copy.queue = queue;
      copy.cores = cores;
      copy.memory = memory;
      copy.time = time;
      copy.options.addAll(options);
      copy.timeout = timeout;
      return copy;
    }
  }

  SchedulerBuilder(String submit, String status, String delete) {
    programs(submit, status, delete);
  }

  /** What has been set so far; later changes make no difference. */
  Settings settings() {
    return settings.copy();
  }

  abstract B self();

  /**
   * The scheduler's programs; by default they are looked for on the path under their usual names.
   *
   * @param submit {@code qsub} or {@code sbatch}
   * @param status {@code qstat} or {@code squeue}
   * @param delete {@code qdel} or {@code scancel}
   * @return this builder
   */
  public final B programs(String submit, String status, String delete) {
    settings.submit = Objects.requireNonNull(submit, "submit");
    settings.status = Objects.requireNonNull(status, "status");
    settings.delete = Objects.requireNonNull(delete, "delete");
    return self();
  }

  /**
   * Where jobs are submitted to: Grid Engine's queue, Slurm's partition.
   *
   * @param queue its name
   * @return this builder
   */
  public final B queue(String queue) {
    settings.queue = Objects.requireNonNull(queue, "queue");
    return self();
  }

  /**
   * How many cores each job gets.
   *
   * @param cores at least 1
   * @return this builder
   */
  public final B cores(int cores) {
    if (cores < 1) {
      throw new IllegalArgumentException("A job has at least one core, not %d".formatted(cores));
    }
    settings.cores = cores;
    return self();
  }

  /**
   * How much memory each job gets.
   *
   * @param memory in the scheduler's own terms, for example {@code 4G}
   * @return this builder
   */
  public final B memory(String memory) {
    settings.memory = Objects.requireNonNull(memory, "memory");
    return self();
  }

  /**
   * How long each job may run.
   *
   * @param time in the scheduler's own terms, for example {@code 01:30:00}
   * @return this builder
   */
  public final B time(String time) {
    settings.time = Objects.requireNonNull(time, "time");
    return self();
  }

  /**
   * More options for the program that submits, as one would write them on its command line.
   *
   * @param options for example {@code "--account", "physics"}
   * @return this builder
   */
  public final B options(String... options) {
    settings.options.addAll(List.of(options));
    return self();
  }

  /**
   * How long each of the scheduler's programs may take; 60 seconds by default. One that takes
   * longer is killed, and counts as failed.
   *
   * @param timeout positive
   * @return this builder
   */
  public final B timeout(Duration timeout) {
    if (timeout.isNegative() || timeout.isZero()) {
      throw new IllegalArgumentException("A timeout is positive, not " + timeout);
    }
    settings.timeout = timeout;
    return self();
  }
}
