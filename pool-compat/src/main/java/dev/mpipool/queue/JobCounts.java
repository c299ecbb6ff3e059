package dev.mpipool.queue;

/**
 * How far a map has come, counted in chunks. The numbers but the last add up to it.
 *
 * <p>Example:
 *
 * <pre>{@code
 * Progress progress = counts -> System.err.println(counts.done() + " of " + counts.total());
 * QueuePool pool = QueuePool.builder(Scheduler.detect()).progress(progress).build();
 * }</pre>
 *
 * @param running whose job runs
 * @param pending whose job waits, or is not submitted yet
 * @param error whose job is held in an error
 * @param lost given up, after all resubmissions
 * @param done with results
 * @param total of the map
 */
public record JobCounts(int running, int pending, int error, int lost, int done, int total) {

  @Override
  public String toString() {
    return "%d running, %d pending, %d error, %d lost, %d of %d done"
        .formatted(running, pending, error, lost, done, total);
  }
}
