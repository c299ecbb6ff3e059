package dev.mpipool.queue;

import dev.mpipool.queue.Job.State;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Sees a map through: submits what is not in the queue, looks at the queue and at the results, and
 * submits again what ended without a result.
 *
 * <p>Nothing is remembered of what the scheduler's programs answered when jobs were submitted or
 * deleted, for they fail, or succeed and say they failed. Each round looks at the queue first, then
 * at the results (so that a job which was not in the queue any more has left what it ever will),
 * and then does what follows from both:
 *
 * <pre>
 *   result there                     -> DONE
 *   a job held in an error           -> deleted; WAITING
 *   neither job nor result, a while  -> WAITING, or LOST after the last resubmission
 *   a job, though WAITING            -> SUBMITTED; it was submitted by a call that failed, or by
 *                                       the process whose map this one resumes
 *   WAITING                          -> submitted; SUBMITTED
 * </pre>
 */
final class MapRun {

  private static final long NEVER = Long.MIN_VALUE;

  /** How often in a row an idle, answering scheduler may refuse before the map fails. */
  private static final int MOST_REFUSALS = 3;

  /** After how many refusals to delete a job it is left to itself. */
  private static final int MOST_DELETIONS = 3;

  private static final Duration LONGEST_SWEEP = Duration.ofSeconds(60);
  private static final Duration TIME_TO_END = Duration.ofSeconds(10);

  private enum Stage {
    WAITING,
    SUBMITTED,
    DONE,
    LOST
  }

  private final MapPlan plan;
  private final PoolSettings settings;
  private final Scheduler scheduler;
  private final WorkFolder folder;
  private final Results results;
  private final Progress progress;
  private final EventLog log;

  private final Stage[] stages;
  private final int[] submissions;

  /** Since when a chunk has been without job and result, in nanoseconds. */
  private final long[] goneSince;

  /** Jobs that have been deleted, and may take their time to go. */
  private final Set<String> deleted = new HashSet<>();

  private final Map<String, Integer> deletions = new HashMap<>();

  private long silentSince = NEVER;
  private int refusals;
  private JobCounts told;

  /** Held in each round; the thread that stops the map takes it and sets stopped. */
  private final ReentrantLock turn = new ReentrantLock();

  private volatile boolean stopped;

  MapRun(
      MapPlan plan,
      PoolSettings settings,
      WorkFolder folder,
      Results results,
      Progress progress,
      EventLog log) {
    this.plan = plan;
    this.settings = settings;
    scheduler = settings.scheduler;
    this.folder = folder;
    this.results = results;
    this.progress = progress;
    this.log = log;
    stages = new Stage[plan.chunks()];
    Arrays.fill(stages, Stage.WAITING);
    submissions = new int[plan.chunks()];
    goneSince = new long[plan.chunks()];
    Arrays.fill(goneSince, NEVER);
  }

  /** Returns when every chunk has results or has been given up, and no job is left. */
  void run() throws IOException, InterruptedException {
    while (!round()) {
      TimeUnit.NANOSECONDS.sleep(settings.pollInterval.toNanos());
    }
    sweep();
  }

  /**
   * Ends the map from outside, whatever its thread is doing: deletes its jobs.
   *
   * @param why for the log
   */
  void stop(String why) {
    stopped = true;
    turn.lock();
    try {
      log.log("stopped", "why", why);
      List<Job> jobs = scheduler.jobs(plan.session());
      if (!jobs.isEmpty()) {
        scheduler.delete(jobs);
        log.log("deleted", "jobs", jobs.size());
      }
    } catch (IOException e) {
      String text =
          "Jobs of %s may still be in the queue: %s".formatted(plan.session(), e.getMessage());
      log.log("trouble", "message", text);
      progress.message(text);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      turn.unlock();
    }
  }

  /** Whether all is done. */
  private boolean round() throws IOException, InterruptedException {
    turn.lockInterruptibly();
    try {
      if (stopped) {
        throw new InterruptedException("The map was stopped");
      }
      List<Job> jobs = jobs();
      readResults();
      if (jobs != null) {
        int errors = deleteErrors(jobs);
        missAndAdopt(jobs);
        tell(jobs, errors);
        submitWaiting(jobs.isEmpty());
      }
      boolean ended =
          Arrays.stream(stages).allMatch(stage -> stage == Stage.DONE || stage == Stage.LOST);
      if (ended) {
        tell(List.of(), 0);
      }
      return ended;
    } finally {
      turn.unlock();
    }
  }

