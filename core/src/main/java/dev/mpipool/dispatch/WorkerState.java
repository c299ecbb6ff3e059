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
  private final Set<Long> shared = new HashSet<>();

  /** The one of those that the last task needed: most often the next needs it, too. */
  private long lastShared;

  private boolean alive = true;

  /** Why it was lost, until all that it held has been taken back; else null. */
  private String lossReason;

  /** Whether it has been told that nothing more comes. */
  private boolean toldToLeave;

  /** Whether it was excluded and told to leave, and has not said that it has. */
  private boolean excluded;

  /** Whether a group that is being gathered keeps a place here. */
  private boolean reserved;

  /** How often it has been asked for tasks and has not answered yet. */
  private int recalls;

  /** Whether it has given tasks back and has answered none since: what it runs may take long. */
  private boolean gaveBack;

  /** Where the dispatcher lists it; an entry there may be out of date. */
  private boolean listedFree;

  private boolean listedWithRoom;

  /** How long a task takes: follows the mean at once upwards, slowly downwards. */
  private double nanosPerTask = Double.POSITIVE_INFINITY;

  /** When it last gave a sign, or was given something to do. */
  private long lastSign;

  /** When it last gave a sign. */
  private long lastHeard = System.nanoTime();

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

  // ---- life

  boolean isAlive() {
    return alive;
  }

  /** It has left, or nothing more is expected of it. */
  void leave() {
    alive = false;
  }

  /** It is lost; what it holds is to be taken back. */
  void lose(String reason) {
    lossReason = reason;
    alive = false;
  }

  /** Why it was lost, until all that it held has been taken back; else null. */
  String lossReason() {
    return lossReason;
  }

  /** All that it held has been taken back. */
  void lossHandled() {
    lossReason = null;
  }

  boolean isToldToLeave() {
    return toldToLeave;
  }

  void tellToLeave() {
    toldToLeave = true;
  }

  boolean isExcluded() {
    return excluded;
  }

  void exclude() {
    excluded = true;
  }

  /** It was excluded, and has said that it has left. */
  void hasLeft() {
    excluded = false;
  }

  /** A message has come from it. */
  void heard() {
    lastHeard = System.nanoTime();
    lastSign = lastHeard;
  }

  /** When a message last came from it. */
  long lastHeard() {
    return lastHeard;
  }

  /** When it last gave a sign, or was given something to do. */
  long lastSign() {
    return lastSign;
  }

  // ---- shared values

  /** Whether it has been sent a shared value. */
  boolean hasShared(long number) {
    return lastShared == number || shared.contains(number);
  }

  /** It has been sent a shared value, which the next task needs. */
  void addShared(long number) {
    if (lastShared != number) {
      shared.add(number);
      lastShared = number;
    }
  }

  /** It is to forget a shared value; returns whether it had it. */
  boolean removeShared(long number) {
    lastShared = 0;
    return shared.remove(number);
  }

  // ---- tasks

  /** It is given a task; there is room for it in {@link #tasks}. */
  void addTask(long id, ScheduledTask task) {
    if (tasks.isEmpty()) {
      lastSign = System.nanoTime();
    }
    tasks.add(id, task);
  }

  boolean isReserved() {
    return reserved;
  }

  /** A group that is being gathered keeps a place here, or no longer does. */
  void reserve(boolean yes) {
    reserved = yes;
  }

  /** Whether it has been asked for tasks and has not answered yet. */
  boolean isRecalled() {
    return recalls > 0;
  }

  void recall() {
    recalls++;
  }

  /** It has answered a recall. */
  void returned() {
    recalls = Math.max(0, recalls - 1);
    gaveBack = true;
  }

  /** No answer is awaited any more. */
  void forgetRecalls() {
    recalls = 0;
  }

  boolean isListedFree() {
    return listedFree;
  }

  void listFree(boolean yes) {
    listedFree = yes;
  }

  boolean isListedWithRoom() {
    return listedWithRoom;
  }

  void listWithRoom(boolean yes) {
    listedWithRoom = yes;
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
