package dev.mpipool.dispatch;

import dev.mpipool.BrokenExecutorException;
import dev.mpipool.TaskSerializationException;
import dev.mpipool.comm.Message;
import dev.mpipool.comm.MessageTooLongException;
import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Ring;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.Hello;
import dev.mpipool.protocol.Outbox;
import dev.mpipool.protocol.ReceiveLoop;
import dev.mpipool.serial.CallCodec;
import dev.mpipool.serial.EncodedCall;
import dev.mpipool.serial.Envelope;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.serial.Payload;
import dev.mpipool.serial.SharedValue;
import dev.mpipool.serial.TaskName;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
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
 * <p><b>A task that is no longer wanted</b> (its future was cancelled, timed out or completed by
 * the user) leaves the queue, now or when its turn comes. If a worker has it, the worker is told,
 * and its place is taken until the worker answers: only then is the thread free again.
 *
 * <p><b>Groups.</b> A task for several workers together, a {@link GroupSubmission}, waits in the
 * queue like any other. When its turn comes, workers are kept for it as they become free, and what
 * stands behind it waits; so only one group gathers at a time, and two groups cannot wait for each
 * other's workers. Tasks that are pinned to a worker stand in a queue of that worker and go first.
 *
 * <p><b>Its parts</b>, all under the one lock: {@link Assigner} brings tasks and workers together,
 * {@link AnswerHandler} reads what workers say, {@link Membership} and {@link LossHandler} deal
 * with losses, {@link SharedValues} with values that workers keep, {@link PoolEnd} with shutdown
 * and break-down, {@link Inventory} with questions.
 *
 * <p><b>Without memory.</b> What the pool's own threads call here does not fail for want of memory:
 * it is tried again, in steps of which each is taken as a whole or not at all, and if memory does
 * not return, the pool breaks. Whoever submits gets the {@link OutOfMemoryError}, and nothing is
 * submitted.
 *
 * <p><b>The lock.</b> All state is guarded by one lock, which each stimulus takes once. Nothing is
 * sent and no code of others runs while it is held: entries are posted to the sender's queue,
 * completions to the completion executor's; the pool's end has its effects in {@link #unlock},
 * after the lock is released.
 */
public final class Dispatcher extends TaskOwner {

  /** A longer task may take its time to be sent, for which submit must not wait. */
  private static final int FLUSHED_BYTES = 16 << 10;

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

  private final CallCodec codec;

  /** Of main's serializer, which workers must have, too. */
  private final String format;

  private final Outcome outcome;
  private final Outbox outbox;
  private final Settings settings;
  private final CompletionExecutor completions = new CompletionExecutor();

  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Integer, WorkerState> workers = new LinkedHashMap<>();
  private final Ring<TaskFuture<?>> queue = new Ring<>();
  private final Assigner assigner;
  private final Membership membership;
  private final SharedValues shared;
  private final AnswerHandler answers;
  private final LossHandler losses;
  private final PoolEnd end;
  private final Inventory inventory;

  private final PoolState state = new PoolState();

  /** The number of the last submission. */
  private int lastNumber;

  /**
   * Creates a dispatcher with all its workers.
   *
   * @param settings what the pool is like
   * @param serializer for tasks and results
   * @param outbox sends to workers
   */
  public Dispatcher(Settings settings, LeanSerializer serializer, Outbox outbox) {
    this.codec = new CallCodec(serializer);
    this.format = serializer.format();
    this.outcome = new Outcome(serializer);
    this.outbox = outbox;
    this.settings = settings;
    this.shared = new SharedValues(state, workers.values(), outbox);
    this.assigner = new Assigner(lock, state, workers, queue, completions, shared, outbox);
    this.membership =
        new Membership(
            settings.maxAttempts(),
            settings.survivesLostWorkers(),
            state,
            workers,
            queue,
            assigner,
            outbox);
    this.end = new PoolEnd(lock, state, workers, queue, completions, assigner, membership, shared);
    this.inventory = new Inventory(lock, state, workers.values(), queue, assigner, membership, end);
    this.losses = new LossHandler(lock, state, membership, assigner, completions, end);
    this.answers =
        new AnswerHandler(
            format,
            settings.maxAttempts(),
            lock,
            state,
            queue,
            completions,
            assigner,
            membership,
            losses,
            end,
            outcome);
    for (int rank : settings.ranks()) {
      WorkerState worker = new WorkerState(rank, settings.threadsPerWorker());
      workers.put(rank, worker);
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
  public void open(Envelope initializer) {
    if (initializer != null) {
      answers.expectInitializer();
    }
    try {
      ByteBuffer task =
          initializer == null
              ? ByteBuffer.allocate(0)
              : travelling(initializer.code(), () -> codec.encodeWhole(initializer));
      ByteBuffer body = new Hello(settings.threadsPerWorker(), format, task).encode();
      workers.keySet().forEach(rank -> outbox.post(rank, new Entry(EntryKind.OPEN, 0, body)));
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
    checkAccepting();
    Envelope call = future.call();
    if (call == null) {
      return; // it has been submitted before, and is done
    }
    EncodedCall encoded = encode(call, future.original());
    boolean alone;
    lock.lock();
    try {
      checkAccepting();
      alone = assigner.held == 0 && encoded.payload().length() <= FLUSHED_BYTES;
      if (future.order == 0) {
        queue.add(future);
        future.order = alone ? -nextNumber() : nextNumber();
        future.encoded = encoded.payload();
        future.code = encoded.code();
        assigner.flushing = alone;
        assigner.assignTasks();
      }
    } finally {
      assigner.flushing = false;
      lock.unlock();
    }
    if (alone) {
      end.assertUnlocked();
      outbox.flush();
    }
  }

  /** Begins again after two billion, long after tasks of the same number are done. */
  private int nextNumber() {
    lastNumber = lastNumber == Integer.MAX_VALUE ? 1 : lastNumber + 1;
    return lastNumber;
  }

  private EncodedCall encode(Envelope call, Object task) throws TaskSerializationException {
    return travelling(task, () -> codec.encode(call));
  }

  private static <T> T travelling(Object task, Callable<T> encoding)
      throws TaskSerializationException {
    try {
      return encoding.call();
    } catch (Throwable e) {
      throw TaskName.cannotTravel(task, e);
    }
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
  public <T> CompletableFuture<List<T>> submitToAll(Envelope call, Object original)
      throws TaskSerializationException {
    checkAccepting();
    EncodedCall encoded = encode(call, original);
    List<TaskFuture<T>> tasks = new ArrayList<>();
    lock.lock();
    try {
      checkAccepting();
      List<WorkerState> living = membership.living();
      for (WorkerState worker : living) {
        TaskFuture<T> task = TaskFuture.pinned(this, call, original);
        task.order = nextNumber();
        task.encoded = encoded.payload();
        task.code = encoded.code();
        tasks.add(task);
        worker.pinned.ensureRoom(1);
      }
      ListFuture<T> all = ListFuture.of(tasks);
      for (int i = 0; i < living.size(); i++) { // from here on nothing fails
        living.get(i).pinned.add(tasks.get(i));
        assigner.makeAvailable(living.get(i));
      }
      return all;
    } finally {
      lock.unlock();
    }
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
  public <T> CompletableFuture<List<T>> submitGroup(int members, Envelope call, Object original)
      throws TaskSerializationException {
    checkAccepting();
    if (members < 1 || members > size()) {
      throw new IllegalArgumentException(
          "A group of %d workers is not possible: there are %d".formatted(members, size()));
    }
    GroupSubmission<T> group =
        new GroupSubmission<>(this, members, encode(call, original), call, original);
    lock.lock();
    try {
      checkAccepting();
      TaskFuture<?> first = group.begin();
      first.order = nextNumber();
      queue.add(first);
      membership.failGroupsTooLarge();
      assigner.assignTasks();
    } finally {
      lock.unlock();
    }
    return group.future();
  }

  /**
   * Sends a value to every living worker, before any task that is submitted later.
   *
   * @param value to keep until it is taken back
   */
  public void share(SharedValue value) {
    lock.lock();
    try {
      checkAccepting();
      shared.share(value);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Takes a value back from the workers that have it.
   *
   * @param value no task that is submitted later needs it
   */
  public void unshare(SharedValue value) {
    lock.lock();
    try {
      shared.unshare(value);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Takes a value back that no task can be given any more, when there is none that was.
   *
   * @param value its handle is not reachable
   */
  public void unshareWhenIdle(SharedValue value) {
    lock.lock();
    try {
      shared.addUnreachable(value);
      end.unshareUnreachable();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void addSource(TaskSource source) {
    lock.lock();
    try {
      checkAccepting();
      end.addSource(source);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void removeSource(TaskSource source) {
    Memory.lock(lock);
    try {
      end.removeSource(source);
    } finally {
      unlock();
    }
  }

  @Override
  public void submitFrom(TaskSource source, TaskFuture<?> future, ByteBuffer encoded) {
    lock.lock();
    try {
      if (state.isBroken()) {
        assigner.fail(future, state.cause());
        return;
      }
      if (state.isStopping() || !end.hasSource(source)) {
        completions.add(new CompletionExecutor.Item(future, future::drop));
        return;
      }
      Payload body = Payload.of(encoded);
      queue.add(future);
      future.order = nextNumber();
      future.encoded = body;
      assigner.assignTasks();
    } finally {
      lock.unlock();
    }
  }

  /** Tells a worker that nobody waits for a task it holds. With the lock held. */
  @Override
  void cancel(TaskFuture<?> future, boolean interrupt) {
    assigner.cancel(future, interrupt);
  }

  @Override
  public Outcome outcome() {
    return outcome;
  }

  /** Guards the state of groups, too. */
  @Override
  ReentrantLock lock() {
    return lock;
  }

  @Override
  public int taskThreads() {
    return size() * settings.threadsPerWorker();
  }

  /**
   * Throws unless tasks are accepted.
   *
   * @throws RejectedExecutionException if the pool is shut down or broken
   */
  public void checkAccepting() {
    if (state.isRunning()) {
      return;
    }
    RejectedExecutionException why = state.cause();
    throw why != null
        ? new BrokenExecutorException(why.getMessage(), why.getCause())
        : new RejectedExecutionException("The pool has been shut down and takes no more tasks");
  }

  /** The user has completed a future: its task is no longer wanted. */
  @Override
  void unwanted(TaskFuture<?> future) {
    aboutToEnd(future, false, () -> {});
  }

  /** The user is about to complete a future in this way: its task is no longer wanted. */
  @Override
  void aboutToEnd(TaskFuture<?> future, boolean interrupt, Runnable ending) {
    lock.lock();
    try {
      boolean queued = future.encoded != null && future.worker == null;
      if (future.worker != null) {
        assigner.cancel(future, interrupt);
      }
      future.encoded = null;
      future.ending = ending;
      if (queued && ++assigner.unwantedQueued > queue.size() / 2) {
        assigner.unwantedQueued = 0;
        queue.removeIf(assigner::isUnwanted);
      }
      if (assigner.gathering != null && future.group() == assigner.gathering) {
        assigner.stopGathering();
        assigner.assignTasks();
      }
      end.endIfDone();
    } finally {
      unlock();
    }
  }

  /** Completes a future in this way, instead of its task, which is interrupted. */
  @Override
  void end(TaskFuture<?> future, Runnable ending) {
    lock.lock();
    try {
      completions.add(new CompletionExecutor.Item(future, ending));
      aboutToEnd(future, true, ending);
    } finally {
      unlock();
    }
  }

  /**
   * Lets the thread that completes futures receive while it has none to complete.
   *
   * @param reception hands on what it receives to {@link #received}
   */
  void receiveAt(ReceiveLoop reception) {
    completions.receiveAt(reception);
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
    return inventory.count(worker -> worker.excluded) > 0;
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
    Memory.lock(lock);
    try {
      WorkerState worker = membership.living(rank);
      if (worker == null) {
        return true;
      }
      if (entry.kind() == EntryKind.PUT) {
        shared.unsent(worker, entry.id());
        return true;
      }
      TaskFuture<?> future = worker.tasks.find(entry.id());
      if (!entry.kind().isTask() || future == null) {
        return false;
      }
      String what =
          "The task %s cannot be sent to rank %d: it takes %d bytes, for which there is no memory"
              .formatted(future.name(), rank, entry.payload().length());
      assigner.fail(future, new TaskSerializationException(what, failure));
      assigner.remove(worker, entry.id());
      assigner.makeAvailable(worker);
      assigner.assignTasks();
      end.endIfDone();
      return true;
    } finally {
      unlock();
    }
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

  @Override
  void unlock() {
    end.unlock();
  }

  /** Tells the workers that main ends without having closed the pool. */
  public void abandon() {
    lock.lock();
    try {
      workers.values().stream()
          .filter(worker -> worker.alive)
          .forEach(worker -> outbox.post(worker.rank, new Entry(EntryKind.ABANDON, 0)));
    } finally {
      lock.unlock();
    }
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
    return isTerminated() && completions.isAtRest();
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
    return inventory.count(worker -> worker.alive && !state.isBroken());
  }

  /**
   * How many living workers hold no task.
   *
   * @return at most {@link #size}
   */
  public int idling() {
    return inventory.count(worker -> worker.alive && worker.tasks.isEmpty() && !state.isBroken());
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