  /** This map's jobs, without those deleted; null if the scheduler does not answer. */
  private List<Job> jobs() throws InterruptedException {
    List<Job> jobs;
    try {
      jobs = scheduler.jobs(plan.session());
    } catch (IOException e) {
      silent(e);
      return null;
    }
    if (silentSince != NEVER) {
      silentSince = NEVER;
      log.log("answering", "scheduler", scheduler);
      progress.message("%s answers again".formatted(scheduler));
    }
    return jobs.stream()
        .filter(job -> !deleted.contains(job.id()) && job.chunk() < stages.length)
        .toList();
  }

  private void silent(IOException e) {
    long now = System.nanoTime();
    log.log("trouble", "message", e.getMessage());
    if (silentSince == NEVER) {
      silentSince = now;
      progress.message("%s does not answer; it will be asked again. %s".formatted(scheduler, e));
    } else if (now - silentSince > settings.patience.toNanos()) {
      throw new QueueException(
          "%s has not answered for %s: %s. QueuePool.resume(%s) goes on with the map"
              .formatted(scheduler, settings.patience, e.getMessage(), folder.path()),
          e);
    }
  }

  private void readResults() throws IOException {
    for (int chunk : folder.chunksWithResults()) {
      if (chunk < stages.length && stages[chunk] != Stage.DONE && stages[chunk] != Stage.LOST) {
        try {
          results.add(chunk);
          stages[chunk] = Stage.DONE;
          log.log("done", "chunk", chunk);
        } catch (IOException e) {
          log.log("damaged", "chunk", chunk, "message", e.getMessage());
          progress.message("%s. It is computed again".formatted(e.getMessage()));
          Files.deleteIfExists(folder.results(chunk));
        }
      }
    }
  }

  /** How many jobs are held in an error. */
  private int deleteErrors(List<Job> jobs) throws InterruptedException {
    List<Job> errors = jobs.stream().filter(job -> job.state() == State.ERROR).toList();
    if (errors.isEmpty()) {
      return 0;
    }
    for (Job job : errors) {
      log.log("error", "chunk", job.chunk(), "job", job.id(), "state", job.detail());
      progress.message(
          "Job %s (chunk %d) is in the state %s; it is deleted"
              .formatted(job.id(), job.chunk(), job.detail()));
    }
    try {
      scheduler.delete(errors);
    } catch (IOException e) {
      log.log("trouble", "message", e.getMessage());
      errors.forEach(job -> deletions.merge(job.id(), 1, Integer::sum));
      errors = errors.stream().filter(job -> deletions.get(job.id()) >= MOST_DELETIONS).toList();
    }
    for (Job job : errors) {
      deleted.add(job.id());
      if (stages[job.chunk()] == Stage.SUBMITTED || stages[job.chunk()] == Stage.WAITING) {
        submitAgain(job.chunk(), "it was held in the state " + job.detail());
      }
    }
    return errors.size();
  }

  private void missAndAdopt(List<Job> jobs) {
    boolean[] present = new boolean[stages.length];
    jobs.stream()
        .filter(job -> !deleted.contains(job.id()))
        .forEach(job -> present[job.chunk()] = true);
    long now = System.nanoTime();
    for (int chunk = 0; chunk < stages.length; chunk++) {
      if (present[chunk]) {
        goneSince[chunk] = NEVER;
        if (stages[chunk] == Stage.WAITING) {
          stages[chunk] = Stage.SUBMITTED;
          submissions[chunk]++;
          log.log("found", "chunk", chunk);
        }
      } else if (stages[chunk] == Stage.SUBMITTED) {
        if (goneSince[chunk] == NEVER) {
          goneSince[chunk] = now;
        }
        if (now - goneSince[chunk] >= settings.fileDelay.toNanos()) {
          submitAgain(chunk, "it ended without a result");
        }
      }
    }
  }

