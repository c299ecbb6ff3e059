package dev.mpipool.queue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import org.apache.commons.lang3.StringUtils;

/** Sun or Open Grid Engine: {@code qsub}, {@code qstat -xml}, {@code qdel}. One job a chunk. */
public final class GridEngineScheduler implements Scheduler {

  private static final long serialVersionUID = 1;

  /** How many job numbers are given to one qdel. */
  private static final int MOST_DELETED_AT_ONCE = 200;

  private final SchedulerBuilder.Settings settings;
  private final String parallelEnvironment;
  private final String memoryResource;
  private final String errorState;

  private GridEngineScheduler(Builder builder) {
    settings = builder.settings();
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
      Command.run(submitCommand(submission, chunk), settings.timeout);
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
    String answer =
        Command.run(
            List.of(settings.status, "-xml", "-u", System.getProperty("user.name")),
            settings.timeout);
    return QstatXml.jobs(answer, session, errorState);
  }

  @Override
  public void delete(Collection<Job> jobs) throws IOException, InterruptedException {
    List<String> ids = jobs.stream().map(Job::id).distinct().toList();
    for (int from = 0; from < ids.size(); from += MOST_DELETED_AT_ONCE) {
      List<String> command = new ArrayList<>(List.of(settings.delete));
      command.addAll(ids.subList(from, Math.min(ids.size(), from + MOST_DELETED_AT_ONCE)));
      try {
        Command.run(command, settings.timeout);
      } catch (CommandException e) {
        if (!e.getMessage().contains("does not exist")) {
          throw e;
        }
      }
    }
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
