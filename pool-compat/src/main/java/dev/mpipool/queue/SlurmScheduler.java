package dev.mpipool.queue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.commons.lang3.StringUtils;

/**
 * Slurm: {@code sbatch}, {@code squeue}, {@code scancel}. One job a chunk; or job arrays, each for
 * up to 1,000 chunks, which cost the scheduler little and are submitted at once.
 *
 * <p>Example:
 *
 * <pre>{@code
 * Scheduler queue = SlurmScheduler.builder().jobArrays(true).queue("long").cores(2).memory("4G").build();
 * List<Integer> squares = new QueuePool(queue).map(x -> x * x, List.of(1, 2, 3));
 * }</pre>
 */
public final class SlurmScheduler extends ClusterScheduler {

  private static final long serialVersionUID = 2;

  /** Slurm's default limit (MaxArraySize) is 1,001. */
  private static final int ARRAY_SIZE = 1000;

  private static final String FORMAT = "--format=%i|%j|%K|%T|%r";
  private static final int FIELDS = 5;

  /** States that are over, but for the job's being written off. */
  private static final Set<String> FAILED =
      Set.of("BOOT_FAIL", "NODE_FAIL", "OUT_OF_MEMORY", "TIMEOUT", "DEADLINE", "FAILED");

  /** States that are over, one way or another. */
  private static final Set<String> ENDED =
      Set.of("COMPLETED", "CANCELLED", "PREEMPTED", "REVOKED", "SPECIAL_EXIT");

  private static final Set<String> ACTIVE =
      Set.of("RUNNING", "COMPLETING", "CONFIGURING", "STAGE_OUT", "SIGNALING", "STOPPED");

  /** Why a job waits that will wait for ever. */
  private static final Set<String> HOPELESS =
      Set.of(
          "launch failed requeued held",
          "launch_failed_requeued_held",
          "BadConstraints",
          "DependencyNeverSatisfied",
          "InactiveLimit",
          "InvalidAccount",
          "InvalidQOS",
          "JobLaunchFailure",
          "NonZeroExitCode",
          "SystemFailure",
          "TimeLimit");

  private final boolean arrays;
  private final int mostRunning;

  private SlurmScheduler(Builder builder) {
    super(builder.settings());
    arrays = builder.arrays;
    mostRunning = builder.mostRunning;
  }

  /**
   * Options for Slurm.
   *
   * @return a builder with the defaults
   */
  public static Builder builder() {
    return new Builder();
  }

  @Override
  public int chunksPerSubmission() {
    return arrays ? ARRAY_SIZE : 1;
  }

  @Override
  public void submit(Submission submission) throws IOException, InterruptedException {
    if (!arrays) {
      for (int chunk : submission.chunks()) {
        List<String> command = command(submission.jobName(chunk));
        command.add("--output=" + escaped(submission.stdout(chunk).toString()));
        command.add("--error=" + escaped(submission.stderr(chunk).toString()));
        command.add(submission.script().toString());
        command.add(Integer.toString(chunk));
        run(command);
      }
      return;
    }
    Map<Integer, List<Integer>> blocks =
        submission.chunks().stream()
            .collect(
                Collectors.groupingBy(
                    chunk -> chunk / ARRAY_SIZE, TreeMap::new, Collectors.toList()));
    for (Map.Entry<Integer, List<Integer>> block : blocks.entrySet()) {
      submitArray(submission, block.getKey() * ARRAY_SIZE, block.getValue());
    }
  }

  /** A chunk's number is the first of its block and the array index, in three digits. */
  private void submitArray(Submission submission, int first, List<Integer> chunks)
      throws IOException, InterruptedException {
    List<String> command = command(submission.jobName(first));
    command.add("--array=" + ranges(chunks, first) + (mostRunning > 0 ? "%" + mostRunning : ""));
    String file =
        "%s/%03d%%3a".formatted(escaped(submission.output().toString()), first / ARRAY_SIZE);
    command.add("--output=" + file + ".stdout");
    command.add("--error=" + file + ".stderr");
    command.add(submission.script().toString());
    command.add(Integer.toString(first));
    command.add("array");
    run(command);
  }