  private void submitAgain(int chunk, String why) {
    goneSince[chunk] = NEVER;
    if (submissions[chunk] <= settings.resubmissions) {
      stages[chunk] = Stage.WAITING;
      log.log("again", "chunk", chunk, "why", why);
      progress.message(
          "Chunk %d is submitted again, %d of %d times: %s"
              .formatted(chunk, submissions[chunk], settings.resubmissions, why));
      return;
    }
    stages[chunk] = Stage.LOST;
    log.log("lost", "chunk", chunk, "why", why);
    String complaints = folder.complaints(chunk);
    results.lose(
        chunk,
        new ChunkLostException(
            "The job of chunk %d was submitted %d times, and each time it had no result; the last time %s. %s"
                .formatted(
                    chunk,
                    submissions[chunk],
                    why,
                    complaints.isEmpty()
                        ? "It wrote nothing to stderr"
                        : "Its stderr ends with:\n" + complaints)));
  }

  private void submitWaiting(boolean idle) throws InterruptedException {
    List<Integer> waiting = new ArrayList<>();
    for (int chunk = 0; chunk < stages.length; chunk++) {
      if (stages[chunk] == Stage.WAITING) {
        waiting.add(chunk);
      }
    }
    int most = scheduler.chunksPerSubmission();
    for (int from = 0; from < waiting.size() && !stopped; from += most) {
      List<Integer> chunks = waiting.subList(from, Math.min(waiting.size(), from + most));
      try {
        scheduler.submit(
            new Submission(plan.session(), folder.script(), folder.output(), List.copyOf(chunks)));
      } catch (IOException e) {
        refused(e, idle && from == 0);
        return;
      }
      refusals = 0;
      for (int chunk : chunks) {
        stages[chunk] = Stage.SUBMITTED;
        submissions[chunk]++;
        log.log("submitted", "chunk", chunk, "time_of", submissions[chunk]);
      }
    }
  }

  /** A full queue takes more when jobs have ended; an idle one that refuses will go on to. */
  private void refused(IOException e, boolean idle) {
    log.log("refused", "message", e.getMessage());
    refusals = idle ? refusals + 1 : 0;
    if (refusals >= MOST_REFUSALS) {
      throw new QueueException(
          "%s takes no jobs: %s. QueuePool.resume(%s, pool) goes on with another pool"
              .formatted(scheduler, e.getMessage(), folder.path()),
          e);
    }
    progress.message("A job could not be submitted; it is tried again. %s".formatted(e));
  }

  private void tell(Collection<Job> jobs, int errors) {
    Set<Integer> running = new HashSet<>();
    for (Job job : jobs) {
      if (job.state() == State.RUNNING && stages[job.chunk()] == Stage.SUBMITTED) {
        running.add(job.chunk());
      }
    }
    int done = (int) Arrays.stream(stages).filter(stage -> stage == Stage.DONE).count();
    int lost = (int) Arrays.stream(stages).filter(stage -> stage == Stage.LOST).count();
    int rest = stages.length - done - lost - running.size();
    int held = Math.min(errors, rest);
    JobCounts counts = new JobCounts(running.size(), rest - held, held, lost, done, stages.length);
    if (!counts.equals(told)) {
      told = counts;
      log.log(
          "counts",
          "running",
          counts.running(),
          "pending",
          counts.pending(),
          "error",
          counts.error(),
          "lost",
          counts.lost(),
          "done",
          counts.done());
      progress.changed(counts);
    }
  }

  /** Sees that no job stays: those that have just written their results may end by themselves. */
  private void sweep() throws InterruptedException {
    long start = System.nanoTime();
    long pause = Math.min(settings.pollInterval.toMillis(), 500);
    IOException trouble = null;
    while (System.nanoTime() - start < LONGEST_SWEEP.toNanos()) {
      try {
        List<Job> jobs = scheduler.jobs(plan.session());
        trouble = null;
        if (jobs.isEmpty()) {
          return;
        }
        boolean impatient = System.nanoTime() - start > TIME_TO_END.toNanos();
        List<Job> superfluous =
            jobs.stream().filter(job -> impatient || job.state() != State.RUNNING).toList();
        if (!superfluous.isEmpty()) {
          scheduler.delete(superfluous);
        }
      } catch (IOException e) {
        trouble = e;
      }
      TimeUnit.MILLISECONDS.sleep(pause);
    }
    String text =
        "Jobs of %s may still be in the queue%s"
            .formatted(plan.session(), trouble == null ? "" : ": " + trouble.getMessage());
    log.log("trouble", "message", text);
    progress.message(text);
  }
}
