package dev.mpipool.dispatch;

import dev.mpipool.memory.Ring;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** Main's record of one worker. Guarded by the dispatcher's lock. */
final class WorkerState {

  /**
   * How much work is in flight to a worker beyond the tasks it runs: enough for some round trips.
   */
  private static final long WINDOW_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

  /**
   * How long main takes for a message and its answer. Distributing less work than this does not
   * pay, and a worker served after others waits this long for each of them anyway.
   */
  private static final long MESSAGE_NANOS = TimeUnit.MICROSECONDS.toNanos(12);

  /** The most work that one worker receives at once while others are idle. */
  private static final long MOST_NANOS = TimeUnit.MICROSECONDS.toNanos(64);

  private static final int MOST_TASKS = 8192;

  final int rank;

  /** The number of its task threads. */
  final int threads;

  final InFlightTasks tasks = new InFlightTasks();

  /** Tasks for this worker only that have not been sent yet. */
  final Ring<ScheduledTask> pinned = new Ring<>();

  /** The shared value that the last task needed, usually also needed by the next; 0 for none. */
  private long lastShared;

  /** The numbers of other shared values that were sent to it; empty and immutable for none. */
  private Set<Long> shared = Set.of();

  /** The groups that it is or was a member of; over ones until the next. */
  private List<GroupAttempt> attempts = List.of();

  private boolean alive = true;

  /** Why it was lost, until all its tasks have been requeued or failed; else null. */
  private String lossReason;

  /** Whether it has been told to leave. */
  private boolean toldToLeave;

  /** Whether it was excluded and has not acknowledged that it has left. */
  private boolean excluded;

  /** Whether one of its threads is reserved for the gathering group. */
  private boolean reserved;

  /** The number of unanswered recalls. */
  private int recalls;

  /** Whether it has returned tasks and answered none since: its current tasks may take long. */
  private boolean gaveBack;

  /** Whether {@link WorkerSelector} lists it; an entry there may be out of date. */
  private boolean listedFree;

  private boolean listedWithRoom;

  /** Estimated time per task: rises to a higher mean at once, falls to a lower one slowly. */
  private double nanosPerTask = Double.POSITIVE_INFINITY;

  /** When it last gave a sign of life, or was sent a task while it had none; by nanoTime. */
  private long lastSign;

  /** When it last gave a sign of life; by nanoTime. */
  private long lastHeard = System.nanoTime();

  /** What {@link Heartbeats} knows of it. */
  final HeartbeatWatch watch = new HeartbeatWatch();

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
      if (lastShared != 0) {
        shared = shared.isEmpty() ? new HashSet<>() : shared;
        shared.add(lastShared);
      }
      lastShared = number;
    }
  }

  /** It is to forget a shared value; returns whether it had it. */
  boolean removeShared(long number) {
    boolean had = lastShared == number;
    lastShared = had ? 0 : lastShared;
    return (!shared.isEmpty() && shared.remove(number)) || had;
  }

  // ---- groups

  /** It is a member of a group from now on. */
  void addAttempt(GroupAttempt attempt) {
    List<GroupAttempt> known = new ArrayList<>(attempts.size() + 1);
    attempts.stream().filter(one -> !one.isOver()).forEach(known::add);
    known.add(attempt);
    attempts = known;
  }

  /** The groups of which it is a member, and maybe some that are over. */
  List<GroupAttempt> attempts() {
    return attempts;
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

  /** Records how long this many answered tasks took together. */
  void busyTime(long nanos, int answered) {
    gaveBack = false;
    double mean = (double) nanos / answered;
    boolean up = mean > nanosPerTask || nanosPerTask == Double.POSITIVE_INFINITY;
    nanosPerTask = up ? mean : nanosPerTask + (mean - nanosPerTask) / 4;
  }

  /** Whether it has neither tasks in flight nor pinned tasks. */
  boolean isIdle() {
    return tasks.isEmpty() && pinned.isEmpty();
  }

  /** Whether a task would begin at once. */
  boolean hasFreeThread() {
    return alive && tasks.size() + (reserved ? 1 : 0) < threads;
  }

  /** Whether it may be sent one more task. */
  boolean hasRoom() {
    return alive && recalls == 0 && tasks.size() + (reserved ? 1 : 0) < threads + ahead();
  }

  /**
   * Whether this many tasks are so little work that they should go in one message.
   *
   * @param count how many
   * @param waiting how many frames have not been sent yet, perhaps one to this worker among them
   */
  boolean isLittle(int count, int waiting) {
    long little = Math.min(MOST_NANOS, (waiting + 1) * MESSAGE_NANOS);
    return !gaveBack && count * nanosPerTask / threads <= little;
  }

  private int ahead() {
    return (int) Math.min(MOST_TASKS, WINDOW_NANOS * threads / nanosPerTask);
  }

  /** The number of tasks in flight that it has not begun. */
  int unstarted() {
    return Math.max(0, tasks.size() - threads);
  }

  /** How long the unstarted tasks take, estimated. */
  double unstartedNanos() {
    return unstarted() * nanosPerTask / threads;
  }

  /** The first chunk of which it can return a part; null if there is none. */
  ScheduledTask.Chunk divisibleChunk() {
    for (ScheduledTask task : tasks.inOrder()) {
      if (task instanceof ScheduledTask.Chunk chunk && chunk.isDivisible()) {
        return chunk;
      }
    }
    return null;
  }
}