  private List<String> command(String name) {
    List<String> command = new ArrayList<>(List.of(settings.submit));
    command.addAll(List.of("--parsable", "--open-mode=append", "--job-name=" + name));
    if (settings.queue != null) {
      command.add("--partition=" + settings.queue);
    }
    if (settings.cores > 0) {
      command.add("--cpus-per-task=" + settings.cores);
    }
    if (settings.memory != null) {
      command.add("--mem=" + settings.memory);
    }
    if (settings.time != null) {
      command.add("--time=" + settings.time);
    }
    command.addAll(settings.options);
    return command;
  }

  /** Array indices as Slurm writes them, for example {@code 0-3,7}. */
  static String ranges(List<Integer> chunks, int first) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < chunks.size(); ) {
      int end = i;
      while (end + 1 < chunks.size() && chunks.get(end + 1) == chunks.get(end) + 1) {
        end++;
      }
      text.append(text.isEmpty() ? "" : ",").append(chunks.get(i) - first);
      if (end > i) {
        text.append("-").append(chunks.get(end) - first);
      }
      i = end + 1;
    }
    return text.toString();
  }

  /** In names of files for output Slurm replaces what begins with a percent sign. */
  private static String escaped(String path) {
    return path.replace("%", "%%");
  }

  @Override
  public List<Job> jobs(String session) throws IOException, InterruptedException {
    String answer = run(List.of(settings.status, "--me", "--array", "--noheader", FORMAT));
    return parse(answer, session);
  }

  /** Reads lines in our own format: id, name, array index, state, reason. */
  static List<Job> parse(String answer, String session) throws CommandException {
    List<Job> jobs = new ArrayList<>();
    for (String line : answer.lines().filter(text -> !text.isBlank()).toList()) {
      String[] fields = line.strip().split("\\|", FIELDS);
      if (fields.length != FIELDS) {
        throw new CommandException(
            "squeue's answer cannot be read: five fields, as in id|name|index|state|reason, are expected in the line: "
                + StringUtils.abbreviate(line, 300));
      }
      OptionalInt first = Job.chunkOf(session, fields[1]);
      if (first.isEmpty()) {
        continue;
      }
      int index = fields[2].matches("\\d{1,9}") ? Integer.parseInt(fields[2]) : 0;
      if (!ENDED.contains(fields[3])) {
        String detail = fields[3] + (fields[4].equals("None") ? "" : ", " + fields[4]);
        jobs.add(new Job(fields[0], first.getAsInt() + index, state(fields[3], fields[4]), detail));
      }
    }
    return jobs;
  }

  private static Job.State state(String state, String reason) {
    if (FAILED.contains(state)) {
      return Job.State.ERROR;
    }
    if (ACTIVE.contains(state)) {
      return Job.State.RUNNING;
    }
    return HOPELESS.contains(StringUtils.strip(reason, "()")) ? Job.State.ERROR : Job.State.PENDING;
  }

  @Override
  boolean meansJobsHaveEnded(String failure) {
    return failure.contains("Invalid job id")
        || failure.contains("already completing or completed");
  }

  @Override
  public String toString() {
    return "Slurm%s (%s)".formatted(arrays ? ", job arrays" : "", settings.submit);
  }

  /** Options for Slurm. */
  public static final class Builder extends SchedulerBuilder<Builder> {

    private boolean arrays;
    private int mostRunning;

    private Builder() {
      super("sbatch", "squeue", "scancel");
    }

    /**
     * Whether chunks are submitted as job arrays; false by default.
     *
     * @param arrays true for an array of up to 1,000 chunks, false for one job a chunk
     * @return this builder
     */
    public Builder jobArrays(boolean arrays) {
      this.arrays = arrays;
      return this;
    }

    /**
     * How many jobs of an array may run at the same time; as many as Slurm allows by default.
     * Without job arrays this has no effect.
     *
     * @param jobs at least 1
     * @return this builder
     */
    public Builder mostRunning(int jobs) {
      if (jobs < 1) {
        throw new IllegalArgumentException("At least one job has to run, not %d".formatted(jobs));
      }
      mostRunning = jobs;
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
    public SlurmScheduler build() {
      return new SlurmScheduler(this);
    }
  }
}
