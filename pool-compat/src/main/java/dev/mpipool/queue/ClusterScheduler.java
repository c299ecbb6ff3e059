package dev.mpipool.queue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** A cluster's scheduler, which is used by running its programs. Not changed once it is built. */
abstract sealed class ClusterScheduler implements Scheduler
    permits GridEngineScheduler, SlurmScheduler {

  private static final long serialVersionUID = 1;

  /** How many job numbers are given to one call of the program that deletes jobs. */
  private static final int MOST_DELETED_AT_ONCE = 200;

  final SchedulerBuilder.Settings settings;

  ClusterScheduler(SchedulerBuilder.Settings settings) {
    this.settings = settings;
  }

  /** Runs one of the scheduler's programs to its end, and returns what it has printed. */
  final String run(List<String> command) throws IOException, InterruptedException {
    return Command.run(command, settings.timeout);
  }

  @Override
  public final void delete(Collection<Job> jobs) throws IOException, InterruptedException {
    List<String> ids = jobs.stream().map(Job::id).distinct().toList();
    for (int from = 0; from < ids.size(); from += MOST_DELETED_AT_ONCE) {
      List<String> command = new ArrayList<>(List.of(settings.delete));
      command.addAll(ids.subList(from, Math.min(ids.size(), from + MOST_DELETED_AT_ONCE)));
      try {
        run(command);
      } catch (CommandException e) {
        if (!meansJobsHaveEnded(e.getMessage())) {
          throw e;
        }
      }
    }
  }

  /** Whether the program that deletes jobs failed only because some of them had ended. */
  abstract boolean meansJobsHaveEnded(String failure);
}
