package dev.mpipool.dispatch;

import dev.mpipool.TaskSerializationException;
import dev.mpipool.comm.Message;
import dev.mpipool.comm.MessageTooLongException;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.Outbox;
import dev.mpipool.protocol.ReceiveLoop;
import dev.mpipool.serial.CallCodec;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.serial.SharedValue;
import dev.mpipool.serial.TaskCall;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntToLongFunction;

/**
 * Decides which worker gets which task, and keeps the books.
 *
 * <p><b>A task's way.</b> It waits in the queue; it is given to a worker with room, under a number
 * of its own for each attempt; the worker answers under that number, and the answer goes to the
 * completion executor, which completes the future. An answer under a number that its worker does
 * not hold is dropped: it comes too late. When a worker dies, its tasks go back to the head of the
 * queue, or fail if as many workers have died with them as may.
 *
 * <p><b>Groups.</b> A task for several workers together, a {@link GroupSubmission}, waits in the
 * queue like any other. When its turn comes, workers are kept for it as they become free, and what
 * stands behind it waits; so only one group gathers at a time, and two groups cannot wait for each
 * other's workers. Tasks that are pinned to a worker stand in a queue of that worker and go first.
 *
 * <p><b>Its parts</b>, all under the one lock, over one {@link SharedState}: {@link Submission}
 * accepts tasks, {@link Assigner} brings them to workers, {@link AnswerHandler} reads what workers
 * say, {@link Cancellation} what users do to futures, {@link LossHandler} and {@link Membership}
 * deal with losses, {@link SharedValues} with values that workers keep, {@link PoolEnd} with
 * shutdown and break-down, {@link Inventory} with questions.
 *
 * <p><b>Without memory.</b> What the pool's own threads call here does not fail for want of memory:
 * it is tried again, in steps of which each is taken as a whole or not at all, and if memory does
 * not return, the pool breaks. A submission throws the {@link OutOfMemoryError}, and has no effect.
 *
 * <p><b>The lock.</b> Each stimulus takes it once. Nothing is sent and no code of others runs while
 * it is held: entries are posted to the sender's queue, completions to the completion executor's.
 * What the end of the pool has to tell others is told by {@link PoolEnd#unlock}, after the release.
 */
public final class Dispatcher {

  /**
   * What a pool is like.
   *
   * @param ranks the workers
   * @param threadsPerWorker how many tasks a worker runs at a time
   * @param maxAttempts how many workers may die with a task before it fails, at least 1
   * @param survivesLostWorkers false if nothing works any more after the first loss
   */
  public record Settings(
      List<Integer> ranks, int threadsPerWorker, int maxAttempts, boolean survivesLostWorkers) {}

  private final int threadsPerWorker;

