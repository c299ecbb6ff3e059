package dev.mpipool.dispatch;

import dev.mpipool.TaskSerializationException;
import dev.mpipool.comm.Message;
import dev.mpipool.comm.MessageTooLongException;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.Outbox;
import dev.mpipool.protocol.ReceiveLoop;
import dev.mpipool.serial.CallCodec;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.serial.Payload;
import dev.mpipool.serial.SharedValue;
import dev.mpipool.serial.TaskCall;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntToLongFunction;

/**
 * Assigns tasks to workers, and records which tasks are in flight.
 *
 * <p><b>A task's way.</b> A task waits in the queue until it is sent to a worker with room, with a
 * new number for each attempt. The worker answers with that number, and the completion executor
 * completes the future. An answer whose number is not in flight to its worker is late and is
 * dropped. When a worker is lost, its tasks return to the head of the queue; a task fails if too
 * many workers were lost with it.
 *
 * <p><b>Groups.</b> A task for several workers together, a {@link GroupSubmission}, waits in the
 * queue like any other. When its turn comes, workers are reserved for it as they become free, and
 * later tasks wait. So only one group gathers at a time, and two groups cannot wait for each
 * other's workers. Tasks pinned to a worker wait in that worker's own queue and go first.
 *
 * <p><b>Its parts</b>, all under the one lock, over one {@link SharedState}: {@link Submission}
 * accepts tasks, {@link Assigner} assigns them, {@link AnswerHandler} handles workers' messages,
 * {@link Cancellation} unwanted tasks, {@link LossHandler} and {@link Membership} lost workers,
 * {@link SharedValues} values that workers keep, {@link PoolEnd} shutdown and failure of the pool,
 * {@link Inventory} queries.
 *
 * <p><b>Out of memory.</b> Operations of the pool's own threads are retried, in steps that happen
 * as a whole or not at all; if memory stays short, the pool breaks. A submission throws the error.
 *
 * <p><b>The lock.</b> Each event takes the lock once. Under it nothing is sent and no foreign code
 * runs: entries are posted to the sender's queue, completions to that of the completion executor.
 * {@link PoolEnd#unlock} runs the effects of the pool's end after the release.
 */
public final class Dispatcher {

  /**
   * The settings of a pool.
   *
   * @param ranks the workers
   * @param threadsPerWorker how many tasks a worker runs at a time
   * @param maxAttempts a task fails when this many workers were lost with it; at least 1
   * @param survivesLostWorkers false if the pool breaks with the first lost worker
   */
  public record Settings(
      List<Integer> ranks, int threadsPerWorker, int maxAttempts, boolean survivesLostWorkers) {}

  private final int threadsPerWorker;
  private final String format;
  private final Outcome outcome;
  private final SharedState common;
  private final PoolState state;
  private final Submission submission;
  private final AnswerHandler answers;
  private final LossHandler losses;
  private final PoolEnd end;
  private final Inventory inventory;

  /**
   * Creates a dispatcher with all its workers.
   *
   * @param settings of the pool
   * @param serializer for tasks and results
   * @param outbox sends to workers
   */
  public Dispatcher(Settings settings, LeanSerializer serializer, Outbox outbox) {
    this.threadsPerWorker = settings.threadsPerWorker();
    this.format = serializer.format();
    this.outcome = new Outcome(serializer);
    this.common = new SharedState(outbox);
    this.state = common.state();
    int maxAttempts = settings.maxAttempts();
    SharedValues shared = new SharedValues(common);
    Assigner assigner = new Assigner(common, shared);
    Membership membership =
        new Membership(common, maxAttempts, settings.survivesLostWorkers(), assigner);
    end = new PoolEnd(common, assigner, membership, shared);
    inventory = new Inventory(common, assigner, membership, end);
    Cancellation cancellation = new Cancellation(common, assigner, end);
    CallCodec codec = new CallCodec(serializer);
    submission = new Submission(common, codec, assigner, membership, shared, end, cancellation);
    losses = new LossHandler(common, membership, assigner, shared, end);
    answers =
        new AnswerHandler(common, format, maxAttempts, assigner, membership, losses, end, outcome);
    for (int rank : settings.ranks()) {
      WorkerState worker = new WorkerState(rank, threadsPerWorker);
      common.workers().add(worker);
      assigner.makeAvailable(worker);
    }
    assigner.ensureRoom();
  }

  /**
   * Sends every worker its first entry.
   *
   * @param initializer a task that each worker runs before any other, or null. If it fails on any
   *     worker, or cannot be encoded, the pool breaks.
   */
  public void open(TaskCall initializer) {
    if (initializer != null) {
      answers.expectInitializer();
    }
    try {
      submission.open(initializer, threadsPerWorker, format);
    } catch (TaskSerializationException e) {
      breakDown("The initializer cannot travel", e);
    }
  }

