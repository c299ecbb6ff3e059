package dev.mpipool.queue;

import dev.mpipool.SerializableBiFunction;
import dev.mpipool.SerializableFunction;
import dev.mpipool.comm.Providers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.apache.commons.lang3.tuple.Pair;

/**
 * {@code map} over a cluster's batch queue, which shares the machine fairly: slots are taken only
 * while there is work.
 *
 * <pre>{@code
 * List<Integer> sums = new QueuePool(Scheduler.detect()).map(Statistics::sum, tasks);
 * }</pre>
 *
 * <p>Tasks go in chunks into a folder that all hosts see; each chunk is a job, in which a JVM with
 * this program's class path, environment and working directory runs the function. Jobs that the
 * scheduler holds in an error, that vanish, or that end without a result are submitted again. A
 * task may therefore run more than once. The function, its arguments and results have to be
 * serializable. No job stays in the queue when {@code map} returns or throws, nor when the program
 * is ended by Ctrl-C; if the program was killed, {@link #resume} takes up the rest.
 *
 * <p>The folder has the environment in it, and is readable for its owner only. It goes when the map
 * is done, and stays if a job wrote anything to stderr, if a task has no result, or if {@link
 * Builder#keepWorkFolder} was asked for.
 *
 * <p>A pool holds nothing and need not be closed. It may be used by several threads.
 */
public final class QueuePool {

  private final PoolSettings settings;
  private final Progress progress;

  /**
   * A pool with the default options.
   *
   * @param scheduler runs the jobs
   */
  public QueuePool(Scheduler scheduler) {
    this(builder(scheduler));
  }

  private QueuePool(Builder builder) {
    Providers.refuseForeignRank(); // each would submit all jobs
    settings = builder.settings.copy();
    progress = builder.progress;
  }

  /**
   * Options for a pool.
   *
   * @param scheduler runs the jobs
   * @return a builder with the defaults
   */
  public static Builder builder(Scheduler scheduler) {
    return new Builder(scheduler);
  }

  /**
   * Calls a function with each element, in jobs, and waits for all results.
   *
   * @param <A> the type of the elements
   * @param <R> the type of the results
   * @param function what to call
   * @param items the elements, all of them taken before the first job is submitted
   * @return the results in the order of the elements; may be changed
   * @throws MapFailedException if tasks have no result, after all others are done; not with {@link
   *     OnFailure#NULL}
   * @throws QueueException if the map came to nothing as a whole
   * @throws IllegalArgumentException if the function or an element cannot be serialized
   * @throws java.util.concurrent.CancellationException if the thread was interrupted; its interrupt
   *     status is set
   */
  public <A, R> List<R> map(
      SerializableFunction<? super A, ? extends R> function, Iterable<? extends A> items) {
    Objects.requireNonNull(function, "function");
    List<Object> tasks = new ArrayList<>();
    items.forEach(tasks::add);
    if (tasks.isEmpty()) {
      return new ArrayList<>();
    }
    return cast(new QueueMap(settings, progress).start(function, tasks));
  }

  /**
   * Like {@link #map}, for a function of two arguments.
   *
   * @param <A> the type of the first arguments
   * @param <B> the type of the second arguments
   * @param <R> the type of the results
   * @param function what to call
   * @param items the pairs of arguments
   * @return the results in the order of the pairs
   */
  public <A, B, R> List<R> starmap(
      SerializableBiFunction<? super A, ? super B, ? extends R> function,
      Iterable<? extends Pair<? extends A, ? extends B>> items) {
    Objects.requireNonNull(function, "function");
    return this.<Pair<? extends A, ? extends B>, R>map(
        pair -> function.apply(pair.getLeft(), pair.getRight()), items);
  }

  /**
   * Goes on with a map whose process has died, with the options it had: what is done is not run
   * again, and jobs that are still in the queue are waited for. A folder without write permission
   * has to have all results; it stays as it is, and the scheduler is not asked.
   *
   * @param <R> the type of the results
   * @param workFolder the map's folder
   * @return the results, as {@link #map} would have returned them
   * @throws IllegalArgumentException if this is no folder of a map, or of one whose process died
   *     before it submitted anything
   * @throws IllegalStateException if a living process works in the folder
   * @throws MapFailedException as {@link #map} throws it
   * @throws QueueException if the map came to nothing as a whole, or something is missing in a
   *     folder without write permission
   */
  public static <R> List<R> resume(Path workFolder) {
    Providers.refuseForeignRank();
    return cast(QueueMap.resume(workFolder, null));
  }

  /**
   * Goes on with a map whose process has died, or which was given up, with the options of another
   * pool. The chunks, and the script that jobs run, stay as they are.
   *
   * @param <R> the type of the results
   * @param workFolder the map's folder
   * @param pool says which scheduler, how many resubmissions and so on
   * @return the results, as {@link #map} would have returned them
   * @throws IllegalArgumentException as {@link #resume(Path)} throws it
   * @throws IllegalStateException as {@link #resume(Path)} throws it
   */
  public static <R> List<R> resume(Path workFolder, QueuePool pool) {
    return cast(QueueMap.resume(workFolder, new QueueMap(pool.settings, pool.progress)));
  }

  @SuppressWarnings("unchecked") // what the function returned has the type that the caller says
  private static <R> List<R> cast(List<Object> results) {
    return (List<R>) results;
  }

  /** Options for a pool. */
  public static final class Builder {

    private final PoolSettings settings = new PoolSettings();
    private Progress progress = Progress.standard();

