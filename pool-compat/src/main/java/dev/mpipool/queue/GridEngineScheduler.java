package dev.mpipool.queue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.apache.commons.lang3.StringUtils;

/**
 * Sun or Open Grid Engine: {@code qsub}, {@code qstat -xml}, {@code qdel}. One job a chunk.
 *
 * <p>Example:
 *
 * <pre>{@code
 * Scheduler queue = GridEngineScheduler.builder().queue("long.q").time("02:00:00").options("-P", "stars").build();
 * List<Integer> squares = new QueuePool(queue).map(x -> x * x, List.of(1, 2, 3));
 * }</pre>
 */
public final class GridEngineScheduler extends ClusterScheduler {

  private static final long serialVersionUID = 2;

  private final String parallelEnvironment;
  private final String memoryResource;
  private final String errorState;

  private GridEngineScheduler(Builder builder) {
    super(builder.settings());
    parallelEnvironment = builder.parallelEnvironment;
    memoryResource = builder.memoryResource;
    errorState = builder.errorState;
  }

  /**
   * Options for Grid Engine.
   *
   * @return a builder with the defaults
   */
  public static Builder builder() {
    return new Builder();
  }

  @Override
  public void submit(Submission submission) throws IOException, InterruptedException {
    if (StringUtils.containsAny(submission.output().toString(), ":,$")) {
      throw new IllegalArgumentException(
          "%s: Grid Engine gives ':', ',' and '$' in names of files a meaning; take another work folder"
              .formatted(submission.output()));
    }
    for (int chunk : submission.chunks()) {
      run(submitCommand(submission, chunk));
    }
  }

  private List<String> submitCommand(Submission submission, int chunk) {
    List<String> command = new ArrayList<>(List.of(settings.submit));
    // an empty prefix: nothing in the script counts as an option, whatever it looks like
    command.addAll(List.of("-terse", "-C", "", "-S", "/bin/sh"));
    command.addAll(List.of("-N", submission.jobName(chunk)));
    command.addAll(List.of("-o", submission.stdout(chunk).toString()));
    command.addAll(List.of("-e", submission.stderr(chunk).toString()));
    if (settings.queue != null) {
      command.addAll(List.of("-q", settings.queue));
    }
    if (settings.cores > 0) {
      command.addAll(List.of("-pe", parallelEnvironment, Integer.toString(settings.cores)));
    }
    if (settings.memory != null) {
      command.addAll(List.of("-l", memoryResource + "=" + settings.memory));
    }
    if (settings.time != null) {
      command.addAll(List.of("-l", "h_rt=" + settings.time));
    }
    command.addAll(settings.options);
    command.add(submission.script().toString());
    command.add(Integer.toString(chunk));
    return command;
  }

  @Override
  public List<Job> jobs(String session) throws IOException, InterruptedException {
    String answer = run(List.of(settings.status, "-xml", "-u", System.getProperty("user.name")));
    return QstatXml.jobs(answer, session, errorState);
  }

  @Override
  boolean meansJobsHaveEnded(String failure) {
    return failure.contains("does not exist");
  }

  @Override
  public String toString() {
    return "Grid Engine (%s)".formatted(settings.submit);
  }

  /** Options for Grid Engine. */
  public static final class Builder extends SchedulerBuilder<Builder> {

    private String parallelEnvironment = "smp";
    private String memoryResource = "h_vmem";
    private String errorState = "E";

    private Builder() {
      super("qsub", "qstat", "qdel");
    }

    /**
     * The parallel environment in which jobs of several cores run; {@code smp} by default.
     *
     * @param name as {@code qconf -spl} lists it
     * @return this builder
     */
    public Builder parallelEnvironment(String name) {
      parallelEnvironment = Objects.requireNonNull(name, "name");
      return this;
    }

    /**
     * The resource that {@link #memory} asks for; {@code h_vmem} by default. Java reserves more
     * address space than it uses, which counts there: where that is a limit, ask for some gigabytes
     * more than the heap.
     *
     * @param resource for example {@code mem_free}
     * @return this builder
     */
    public Builder memoryResource(String resource) {
      memoryResource = Objects.requireNonNull(resource, "resource");
      return this;
    }

    /**
     * What marks a state as an error, as in {@code Eqw}; {@code E} by default.
     *
     * @param letter one of the letters of {@code qstat}
     * @return this builder
     */
    public Builder errorState(String letter) {
      if (letter.length() != 1) {
        throw new IllegalArgumentException("One letter is wanted, not '%s'".formatted(letter));
      }
      errorState = letter;
      return this;
    }

    @Override
    Builder self() {
      return this;
    }

    /**
     * The scheduler.
     *
     * @return a new one
     */
    public GridEngineScheduler build() {
      return new GridEngineScheduler(this);
    }
  }
}