  /**
   * Accepts a task, and encodes it in the calling thread.
   *
   * @param future of the task; ignored if it was submitted before
   * @throws RejectedExecutionException if the pool is shut down or broken
   * @throws TaskSerializationException if the task cannot be encoded
   */
  public void submit(TaskFuture<?> future) throws TaskSerializationException {
    submission.submit(future);
  }

  /**
   * Accepts a task that each living worker is to run once.
   *
   * @param <T> the type of its result
   * @param call the task to send
   * @param original the user's own object
   * @return the results in the order of ranks; fails if a worker is lost
   * @throws RejectedExecutionException if the pool is shut down or broken
   * @throws TaskSerializationException if the task cannot be encoded
   */
  public <T> CompletableFuture<List<T>> submitToAll(TaskCall call, Object original)
      throws TaskSerializationException {
    return submission.submitToAll(call, original);
  }

  /**
   * Accepts a task that several workers are to run together.
   *
   * @param <T> the type of its results
   * @param members how many workers
   * @param call the task to send
   * @param original the user's own object
   * @return the results by member
   * @throws IllegalArgumentException if {@code members} is less than 1 or more than {@link #size}
   * @throws RejectedExecutionException if the pool is shut down or broken
   * @throws TaskSerializationException if the task cannot be encoded
   */
  public <T> CompletableFuture<List<T>> submitGroup(int members, TaskCall call, Object original)
      throws TaskSerializationException {
    checkAccepting();
    if (members < 1 || members > size()) {
      throw new IllegalArgumentException(
          "A group of %d workers is not possible: there are %d".formatted(members, size()));
    }
    return submission.submitGroup(members, call, original);
  }

  /**
   * Sends a value to every living worker, before any task that is submitted later.
   *
   * @param value that workers keep until {@link #unshare}
   */
  public void share(SharedValue value) {
    submission.share(value);
  }

  /**
   * Has the workers forget a value.
   *
   * @param value that no later task needs
   */
  public void unshare(SharedValue value) {
    end.unshare(value);
  }

  /**
   * Has the workers forget a value as soon as the pool has no task that may need it.
   *
   * @param value whose handle is unreachable, so that no later task can need it
   */
  public void unshareWhenIdle(SharedValue value) {
    end.unshareWhenIdle(value);
  }

  /**
   * Lets a source submit tasks until it is removed, even after a shutdown.
   *
   * @param source is informed of the pool's end
   * @throws RejectedExecutionException if the pool is shut down or broken
   */
  public void addSource(TaskSource source) {
    submission.addSource(source);
  }

  /**
   * Removes a source.
   *
   * @param source that submits no more tasks
   */
  public void removeSource(TaskSource source) {
    submission.removeSource(source);
  }

  /**
   * Prepares a chunk for {@link #submitFrom}, before another thread can cancel its future.
   *
   * @param future of the chunk
   * @param function the shared value that a worker needs to run it
   * @param encoded the chunk
   * @param divisible whether a worker can return a part of it
   */
  public void prepareChunk(
      TaskFuture<?> future, SharedValue function, Payload encoded, boolean divisible) {
    submission.prepareChunk(future, function, encoded, divisible);
  }

  /**
   * Accepts a chunk of a source. If it cannot run any more, its future fails or is cancelled.
   *
   * @param source that submits
   * @param future of the chunk, prepared by {@link #prepareChunk}
   * @throws OutOfMemoryError if nothing was submitted for lack of memory
   */
  public void submitFrom(TaskSource source, TaskFuture<?> future) {
    submission.submitFrom(source, future);
  }

  /**
   * Creates the failures of tasks.
   *
   * @return always the same object
   */
  public Outcome outcome() {
    return outcome;
  }

  /** Guards all state. */
  ReentrantLock lock() {
    return common.lock();
  }

  /**
   * How many tasks the living workers run at a time.
   *
   * @return 0 if none is left or the pool is broken
   */
  public int taskThreads() {
    return size() * threadsPerWorker;
  }

  /**
   * Throws an exception unless tasks are accepted.
   *
   * @throws RejectedExecutionException if the pool is shut down or broken
   */
  public void checkAccepting() {
    submission.checkAccepting();
  }

  /**
   * Lets the thread that completes futures receive while it has none to complete.
   *
   * @param receiveLoop passes messages to {@link #received}
   */
  void receiveAt(ReceiveLoop receiveLoop) {
    common.completions().receiveAt(receiveLoop);
  }

  /**
   * Handles a message from a worker. Called by one thread at a time.
   *
   * @param message a frame; a damaged one excludes its sender
   * @return whether completions were queued
   * @throws OutOfMemoryError if memory stays short; some entries are then lost
   */
  public boolean received(Message message) {
    return answers.received(message);
  }

  /**
   * Handles a message that did not fit into memory: the truncated answer fails its task. Called by
   * one thread at a time.
   *
   * @param message its sender and first bytes
   * @return whether completions were queued
   */
  boolean receivedCut(MessageTooLongException message) {
    return answers.receivedCut(message);
  }

