package dev.mpipool.dispatch;

import dev.mpipool.memory.Ring;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** What main knows of one worker. Guarded by the dispatcher's lock. */
final class WorkerState {

  /**
   * How much unfinished work a worker holds beyond what it runs: enough to keep it busy until more
   * has come, some round trips.
   */
  private static final long WINDOW_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

  /**
   * So long main is busy with a message and its answer. To give away work that takes less costs
   * more than to do it; and who is served after others waits so long for each of them anyway.
   */
  private static final long MESSAGE_NANOS = TimeUnit.MICROSECONDS.toNanos(12);

  /** No more than this is piled up for one worker while others have nothing. */
  private static final long MOST_NANOS = TimeUnit.MICROSECONDS.toNanos(64);

  private static final int MOST_TASKS = 8192;

  final int rank;

  /** How many tasks it runs at a time. */
  final int threads;

  final InFlightTasks tasks = new InFlightTasks();

  /** Tasks for this worker alone, that it does not have yet. */
  final Ring<ScheduledTask> pinned = new Ring<>();

  /** The shared values that it has been sent. */
  final Set<Long> shared = new HashSet<>();

  /** The one of those that the last task needed: most often the next needs it, too. */
  long lastShared;

  boolean alive = true;

  /** Why it was lost, until all that it held has been taken back; else null. */
  String lossReason;

  /** Whether it has been told that nothing more comes. */
  boolean toldToLeave;

  /** Whether it was excluded and told to leave, and has not said that it has. */
  boolean excluded;

  /** Whether a group that is being gathered keeps a place here. */
  boolean reserved;

  /** How often it has been asked for tasks and has not answered yet. */
  int recalls;

  /** Whether it has given tasks back and has answered none since: what it runs may take long. */
  boolean gaveBack;

  /** Where the dispatcher lists it; an entry there may be out of date. */
  boolean listedFree;

  boolean listedWithRoom;

  /** How long a task takes: follows the mean at once upwards, slowly downwards. */
  private double nanosPerTask = Double.POSITIVE_INFINITY;

  /** When it last gave a sign, or was given something to do. */
  long lastSign;

  /** When it last gave a sign. */
  long lastHeard = System.nanoTime();

  WorkerState(int rank, int threads) {
    this.rank = rank;
    this.threads = threads;
  }

  @Override
  public String toString() {
    return "rank %d: %d tasks%s%s%s"
        .formatted(
            rank,
            tasks.size(),
            pinned.isEmpty() ? "" : " and " + pinned.size() + " for it alone",
            reserved ? ", kept for a group" : "",
            recalls > 0 ? ", asked to give some back" : "");
  }

  /** So many tasks took so long. */
  void busyTime(long nanos, int answered) {
    gaveBack = false;
    double mean = (double) nanos / answered;
    boolean up = mean > nanosPerTask || nanosPerTask == Double.POSITIVE_INFINITY;
    nanosPerTask = up ? mean : nanosPerTask + (mean - nanosPerTask) / 4;
  }

  /** Whether it has nothing to do and nothing waits for it; a dead worker always is. */
  boolean isIdle() {
    return tasks.isEmpty() && pinned.isEmpty();
  }

  /** Whether a task would begin at once. */
  boolean hasFreeThread() {
    return alive && tasks.size() + (reserved ? 1 : 0) < threads;
  }

  /** Whether it may hold one more task. */
  boolean hasRoom() {
    return alive && recalls == 0 && tasks.size() + (reserved ? 1 : 0) < threads + ahead();
  }

  /**
   * Whether so many tasks are no more work than a message is worth.
   *
   * @param count how many
   * @param waiting how many messages are to go out, maybe one to this worker among them
   */
  boolean isLittle(int count, int waiting) {
    long little = Math.min(MOST_NANOS, (waiting + 1) * MESSAGE_NANOS);
    return !gaveBack && count * nanosPerTask / threads <= little;
  }

  private int ahead() {
    return (int) Math.min(MOST_TASKS, WINDOW_NANOS * threads / nanosPerTask);
  }

  /** How many tasks it holds that it has not begun. */
  int unstarted() {
    return Math.max(0, tasks.size() - threads);
  }

  /** How long those take, as far as is known. */
  double unstartedNanos() {
    return unstarted() * nanosPerTask / threads;
  }

  /** The first of its chunks that could be given back in part; null if there is none. */
  ScheduledTask.Chunk divisibleChunk() {
    for (ScheduledTask task : tasks.inOrder()) {
      if (task instanceof ScheduledTask.Chunk chunk && chunk.isDivisible()) {
        return chunk;
      }
    }
    return null;
  }
}
