package dev.mpipool.queue;

import java.io.File;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.lang.ProcessBuilder.Redirect;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Runs jobs as processes of this machine, so many at a time. Where there is no queue, this is one.
 * Its jobs end with the process that submitted them, however that ends.
 *
 * <p>Example:
 *
 * <pre>{@code
 * List<Integer> squares = new QueuePool(new LocalScheduler(2)).map(x -> x * x, List.of(1, 2, 3));
 * }</pre>
 */
public final class LocalScheduler implements Scheduler {

  private static final long serialVersionUID = 1;

  /** The variable that tells a job whose end is its own. */
  static final String PARENT = "MPIPOOL_PARENT";

  private static final File NOTHING = new File("/dev/null");
  private static final long MILLIS_TO_END = 5000;

  private final int processes;

  private transient Queue queue;

  /** As many processes at a time as there are processors. */
  public LocalScheduler() {
    this(Runtime.getRuntime().availableProcessors());
  }

  /**
   * So many processes at a time.
   *
   * @param processes at least 1
   */
  public LocalScheduler(int processes) {
    if (processes < 1) {
      throw new IllegalArgumentException(
          "At least one process has to run, not %d".formatted(processes));
    }
    this.processes = processes;
    queue = new Queue(processes);
  }

  private void readObject(ObjectInputStream in) throws IOException, ClassNotFoundException {
    in.defaultReadObject();
    queue = new Queue(processes);
  }

  @Override
  public void submit(Submission submission) {
    submission.chunks().forEach(chunk -> queue.add(submission, chunk));
  }

  @Override
  public List<Job> jobs(String session) {
    return queue.jobs(session);
  }

  @Override
  public void delete(Collection<Job> jobs) throws InterruptedException {
    queue.delete(jobs.stream().map(Job::id).toList());
  }

  @Override
  public Duration pollInterval() {
    return Duration.ofMillis(100);
  }

  @Override
  public Duration fileDelay() {
    return Duration.ZERO;
  }

  @Override
  public String toString() {
    return "%d local process%s".formatted(processes, processes == 1 ? "" : "es");
  }

  private record Waiting(String id, Submission submission, int chunk) {}

  private record Running(Waiting job, Process process) {}

  private static final class Queue {

    private final int processes;
    private final ArrayDeque<Waiting> waiting = new ArrayDeque<>();
    private final Map<String, Running> running = new LinkedHashMap<>();

    /** Jobs that could not be started, with the reason. */
    private final Map<String, Job> failed = new LinkedHashMap<>();

    private int submitted;

    Queue(int processes) {
      this.processes = processes;
    }

    synchronized void add(Submission submission, int chunk) {
      submitted++;
      waiting.add(new Waiting(submission.jobName(chunk) + "#" + submitted, submission, chunk));
      startNext();
    }

    private synchronized void startNext() {
      while (running.size() < processes && !waiting.isEmpty()) {
        Waiting job = waiting.remove();
        try {
          Process process = start(job);
          running.put(job.id, new Running(job, process));
          process.onExit().thenRun(() -> ended(job.id));
        } catch (IOException e) {
          failed.put(job.id, new Job(job.id, job.chunk, Job.State.ERROR, e.getMessage()));
        }
      }
    }

    private static Process start(Waiting job) throws IOException {
      Submission submission = job.submission;
      ProcessBuilder builder =
          new ProcessBuilder(
              "/bin/sh", submission.script().toString(), Integer.toString(job.chunk));
      Environment.removeShellVariables(builder.environment()); // the worker has them all the same
      builder.environment().put(PARENT, Long.toString(ProcessHandle.current().pid()));
      builder.redirectInput(NOTHING);
      builder.redirectOutput(Redirect.appendTo(submission.stdout(job.chunk).toFile()));
      builder.redirectError(Redirect.appendTo(submission.stderr(job.chunk).toFile()));
      return builder.start();
    }

    private synchronized void ended(String id) {
      running.remove(id);
      startNext();
    }

    synchronized List<Job> jobs(String session) {
      List<Job> jobs = new ArrayList<>();
      for (Running job : running.values()) {
        if (job.job.submission.session().equals(session)) {
          String detail = "process " + job.process.pid();
          jobs.add(new Job(job.job.id, job.job.chunk, Job.State.RUNNING, detail));
        }
      }
      for (Waiting job : waiting) {
        if (job.submission.session().equals(session)) {
          jobs.add(new Job(job.id, job.chunk, Job.State.PENDING, "waits"));
        }
      }
      failed.values().stream().filter(job -> job.id().startsWith(session + "-")).forEach(jobs::add);
      return jobs;
    }

    void delete(List<String> ids) throws InterruptedException {
      List<Process> ending = new ArrayList<>();
      synchronized (this) {
        for (Iterator<Waiting> each = waiting.iterator(); each.hasNext(); ) {
          if (ids.contains(each.next().id)) {
            each.remove();
          }
        }
        ids.forEach(failed::remove);
        for (String id : ids) {
          if (running.containsKey(id)) {
            ending.add(running.get(id).process);
          }
        }
      }
      end(ending);
    }

    /** Ends processes and what they have started: politely, and if need be by force. */
    private static void end(List<Process> processes) throws InterruptedException {
      List<ProcessHandle> all =
          processes.stream()
              .flatMap(
                  process -> Stream.concat(process.descendants(), Stream.of(process.toHandle())))
              .toList();
      all.forEach(ProcessHandle::destroy);
      long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(MILLIS_TO_END);
      for (Process process : processes) {
        process.waitFor(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
      }
      all.forEach(ProcessHandle::destroyForcibly);
    }
  }
}