  /**
   * Handles the loss of a worker: its tasks are requeued or fail.
   *
   * @param rank the worker; other ranks are ignored
   * @param reason why, as part of a sentence
   */
  public void workerLost(int rank, String reason) {
    losses.lost(rank, reason);
  }

  /**
   * Treats a worker that may still be alive as lost from now on. Tells the worker to leave the
   * pool, and drops its answers.
   *
   * @param rank the worker; other ranks are ignored
   * @param reason why, as part of a sentence
   */
  public void exclude(int rank, String reason) {
    losses.exclude(rank, reason);
  }

  /**
   * Excludes, from now on, workers that are silent for this long.
   *
   * @param timeout more than zero
   * @param lastProgress when, by {@link System#nanoTime}, a part of a message last came from a rank
   *     or was accepted by it; 0 if unknown
   */
  public void watch(Duration timeout, IntToLongFunction lastProgress) {
    losses.watch(timeout, lastProgress);
  }

  /**
   * Whether an excluded worker has neither acknowledged that it has left nor been reported lost.
   *
   * @return true if a collective call might wait for such a worker for ever
   */
  public boolean hasExcludedWorker() {
    return inventory.count(WorkerState::isExcluded) > 0;
  }

  /**
   * Breaks the pool: fails all futures. Retries when out of memory.
   *
   * @param why a whole sentence
   * @param cause what broke the pool, or null
   */
  public void breakDown(String why, Throwable cause) {
    end.breakDown(why, cause);
  }

  /**
   * Handles an entry that could not be sent for lack of memory: a task fails alone.
   *
   * @param rank the receiver
   * @param entry that was not sent
   * @param failure the cause
   * @return false if the pool cannot go on without this entry
   */
  public boolean unsent(int rank, Entry entry, OutOfMemoryError failure) {
    return losses.unsent(rank, entry, failure);
  }

  /** Accepts no more tasks; ends the pool when all accepted tasks are done. */
  public void shutdown() {
    end.shutdown();
  }

  /**
   * Accepts no more tasks, cancels those that have not begun, in the queue and on workers, and
   * interrupts those that run. Waits 2 s at most for workers to return unstarted tasks; interrupts
   * do not end the wait. Tasks returned later are cancelled, but not in the result.
   *
   * <p>Callbacks of the cancelled futures run in the calling thread, which may hold locks that they
   * need. If a callback blocks, the completion executor continues with the others; all of those
   * futures are done when the dispatcher is terminated.
   *
   * @return the tasks that had not begun, cancelled, in the order in which they were submitted
   */
  public List<Unstarted> shutdownNow() {
    return end.shutdownNow();
  }

  /** Informs the workers that main ends without having closed the pool. */
  public void abandon() {
    losses.abandon();
  }

  /**
   * Sets an action to be run once, just before {@link #isTerminated} becomes true.
   *
   * @param last must not block; is run again if it runs out of memory
   */
  public void atTermination(Runnable last) {
    end.atTermination(last);
  }

  /**
   * Whether the pool is terminated and no callback runs or will run.
   *
   * @return true from then on
   */
  public boolean isAtRest() {
    return isTerminated() && common.completions().isAtRest();
  }

  /**
   * Waits until {@link #isTerminated}, and until every callback of a future has returned.
   *
   * @throws InterruptedException if the calling thread is interrupted
   */
  public void awaitCallbacks() throws InterruptedException {
    end.awaitCallbacks();
  }

  /**
   * The accepted tasks that are not done, in words: "2 futures and 1 batch".
   *
   * @return a part of a sentence
   */
  public String pending() {
    return inventory.pending();
  }

  /** The pool's state, for people. */
  @Override
  public String toString() {
    return inventory.toString();
  }

  /**
   * The number of living workers.
   *
   * @return 0 when all are lost or have left, or the pool is broken
   */
  public int size() {
    return inventory.size();
  }

  /**
   * The number of living workers without a task in flight.
   *
   * @return at most {@link #size}
   */
  public int idling() {
    return inventory.idling();
  }

  /**
   * Whether tasks are accepted.
   *
   * @return false after shutdown and when broken
   */
  public boolean isOpen() {
    return state.isRunning();
  }

  /**
   * Whether {@link #shutdown} or {@link #shutdownNow} has been called.
   *
   * @return true from then on
   */
  public boolean isShutdown() {
    return state.isShutdown();
  }

  /**
   * Whether no more messages from workers are expected.
   *
   * @return true when the workers are gone, or not waited for
   */
  public boolean isEnded() {
    return state.isEnded();
  }

  /**
   * Whether the workers are released and all futures done.
   *
   * @return true from then on
   */
  public boolean isTerminated() {
    return end.isTerminated();
  }

  /**
   * Waits for {@link #isTerminated}.
   *
   * @param timeout how long at most
   * @param unit of the timeout
   * @return whether it is terminated
   * @throws InterruptedException if the calling thread is interrupted
   */
  public boolean awaitTermination(long timeout, TimeUnit unit) throws InterruptedException {
    return end.awaitTermination(timeout, unit);
  }
}