  /** Of main's serializer, which workers must have, too. */
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
   * @param settings what the pool is like
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
      common.workers().put(rank, worker);
      assigner.makeAvailable(worker);
    }
    assigner.ensureRoom();
  }

  /**
   * Sends every worker its first entry.
   *
   * @param initializer a task that each worker runs before any other, or null. If it fails anywhere
   *     the pool is broken.
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
   * Accepts a task. It is encoded here and now, in the caller's thread.
   *
   * @param future a task; if it has been submitted before, nothing happens
   * @throws RejectedExecutionException if the pool is shut down or broken
   * @throws TaskSerializationException if the task cannot travel
   */
  public void submit(TaskFuture<?> future) throws TaskSerializationException {
    submission.submit(future);
  }

  /**
   * Accepts a task that each living worker is to run once.
   *
   * @param <T> the type of its result
   * @param call what travels
   * @param original the user's own object
   * @return the results in the order of ranks; fails if a worker dies
   * @throws RejectedExecutionException if the pool is shut down or broken
   * @throws TaskSerializationException if the task cannot travel
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
   * @param call what travels
   * @param original the user's own object
   * @return the results by member
   * @throws IllegalArgumentException if there are not so many workers
   * @throws RejectedExecutionException if the pool is shut down or broken
   * @throws TaskSerializationException if the task cannot travel
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
   * @param value to keep until it is taken back
   */
  public void share(SharedValue value) {
    submission.share(value);
  }

  /**
   * Takes a value back from the workers that have it.
   *
   * @param value no task that is submitted later needs it
   */
  public void unshare(SharedValue value) {
    end.unshare(value);
  }

  /**
   * Takes a value back that no task can be given any more, when there is none that was.
   *
   * @param value its handle is not reachable
   */
  public void unshareWhenIdle(SharedValue value) {
    end.unshareWhenIdle(value);
  }

  /**
   * Lets a source submit tasks for as long as it takes, even after a shutdown.
   *
   * @param source hears of the pool's end
   * @throws RejectedExecutionException if the pool is shut down or broken
   */
  public void addSource(TaskSource source) {
    submission.addSource(source);
  }

  /**
   * A source submits no more.
   *
   * @param source has submitted all it will
   */
  public void removeSource(TaskSource source) {
    submission.removeSource(source);
  }

  /**
   * Accepts a chunk of a source. If it cannot be run any more, its future fails.
   *
   * @param source still among those that may submit
   * @param future of the chunk
   * @param function what a worker needs to have been sent before
   * @param encoded the chunk
   * @param divisible whether a worker could give a part of it back
   * @throws OutOfMemoryError if nothing has happened for want of memory
   */
  public void submitFrom(
      TaskSource source,
      TaskFuture<?> future,
      SharedValue function,
      ByteBuffer encoded,
      boolean divisible) {
    submission.submitFrom(source, future, function, encoded, divisible);
  }

  /**
   * Makes the failures of tasks.
   *
   * @return always the same
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
   * @return 0 without a worker
   */
  public int taskThreads() {
    return size() * threadsPerWorker;
  }

  /**
   * Throws unless tasks are accepted.
   *
   * @throws RejectedExecutionException if the pool is shut down or broken
   */
  public void checkAccepting() {
    submission.checkAccepting();
  }

  /**
   * Lets the thread that completes futures receive while it has none to complete.
   *
   * @param reception hands on what it receives to {@link #received}
   */
  void receiveAt(ReceiveLoop reception) {
    common.completions().receiveAt(reception);
  }

  /**
   * A message has come from a worker.
   *
   * @param message a frame, or damaged
   * @return whether futures are to be completed now
   * @throws OutOfMemoryError if there is no memory for it and none returns: a part of it is lost
   */
  public boolean received(Message message) {
    return answers.received(message);
  }

  /**
   * A message has come from a worker that there is no memory for: the answer that it was fails its
   * task.
   *
   * @param message what is left of it
   * @return whether futures are to be completed now
   */
  boolean receivedCut(MessageTooLongException message) {
    return answers.receivedCut(message);
  }

  /**
   * A worker has died, or cannot be reached. What it held is given to others.
   *
   * @param rank the worker; others are ignored
   * @param reason what is known of its end
   */
  public void workerLost(int rank, String reason) {
    losses.lost(rank, reason);
  }

  /**
   * A worker that may still be alive counts as lost from now on. It is told to leave the pool, for
   * the case that it hears that; what it answers is dropped.
   *
   * @param rank the worker; others are ignored
   * @param reason why
   */
  public void exclude(int rank, String reason) {
    losses.exclude(rank, reason);
  }

  /**
   * Excludes workers from now on that are silent for so long.
   *
   * @param timeout more than zero
   * @param lastProgress when, by {@link System#nanoTime}, a part of a message last came from a rank
   *     or was taken by it; 0 if that is not known
   */
  public void watch(Duration timeout, IntToLongFunction lastProgress) {
    losses.watch(timeout, lastProgress);
  }

  /**
   * Whether a worker was excluded that may still be alive, and has not said that it has left.
   *
   * @return true if a collective call might wait for it for ever
   */
  public boolean hasExcludedWorker() {
    return inventory.count(WorkerState::isExcluded) > 0;
  }

  /**
   * Nothing can be run any more: fails all futures. Does not fail itself, whatever memory there is.
   *
   * @param why a whole sentence
   * @param cause what broke the pool, or null
   */
  public void breakDown(String why, Throwable cause) {
    end.breakDown(why, cause);
  }

  /**
   * There was no memory to send a task to its worker, or what it needs: it fails alone.
   *
   * @param rank the worker
   * @param entry what was to be sent
   * @param failure what went wrong
   * @return false if the worker waits for it, or main for what it does with it
   */
  public boolean unsent(int rank, Entry entry, OutOfMemoryError failure) {
    return losses.unsent(rank, entry, failure);
  }

  /** Takes no more tasks; ends when those accepted are done. */
  public void shutdown() {
    end.shutdown();
  }

  /**
   * Takes no more tasks, cancels those that have not begun, in the queue and on workers, and
   * interrupts those that run. Waits for what workers have not begun, for 2 s at most, through
   * interrupts; what comes later is cancelled, too, and not returned.
   *
   * <p>Callbacks of the cancelled futures run in the calling thread, which may hold locks that they
   * need; but should one of them block, the completion executor goes on with the others, and they
   * are done when the dispatcher is terminated.
   *
   * @return the tasks that had not begun, cancelled, in the order in which they were submitted
   */
  public List<Unstarted> shutdownNow() {
    return end.shutdownNow();
  }

  /** Tells the workers that main ends without having closed the pool. */
  public void abandon() {
    losses.abandon();
  }

  /**
   * Has something done at the end, whoever asked for it; just before {@link #isTerminated} tells.
   *
   * @param last must not wait for anything; is run again if it runs out of memory
   */
  public void atTermination(Runnable last) {
    end.atTermination(last);
  }

  /**
   * Whether the pool is terminated and no callback runs, nor will.
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
   * What is accepted and not done: "2 futures and 1 batch".
   *
   * @return a part of a sentence
   */
  public String pending() {
    return inventory.pending();
  }

  /** What the pool is at, for people. */
  @Override
  public String toString() {
    return inventory.toString();
  }

  /**
   * How many workers live.
   *
   * @return 0 when all are lost or released, or the pool is broken
   */
  public int size() {
    return inventory.size();
  }

  /**
   * How many living workers hold no task.
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
   * Whether no message from a worker is expected any more.
   *
   * @return true when the workers are gone
   */
  public boolean isEnded() {
    return state.isEnded();
  }

  /**
   * Whether everything is over: workers released, futures done.
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