    private Builder(Scheduler scheduler) {
      settings.scheduler = Objects.requireNonNull(scheduler, "scheduler");
    }

    /**
     * How many chunks there are; by default each task is one.
     *
     * @param chunks at least 1; fewer are made if there are fewer tasks
     * @return this builder
     */
    public Builder chunks(int chunks) {
      settings.chunks = atLeast(1, chunks, "chunks");
      return this;
    }

    /**
     * How often queue and results are looked at; by default what {@link Scheduler#pollInterval}
     * says, which is 5 seconds on clusters.
     *
     * @param interval positive
     * @return this builder
     */
    public Builder pollInterval(Duration interval) {
      if (interval.isNegative() || interval.isZero()) {
        throw new IllegalArgumentException("An interval is positive, not " + interval);
      }
      settings.pollInterval = interval;
      return this;
    }

    /**
     * How often a chunk whose job had no result is submitted again; 10 times by default.
     *
     * @param times at least 0
     * @return this builder
     */
    public Builder resubmissions(int times) {
      settings.resubmissions = atLeast(0, times, "resubmissions");
      return this;
    }

    /**
     * How long after the end of a job its result may take to be seen; by default what {@link
     * Scheduler#fileDelay} says, which is 10 seconds on clusters.
     *
     * @param delay not negative
     * @return this builder
     */
    public Builder fileDelay(Duration delay) {
      settings.fileDelay = notNegative(delay);
      return this;
    }

    /**
     * How long the scheduler may be down before the map is given up; 30 minutes by default.
     *
     * @param patience not negative
     * @return this builder
     */
    public Builder patience(Duration patience) {
      settings.patience = notNegative(patience);
      return this;
    }

    /**
     * Where the folder of each map is made; by default the working directory. All hosts have to see
     * it under the same path.
     *
     * @param parent need not exist
     * @return this builder
     */
    public Builder workFolder(Path parent) {
      settings.workFolder = parent.toAbsolutePath().toString();
      return this;
    }

    /**
     * Whether a map's folder stays in any case; false by default.
     *
     * @param keep true to keep it
     * @return this builder
     */
    public Builder keepWorkFolder(boolean keep) {
      settings.keepWorkFolder = keep;
      return this;
    }

    /**
     * The first part of the names of jobs and of the folder; {@code mpipool} by default.
     *
     * @param name a letter, and then letters, digits, {@code _} or {@code .}
     * @return this builder
     */
    public Builder jobName(String name) {
      if (!name.matches("[A-Za-z][A-Za-z0-9_.]{0,99}")) {
        throw new IllegalArgumentException(
            "A job's name begins with a letter, and has letters, digits, '_' and '.' then, 100 at most; not '%s'"
                .formatted(name));
      }
      settings.jobName = name;
      return this;
    }

    /**
     * The jobs' java; by default the one of this program.
     *
     * @param program its path on the hosts that run jobs
     * @return this builder
     */
    public Builder java(String program) {
      settings.java = Objects.requireNonNull(program, "program");
      return this;
    }

    /**
     * More options of the jobs' java.
     *
     * @param options for example {@code -Xmx2g}
     * @return this builder
     */
    public Builder javaOptions(String... options) {
      settings.javaOptions.addAll(List.of(options));
      return this;
    }

    /**
     * The jobs' class path; by default the one of this program.
     *
     * @param entries with the program's classes and this library's
     * @return this builder
     */
    public Builder classPath(List<Path> entries) {
      settings.classPath = new ArrayList<>();
      entries.forEach(entry -> settings.classPath.add(entry.toAbsolutePath().toString()));
      return this;
    }

    /**
     * What is set in the jobs' environment; by default what is set in the one of this program, byte
     * for byte, without what belongs to a single process or job (the scheduler's variables, {@code
     * TMPDIR}, {@code PWD} and the like). What the scheduler sets besides stays.
     *
     * @param variables values by name
     * @return this builder
     * @throws IllegalArgumentException if there is a name or value that no environment can hold
     */
    public Builder environment(Map<String, String> variables) {
      variables.forEach(
          (name, value) -> {
            if (name.isEmpty() || name.contains("=") || (name + value).contains("\0")) {
              throw new IllegalArgumentException(
                  "'%s' cannot be set: a name is not empty and has no '=', and nothing has a 0 character"
                      .formatted(name.replace('\0', '?')));
            }
          });
      settings.environment = new TreeMap<>(variables);
      return this;
    }

    /**
     * What {@code map} does if a task has no result; it throws, by default.
     *
     * @param what throw, or leave a hole
     * @return this builder
     */
    public Builder onFailure(OnFailure what) {
      settings.onFailure = Objects.requireNonNull(what, "what");
      return this;
    }

    /**
     * The listener for the progress of a map; {@link Progress#standard} by default.
     *
     * @param progress is told
     * @return this builder
     */
    public Builder progress(Progress progress) {
      this.progress = Objects.requireNonNull(progress, "progress");
      return this;
    }

    private static int atLeast(int least, int number, String what) {
      if (number < least) {
        throw new IllegalArgumentException(
            "%s: at least %d, not %d".formatted(what, least, number));
      }
      return number;
    }

    private static Duration notNegative(Duration duration) {
      if (duration.isNegative()) {
        throw new IllegalArgumentException("A time is not negative: " + duration);
      }
      return duration;
    }

    /**
     * The pool.
     *
     * @return a new one; later changes to the builder make no difference to it
     */
    public QueuePool build() {
      return new QueuePool(this);
    }
  }
}
