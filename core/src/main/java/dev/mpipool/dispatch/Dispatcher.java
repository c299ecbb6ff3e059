package dev.mpipool.dispatch;

import dev.mpipool.comm.Message;
import dev.mpipool.comm.MessageTooLongException;
import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Ring;
import dev.mpipool.wire.Body;
import dev.mpipool.wire.CallCodec;
import dev.mpipool.wire.DamagedFrameException;
import dev.mpipool.wire.Entry;
import dev.mpipool.wire.EntryKind;
import dev.mpipool.wire.Envelope;
import dev.mpipool.wire.Frame;
import dev.mpipool.wire.LeanSerializer;
import dev.mpipool.wire.Opening;
import dev.mpipool.wire.Reception;
import dev.mpipool.wire.SharedValue;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntToLongFunction;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides which worker gets which task, and keeps the books.
 *
 * <p><b>A task's way.</b> It waits in the queue; it is given to a worker with room, under a number
 * of its own for each attempt; the worker answers under that number, and the answer goes to the
 * relay, which completes the future. An answer under a number that its worker does not hold is
 * dropped: it comes too late. When a worker dies, its tasks go back to the head of the queue, or
 * fail if as many workers have died with them as may.
 *
 * <p><b>A task that is no longer wanted</b> (its future was cancelled, timed out or completed by
 * the user) leaves the queue, now or when its turn comes. If a worker has it, the worker is told,
 * and its place is taken until the worker answers: only then is the thread free again.
 *
 * <p><b>Groups.</b> A task for several workers together, a {@link Gang}, waits in the queue like
 * any other. When its turn comes, workers are kept for it as they become free, and what stands
 * behind it waits; so only one group gathers at a time, and two groups cannot wait for each other's
 * workers. Tasks that are pinned to a worker stand in a queue of that worker and go first.
 *
 * <p><b>The end.</b> After {@link #shutdown}, when nothing is queued, no worker holds a task, and
 * no batch has more to come, each living worker is released and answers that it is gone. When the
 * last one is gone and every future is done, the dispatcher is terminated. A <i>broken</i>
 * dispatcher fails all futures at once, takes no more tasks, and waits for nobody.
 *
 * <p><b>Without memory.</b> What the pool's own threads call here does not fail for want of memory:
 * it is tried again, in steps of which each is taken as a whole or not at all, and if memory does
 * not return, the pool breaks. Whoever submits gets the {@link OutOfMemoryError}, and nothing is
 * submitted.
 *
 * <p><b>The lock.</b> All state is guarded by one lock, which each stimulus takes once. Nothing is
 * sent and no code of others runs while it is held: entries are posted to the sender's queue,
 * completions to the relay's; batches are told of the pool's end, and the pool is terminated, by
 * {@link #unlock} after the lock is released.
 */
public final class Dispatcher extends TaskOwner {

  /**
   * The JDK's timer, which other parts of the pool and its user wait for, may have lost its thread
   * to a full heap; whatever it is given starts another.
   */
  private static final Executor REVIVAL =
      CompletableFuture.delayedExecutor(0, TimeUnit.NANOSECONDS, Runnable::run);

  private static final Logger LOG = LoggerFactory.getLogger(Dispatcher.class);

  /** A longer task may take its time to be sent, for which submit must not wait. */
  private static final int FLUSHED_BYTES = 16 << 10;

  /** So long shutdownNow waits for tasks that workers have not begun. */
  private static final long CALLED_BACK_NANOS = TimeUnit.SECONDS.toNanos(2);

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

  private final Failures failures;
  private final Outcome outcome;
  private final Outbox outbox;
  private final Settings settings;
  private final CompletionRelay relay = new CompletionRelay();
  private final CountDownLatch terminated = new CountDownLatch(1);
  private volatile Runnable atTermination = () -> {};

  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Integer, WorkerState> workers = new LinkedHashMap<>();
  private final Ring<TaskFuture<?>> queue = new Ring<>();
  private final Handout handout;
  private final Membership membership;
  private final SharedValues shared;
  private final AnswerHandler answers;

  /** Batches that may submit more, even after a shutdown. */
  private final Set<TaskSource> sources = new LinkedHashSet<>();

  private final PoolState state = new PoolState();

  /** The number of the last submission. */
  private int lastNumber;

  /** After the pool has broken: a thread has undertaken to fail what is pending. */
  private boolean failing;

  /** After the pool has broken: all futures have been failed, and all sources told. */
  private volatile boolean allFailed;

  /** May submit more, even after a shutdown, and hears of the pool's end. */
  public interface TaskSource {
    /** The pool takes no more tasks from users: end, or go on and end soon. */
    void poolShutDown();

    /**
     * The pool runs nothing any more.
     *
     * @param why what befalls all that is pending
     */
    void poolEnded(Throwable why);
  }

  /**
   * Creates a dispatcher with all its workers.
   *
   * @param settings what the pool is like
   * @param serializer for tasks and results
   * @param failures makes exceptions
   * @param outbox sends to workers
   */
  public Dispatcher(
      Settings settings, LeanSerializer serializer, Failures failures, Outbox outbox) {
    this.codec = new CallCodec(serializer);
    this.format = serializer.format();
    this.failures = failures;
    this.outcome = new Outcome(serializer, failures);
    this.outbox = outbox;
    this.settings = settings;
    this.shared = new SharedValues(state, workers.values(), outbox);
    this.handout = new Handout(lock, state, workers, queue, relay, shared, outbox);
    this.membership =
        new Membership(
            settings.maxAttempts(),
            settings.survivesLostWorkers(),
            state,
            workers,
            queue,
            handout,
            failures,
            outbox);
    this.answers =
        new AnswerHandler(
            format,
            settings.maxAttempts(),
            state,
            queue,
            relay,
            handout,
            membership,
            failures,
            outcome,
            this::breakDown);
    for (int rank : settings.ranks()) {
      WorkerState worker = new WorkerState(rank, settings.threadsPerWorker());
      workers.put(rank, worker);
      handout.lineUp(worker);
    }
    handout.ensureRoom();
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
      ByteBuffer body = new Opening(settings.threadsPerWorker(), format, task).encode();
      workers.keySet().forEach(rank -> outbox.post(rank, new Entry(EntryKind.OPEN, 0, body)));
    } catch (UnserializableTaskException e) {
      breakDown(
          "The initializer cannot travel", failures.unserializable(e.getMessage(), e.getCause()));
    }
  }

  /**
   * Accepts a task. It is encoded here and now, in the caller's thread.
   *
   * @param future a task; if it has been submitted before, nothing happens
   * @throws RejectedExecutionException if the pool is shut down or broken
   * @throws UnserializableTaskException if the task cannot travel
   */
  public void submit(TaskFuture<?> future) throws UnserializableTaskException {
    checkAccepting();
    Envelope call = future.call();
    if (call == null) {
      return; // it has been submitted before, and is done
    }
    CallCodec.Encoded encoded = encode(call, future.original());
    boolean alone;
    lock.lock();
    try {
      checkAccepting();
      alone = handout.held == 0 && encoded.body().length() <= FLUSHED_BYTES;
      if (future.order == 0) {
        queue.add(future);
        future.order = alone ? -nextNumber() : nextNumber();
        future.encoded = encoded.body();
        future.code = encoded.code();
        handout.flushing = alone;
        handout.handOut();
      }
    } finally {
      handout.flushing = false;
      lock.unlock();
    }
    if (alone) {
      assertUnlocked();
      outbox.flush();
    }
  }

  /** Begins again after two billion, long after tasks of the same number are done. */
  private int nextNumber() {
    lastNumber = lastNumber == Integer.MAX_VALUE ? 1 : lastNumber + 1;
    return lastNumber;
  }

  private CallCodec.Encoded encode(Envelope call, Object task) throws UnserializableTaskException {
    return travelling(task, () -> codec.encode(call));
  }

  private static <T> T travelling(Object task, Callable<T> encoding)
      throws UnserializableTaskException {
    try {
      return encoding.call();
    } catch (Throwable e) {
      throw new UnserializableTaskException(task, e);
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
   * @throws UnserializableTaskException if the task cannot travel
   */
  public <T> CompletableFuture<List<T>> submitToAll(Envelope call, Object original)
      throws UnserializableTaskException {
    checkAccepting();
    CallCodec.Encoded encoded = encode(call, original);
    List<TaskFuture<T>> tasks = new ArrayList<>();
    lock.lock();
    try {
      checkAccepting();
      List<WorkerState> living = membership.living();
      for (WorkerState worker : living) {
        TaskFuture<T> task = TaskFuture.pinned(this, call, original);
        task.order = nextNumber();
        task.encoded = encoded.body();
        task.code = encoded.code();
        tasks.add(task);
        worker.pinned.ensureRoom(1);
      }
      ListFuture<T> all = ListFuture.of(tasks);
      for (int i = 0; i < living.size(); i++) { // from here on nothing fails
        living.get(i).pinned.add(tasks.get(i));
        handout.lineUp(living.get(i));
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
   * @throws UnserializableTaskException if the task cannot travel
   */
  public <T> CompletableFuture<List<T>> submitGroup(int members, Envelope call, Object original)
      throws UnserializableTaskException {
    checkAccepting();
    if (members < 1 || members > size()) {
      throw new IllegalArgumentException(
          "A group of %d workers is not possible: there are %d".formatted(members, size()));
    }
    Gang<T> gang = new Gang<>(this, members, encode(call, original), call, original);
    lock.lock();
    try {
      checkAccepting();
      TaskFuture<?> first = gang.begin();
      first.order = nextNumber();
      queue.add(first);
      membership.failGroupsTooLarge();
      handout.handOut();
    } finally {
      lock.unlock();
    }
    return gang.future();
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
      unshareUnreachable();
    } finally {
      lock.unlock();
    }
  }

  private void unshareUnreachable() {
    if (shared.hasUnreachable()
        && queue.isEmpty()
        && handout.held == 0
        && sources.isEmpty()
        && handout.gathering == null) {
      shared.unshareUnreachable();
    }
  }

  /**
   * Lets somebody submit for as long as it takes, even after a shutdown.
   *
   * @param source hears of the pool's end
   * @throws RejectedExecutionException if the pool is shut down or broken
   */
  void addSource(TaskSource source) {
    lock.lock();
    try {
      checkAccepting();
      sources.add(source);
    } finally {
      lock.unlock();
    }
  }

  /** Nothing more comes from there. */
  void removeSource(TaskSource source) {
    Memory.lock(lock);
    try {
      sources.remove(source);
      unshareUnreachable();
      endIfDone();
    } finally {
      unlock();
    }
  }

  /** Accepts a task of a source. If it cannot be run any more, its future fails. */
  void submitFrom(TaskSource source, TaskFuture<?> future, ByteBuffer encoded) {
    lock.lock();
    try {
      if (state.isBroken()) {
        handout.fail(future, state.cause());
        return;
      }
      if (state.isStopping() || !sources.contains(source)) {
        relay.add(new CompletionRelay.Item(future, future::drop));
        return;
      }
      Body body = Body.of(encoded);
      queue.add(future);
      future.order = nextNumber();
      future.encoded = body;
      handout.handOut();
    } finally {
      lock.unlock();
    }
  }

  /** Tells a worker that nobody waits for a task it holds. With the lock held. */
  @Override
  void cancel(TaskFuture<?> future, boolean interrupt) {
    handout.cancel(future, interrupt);
  }

  Outcome outcome() {
    return outcome;
  }

  /** Guards the state of groups, too. */
  @Override
  ReentrantLock lock() {
    return lock;
  }

  /** How many tasks the living workers run at a time. */
  int taskThreads() {
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
        ? failures.broken(why.getMessage(), why.getCause())
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
        handout.cancel(future, interrupt);
      }
      future.encoded = null;
      future.ending = ending;
      if (queued && ++handout.unwantedQueued > queue.size() / 2) {
        handout.unwantedQueued = 0;
        queue.removeIf(handout::isUnwanted);
      }
      if (handout.gathering != null && future.gang() == handout.gathering) {
        handout.stopGathering();
        handout.handOut();
      }
      endIfDone();
    } finally {
      unlock();
    }
  }

  /** Completes a future in this way, instead of its task, which is interrupted. */
  @Override
  void end(TaskFuture<?> future, Runnable ending) {
    lock.lock();
    try {
      relay.add(new CompletionRelay.Item(future, ending));
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
  void receiveAt(Reception reception) {
    relay.receiveAt(reception);
  }

  /**
   * A message has come from a worker.
   *
   * @param message a frame, or damaged
   * @return whether futures are to be completed now
   * @throws OutOfMemoryError if there is no memory for it and none returns: a part of it is lost
   */
  public boolean received(Message message) {
    int rank = message.source();
    long pause = 0;
    while (true) {
      try {
        return received(rank, Frame.decode(message));
      } catch (DamagedFrameException e) {
        return refused(rank, e);
      } catch (OutOfMemoryError e) {
        pause = Memory.pauseOrThrow(pause, e);
      }
    }
  }

  /**
   * A message has come from a worker that there is no memory for: the answer that it was fails its
   * task.
   *
   * @param message what is left of it
   * @return whether futures are to be completed now
   */
  boolean receivedCut(MessageTooLongException message) {
    int rank = message.beginning().source();
    long pause = 0;
    while (true) {
      try {
        return received(rank, AnswerHandler.entriesOf(message));
      } catch (DamagedFrameException e) {
        return refused(rank, e);
      } catch (OutOfMemoryError e) {
        pause = Memory.pauseOrThrow(pause, e);
      }
    }
  }

  private boolean refused(int rank, DamagedFrameException e) {
    LOG.warn("A message from rank {} is refused: {}", rank, e.getMessage());
    giveUp(rank, "it sent what is no frame: " + e.getMessage());
    return false;
  }

  private boolean received(int rank, List<Entry> entries) {
    answers.begin();
    boolean gaveWork = false;
    long pause = 0;
    while (true) {
      try {
        return answered(rank, entries) || gaveWork;
      } catch (OutOfMemoryError e) { // what has been taken is with the relay
        gaveWork = true;
        pause = Memory.pauseOrThrow(pause, e);
      }
    }
  }

  private boolean answered(int rank, List<Entry> entries) {
    Memory.lock(lock);
    try {
      WorkerState worker = membership.living(rank);
      if (worker == null) {
        LOG.debug("A message from rank {}, which is no living worker, is dropped", rank);
        if (entries.stream().anyMatch(e -> e.kind() == EntryKind.GONE)) {
          membership.hasLeft(rank);
        }
        return false;
      }
      boolean gaveWork = answers.takeRest(worker, entries);
      handout.lineUp(worker);
      handout.handOut();
      unshareUnreachable();
      endIfDone();
      handout.calledBack.workerChanged();
      return gaveWork;
    } finally {
      unlock();
    }
  }

  /**
   * A worker has died, or cannot be reached. What it held is given to others.
   *
   * @param rank the worker; others are ignored
   * @param reason what is known of its end
   */
  public void workerLost(int rank, String reason) {
    long pause = 0;
    while (true) {
      try {
        lose(rank, reason);
        return;
      } catch (OutOfMemoryError e) { // the rest is still in the worker's books
        pause = Memory.pause(pause);
      }
    }
  }

  private void lose(int rank, String reason) {
    Memory.lock(lock);
    try {
      if (membership.lose(rank, reason)) {
        membershipChanged();
      }
    } finally {
      unlock();
    }
  }

  private void membershipChanged() {
    handout.handOut();
    endIfDone();
    handout.calledBack.workerChanged();
  }

  /**
   * A worker that may still be alive counts as lost from now on. It is told to leave the pool, for
   * the case that it hears that; what it answers is dropped.
   *
   * @param rank the worker; others are ignored
   * @param reason why
   */
  public void giveUp(int rank, String reason) {
    long pause = 0;
    while (true) {
      try {
        exclude(rank, reason);
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  private void exclude(int rank, String reason) {
    Memory.lock(lock);
    try {
      if (membership.exclude(rank, reason)) {
        membershipChanged();
      }
    } finally {
      unlock();
    }
  }

  /**
   * Gives workers up from now on that are silent for so long.
   *
   * @param timeout more than zero
   * @param lastProgress when, by {@link System#nanoTime}, a part of a message last came from a rank
   *     or was taken by it; 0 if that is not known
   */
  public void watch(Duration timeout, IntToLongFunction lastProgress) {
    lock.lock();
    try {
      String reason = "it gave no sign of life for %s s".formatted(timeout.toMillis() / 1e3);
      membership.watch(timeout, lastProgress, () -> look(reason));
    } finally {
      lock.unlock();
    }
  }

  /**
   * Gives up who is silent, and does what there was no memory for when it was to be done.
   *
   * @return whether there is more to look for later
   */
  private boolean look(String reason) {
    Memory.lock(lock);
    try {
      if (state.isEnded() || (allFailed && !state.isShutdown())) {
        return false;
      }
      Memory.restore();
      if (Memory.wasShort()) {
        REVIVAL.execute(() -> {});
      }
      if (!state.isBroken() && membership.excludeSilent(reason)) {
        handout.calledBack.workerChanged();
      }
      handout.handOutAgain();
      relay.look();
      endIfDone();
    } catch (OutOfMemoryError e) {
      // the next time
    } finally {
      unlock();
    }
    return true;
  }

  /**
   * Whether a worker was given up that may still be alive, and has not said that it has left.
   *
   * @return true if a collective call might wait for it for ever
   */
  public boolean hasAdrift() {
    return countLocked(worker -> worker.adrift) > 0;
  }

  /**
   * Nothing can be run any more: fails all futures. Does not fail itself, whatever memory there is.
   *
   * @param why a whole sentence
   * @param cause what broke the pool, or null
   */
  public void breakDown(String why, Throwable cause) {
    long pause = 0;
    while (true) {
      try {
        breakNow(why, cause);
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  private void breakNow(String why, Throwable cause) {
    Memory.lock(lock);
    try {
      membership.breakDown(why, cause);
    } finally {
      unlock();
    }
  }

  /** Fails what is pending in a broken pool, and tells the sources. */
  private void failPending() {
    long pause = 0;
    while (!allFailed) {
      try {
        failFurther();
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  /** In steps, of which those that have been taken are not taken again. */
  private void failFurther() {
    List<TaskSource> told;
    Memory.lock(lock);
    try {
      failAll(queue);
      for (WorkerState worker : workers.values()) {
        failAll(worker.pinned);
        for (TaskFuture<?> future : worker.tasks.inOrder()) {
          handout.fail(future, state.cause());
          handout.take(worker, future.id);
        }
      }
      if (handout.gathering != null) {
        handout.fail(handout.gathering.first(), state.cause());
        handout.stopGathering();
      }
      told = List.copyOf(sources);
      endIfDone();
      workers.values().forEach(worker -> worker.recalls = 0); // nobody is waited for
      handout.calledBack.workerChanged();
    } finally {
      unlock();
    }
    assertUnlocked();
    told.forEach(source -> source.poolEnded(state.cause()));
    allFailed = true;
  }

  private void failAll(Ring<TaskFuture<?>> tasks) {
    for (TaskFuture<?> next = tasks.peek(); next != null; next = tasks.peek()) {
      handout.fail(next, state.cause());
      tasks.poll();
    }
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
      if (entry.kind() == EntryKind.SHARE) {
        shared.unsent(worker, entry.id());
        return true;
      }
      TaskFuture<?> future = worker.tasks.find(entry.id());
      if (!entry.kind().isTask() || future == null) {
        return false;
      }
      String what =
          "The task %s cannot be sent to rank %d: it takes %d bytes, for which there is no memory"
              .formatted(future.name(), rank, entry.content().length());
      handout.fail(future, failures.unserializable(what, failure));
      handout.take(worker, entry.id());
      handout.lineUp(worker);
      handout.handOut();
      endIfDone();
      return true;
    } finally {
      unlock();
    }
  }

  /** Takes no more tasks; ends when those accepted are done. */
  public void shutdown() {
    List<TaskSource> told;
    lock.lock();
    try {
      told = List.copyOf(sources);
      state.shutDown();
    } finally {
      lock.unlock();
    }
    endSurely();
    assertUnlocked();
    told.forEach(TaskSource::poolShutDown);
  }

  /** Later nobody may look any more. */
  private void endSurely() {
    long pause = 0;
    boolean looked = false;
    while (!looked) {
      Memory.lock(lock);
      try {
        looked = endIfDone();
      } finally {
        unlock();
      }
      pause = looked ? 0 : Memory.pause(pause);
    }
  }

  /**
   * Takes no more tasks, cancels those that have not begun, in the queue and on workers, and
   * interrupts those that run. Waits for what workers have not begun, for 2 s at most, through
   * interrupts; what comes later is cancelled, too, and not returned.
   *
   * <p>Callbacks of the cancelled futures run in the calling thread, which may hold locks that they
   * need; but should one of them block, the relay goes on with the others, and they are done when
   * the dispatcher is terminated.
   *
   * @return the tasks that had not begun, cancelled, in the order in which they were submitted
   */
  public List<Unstarted> shutdownNow() {
    List<TaskFuture<?>> waiting = new ArrayList<>();
    List<Unstarted> queued;
    List<TaskSource> told;
    lock.lock();
    try {
      told = List.copyOf(sources);
      waiting.addAll(queue);
      workers.values().forEach(worker -> waiting.addAll(worker.pinned));
      if (handout.gathering != null) {
        waiting.add(handout.gathering.first());
      }
      waiting.removeIf(TaskFuture::isDone);
      queued = waiting.stream().map(Unstarted::of).filter(task -> task.call() != null).toList();
      List<CompletionRelay.Item> items =
          waiting.stream().map(future -> new CompletionRelay.Item(future, future::drop)).toList();
      state.stop(); // from here on nothing fails
      queue.clear();
      workers.values().forEach(worker -> worker.pinned.clear());
      if (handout.gathering != null) {
        handout.stopGathering();
      }
      waiting.forEach(future -> future.encoded = null);
      relay.add(items);
      handout.calledBack.begin();
      cancelHeld();
    } finally {
      lock.unlock();
    }
    endSurely();
    assertUnlocked();
    List<Unstarted> all = new ArrayList<>();
    try {
      told.forEach(source -> source.poolEnded(new CancellationException("The pool was shut down")));
      waiting.forEach(TaskFuture::drop);
    } finally {
      all.addAll(awaitCalledBack());
    }
    all.forEach(task -> task.future().drop());
    all.addAll(queued);
    return all.stream()
        .filter(task -> task.future().isCancelled())
        .sorted(Comparator.comparingInt(task -> Math.abs(task.future().order)))
        .toList();
  }

  private List<Unstarted> awaitCalledBack() {
    lock.lock();
    try {
      return handout.calledBack.await(CALLED_BACK_NANOS);
    } finally {
      lock.unlock();
    }
  }

  /** What there is no memory to cancel runs to its end. */
  private void cancelHeld() {
    try {
      for (WorkerState worker : workers.values()) {
        if (worker.alive && worker.unstarted() > 0) {
          handout.recall(worker, Integer.MAX_VALUE);
        }
        worker.tasks.inOrder().forEach(task -> handout.cancel(task, true));
      }
    } catch (OutOfMemoryError e) {
      LOG.warn("There is no memory to cancel all tasks that run", e);
    }
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
   * Releases the workers when there is nothing left to do, and ends when they are gone. What there
   * is no memory for is done the next time somebody looks.
   *
   * @return false if there was no memory to look
   */
  private boolean endIfDone() {
    if (!state.isShutdown() || state.isEnded()) {
      return true;
    }
    boolean released;
    try {
      released = state.isReleased() || releaseIfIdle();
    } catch (OutOfMemoryError e) {
      return false;
    }
    if (released && (membership.size() == 0 || state.isBroken())) {
      state.end();
      membership.end();
    }
    return true;
  }

  private boolean releaseIfIdle() {
    boolean idle = sources.isEmpty() && handout.gathering == null && membership.isIdle();
    if (!idle) {
      return false;
    }
    queue.removeIf(handout::isUnwanted);
    if (!queue.isEmpty()) {
      return false;
    }
    membership.release();
    state.release();
    return true;
  }

  /**
   * Releases the lock, and then does what has become due while it was held: the thread that broke
   * the pool fails what is pending, the thread that ended it sees to its termination. Every
   * stimulus that may do either ends with this.
   */
  @Override
  void unlock() {
    boolean fails = false;
    boolean terminates = false;
    if (state.mayHaveEffects() && lock.getHoldCount() == 1) {
      fails = state.isBroken() && !failing;
      failing |= fails;
      terminates = state.terminate();
    }
    lock.unlock();
    if (fails) {
      failPending();
    }
    if (terminates) {
      terminateWhenDone();
    }
  }

  private void terminateWhenDone() {
    assertUnlocked();
    long pause = 0;
    boolean done = false;
    while (!done) {
      try {
        relay.allAddedDone().thenRun(this::terminate);
        relay.close();
        done = true;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  /** Where code of others runs: it may wait for another thread that needs the lock. */
  private void assertUnlocked() {
    assert !lock.isHeldByCurrentThread() : "an effect under the dispatcher's lock";
  }

  private void terminate() {
    try {
      Memory.persist(atTermination);
    } finally {
      terminated.countDown();
    }
  }

  /**
   * Has something done at the end, whoever asked for it; just before {@link #isTerminated} tells.
   *
   * @param last must not wait for anything; is run again if it runs out of memory
   */
  public void atTermination(Runnable last) {
    atTermination = last;
  }

  /**
   * Whether the pool is terminated and no callback runs, nor will.
   *
   * @return true from then on
   */
  public boolean isAtRest() {
    return isTerminated() && relay.isAtRest();
  }

  /**
   * Waits until {@link #isTerminated}, and until every callback of a future has returned.
   *
   * @throws InterruptedException if the calling thread is interrupted
   */
  public void awaitCallbacks() throws InterruptedException {
    terminated.await();
    relay.awaitRest();
  }

  /**
   * What is accepted and not done: "2 futures and 1 batch".
   *
   * @return a part of a sentence
   */
  public String pending() {
    lock.lock();
    try {
      Set<Object> futures = new HashSet<>();
      Stream.of(
              queue.stream(),
              workers.values().stream().flatMap(worker -> worker.tasks.inOrder().stream()),
              workers.values().stream().flatMap(worker -> worker.pinned.stream()),
              Stream.ofNullable(handout.gathering).map(Gang::first))
          .flatMap(tasks -> tasks)
          .filter(task -> !task.isDone() && !(task instanceof ChunkFuture))
          .forEach(task -> futures.add(task.ofUser()));
      String text = futures.size() == 1 ? "1 future" : futures.size() + " futures";
      int batches = sources.size();
      return batches == 0
          ? text
          : text + (batches == 1 ? " and 1 batch" : " and " + batches + " batches");
    } finally {
      lock.unlock();
    }
  }

  /** What the pool is at, for people. */
  @Override
  public String toString() {
    lock.lock();
    try {
      String held =
          workers.values().stream()
              .filter(worker -> worker.alive)
              .map(WorkerState::toString)
              .collect(Collectors.joining(", "));
      return "[%s, queued tasks: %d, open batches: %d%s, workers: {%s}]"
          .formatted(
              state,
              queue.size(),
              sources.size(),
              handout.gathering == null ? "" : ", a group is gathering",
              held);
    } finally {
      lock.unlock();
    }
  }

  private int countLocked(Predicate<WorkerState> which) {
    Memory.lock(lock);
    try {
      return membership.count(which);
    } finally {
      lock.unlock();
    }
  }

  /**
   * How many workers live.
   *
   * @return 0 when all are lost or released, or the pool is broken
   */
  public int size() {
    return countLocked(worker -> worker.alive && !state.isBroken());
  }

  /**
   * How many living workers hold no task.
   *
   * @return at most {@link #size}
   */
  public int idling() {
    return countLocked(worker -> worker.alive && worker.tasks.isEmpty() && !state.isBroken());
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
    return terminated.getCount() == 0;
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
    return terminated.await(timeout, unit);
  }
}
