package dev.mpipool.dispatch;

import dev.mpipool.wire.DamagedFrameException;
import dev.mpipool.wire.Entry;
import dev.mpipool.wire.EntryKind;
import dev.mpipool.wire.Frame;
import dev.mpipool.wire.Serializer;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
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
 * <p><b>The end.</b> After {@link #shutdown}, when nothing is queued and no worker holds a task,
 * each living worker is released and answers that it is gone. When the last one is gone and every
 * future is done, the dispatcher is terminated. A <i>broken</i> dispatcher fails all futures at
 * once, takes no more tasks, and waits for nobody.
 *
 * <p>All state is guarded by one lock. Nothing is sent and no user code runs while it is held:
 * entries are posted to the sender's queue, completions to the relay's.
 */
public final class Dispatcher {

  private static final Logger LOG = LoggerFactory.getLogger(Dispatcher.class);

  /** Takes entries for workers; never waits. */
  @FunctionalInterface
  public interface Outbox {
    /**
     * Has an entry sent.
     *
     * @param rank the worker it is for
     * @param entry what to send
     */
    void post(int rank, Entry entry);
  }

  private final Serializer serializer;
  private final Failures failures;
  private final Outcome outcome;
  private final Outbox outbox;
  private final int maxAttempts;
  private final boolean survivesLostWorkers;
  private final CompletionRelay relay = new CompletionRelay();
  private final CountDownLatch terminated = new CountDownLatch(1);
  private volatile Runnable atTermination = () -> {};

  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Integer, WorkerState> workers = new LinkedHashMap<>();
  private final ArrayDeque<WorkerState> withRoom = new ArrayDeque<>();
  private final ArrayDeque<TaskFuture<?>> queue = new ArrayDeque<>();
  private long lastId;

  /** Tasks in the queue that have become unwanted since it was last cleared of them. */
  private int unwantedQueued;

  private boolean shutdown;
  private boolean released;
  private boolean ended;
  private RejectedExecutionException broken;

  /**
   * Creates a dispatcher with all its workers.
   *
   * @param ranks the workers
   * @param maxAttempts how many workers may die with a task before it fails, at least 1
   * @param survivesLostWorkers false if nothing works any more after the first loss
   * @param serializer for tasks and results
   * @param failures makes exceptions
   * @param outbox sends to workers
   */
  public Dispatcher(
      List<Integer> ranks,
      int maxAttempts,
      boolean survivesLostWorkers,
      Serializer serializer,
      Failures failures,
      Outbox outbox) {
    this.serializer = serializer;
    this.failures = failures;
    this.outcome = new Outcome(serializer, failures);
    this.outbox = outbox;
    this.maxAttempts = maxAttempts;
    this.survivesLostWorkers = survivesLostWorkers;
    for (int rank : ranks) {
      WorkerState worker = new WorkerState(rank, 1);
      workers.put(rank, worker);
      listIfRoom(worker);
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
    ByteBuffer encoded;
    try {
      encoded = serializer.encode(future.call());
    } catch (Throwable e) {
      String why = Objects.requireNonNullElse(e.getMessage(), e.toString());
      throw new UnserializableTaskException(
          "The task %s cannot travel to a worker: %s".formatted(future.name(), why), e);
    }
    if (encoded.remaining() > Frame.MAX_BODY_BYTES) {
      throw new UnserializableTaskException(
          "The task %s cannot travel to a worker: it takes %d bytes, and %d are the most"
              .formatted(future.name(), encoded.remaining(), Frame.MAX_BODY_BYTES),
          null);
    }
    lock.lock();
    try {
      checkAccepting();
      if (!future.submitted) {
        future.submitted = true;
        future.encoded = encoded;
        queue.add(future);
        handOut();
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Throws if no more tasks are taken.
   *
   * @throws RejectedExecutionException if the pool is shut down or broken
   */
  public void checkAccepting() {
    lock.lock();
    try {
      if (broken != null) {
        throw failures.broken(broken.getMessage(), broken.getCause());
      }
      if (shutdown) {
        throw new RejectedExecutionException("The pool has been shut down and takes no more tasks");
      }
    } finally {
      lock.unlock();
    }
  }

  /** The user has completed a future: its task is no longer wanted. */
  void unwanted(TaskFuture<?> future) {
    aboutToEnd(future, false, () -> {});
  }

  /** The user is about to complete a future in this way: its task is no longer wanted. */
  void aboutToEnd(TaskFuture<?> future, boolean interrupt, Runnable ending) {
    lock.lock();
    try {
      boolean queued = future.encoded != null && future.worker == null;
      future.encoded = null;
      future.ending = ending;
      if (future.worker != null) {
        byte[] body = {(byte) (interrupt ? 1 : 0)};
        Entry cancel = new Entry(EntryKind.CANCEL, future.id, ByteBuffer.wrap(body));
        outbox.post(future.worker.rank, cancel);
      } else if (queued && ++unwantedQueued > queue.size() / 2) {
        unwantedQueued = 0;
        queue.removeIf(this::isUnwanted);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Completes a future in this way, instead of its task, which is interrupted. */
  void end(TaskFuture<?> future, Runnable ending) {
    lock.lock();
    try {
      relay.add(List.of(new CompletionRelay.Item(future, ending)));
      aboutToEnd(future, true, ending);
    } finally {
      lock.unlock();
    }
  }

  /** Whether a queued task is no longer wanted; sees to it that its future will be done. */
  private boolean isUnwanted(TaskFuture<?> future) {
    if (future.ending != null && !future.isDone()) {
      relay.add(List.of(new CompletionRelay.Item(future, future.ending)));
    }
    return future.ending != null || future.isDone();
  }

  /**
   * A message has come from a worker.
   *
   * @param rank the worker
   * @param message a frame, or damaged
   */
  public void received(int rank, ByteBuffer message) {
    List<Entry> entries;
    try {
      entries = Frame.decode(message);
    } catch (DamagedFrameException e) {
      LOG.warn("A message from rank {} is dropped: {}", rank, e.getMessage());
      return;
    }
    List<CompletionRelay.Item> completions = new ArrayList<>(entries.size());
    lock.lock();
    try {
      WorkerState worker = workers.get(rank);
      if (worker == null || !worker.alive) {
        LOG.debug("A message from rank {}, which is no living worker, is dropped", rank);
        return;
      }
      entries.forEach(entry -> take(worker, entry, completions));
      relay.add(completions);
      handOut();
      endIfDone();
    } finally {
      lock.unlock();
    }
  }

  private void take(WorkerState worker, Entry entry, List<CompletionRelay.Item> completions) {
    switch (entry.kind()) {
      case RESULT, FAILURE, DROPPED -> {
        TaskFuture<?> future = worker.tasks.remove(entry.id());
        if (future == null) {
          LOG.debug("An answer of rank {} to no task it holds is dropped", worker.rank);
          return;
        }
        future.worker = null;
        future.encoded = null;
        if (!future.isDone()) {
          Runnable completion =
              entry.kind() == EntryKind.DROPPED
                  ? future::drop
                  : () -> outcome.complete(future, worker.rank, entry);
          completions.add(
              new CompletionRelay.Item(
                  future, Objects.requireNonNullElse(future.ending, completion)));
        }
        listIfRoom(worker);
      }
      case GONE -> worker.alive = false;
      default -> LOG.warn("Rank {} sent a {}, which only main may", worker.rank, entry.kind());
    }
  }

  /**
   * A worker has died, or cannot be reached. What it held is given to others.
   *
   * @param rank the worker; others are ignored
   * @param reason what is known of its end
   */
  public void workerLost(int rank, String reason) {
    lock.lock();
    try {
      WorkerState worker = workers.get(rank);
      if (worker == null || !worker.alive) {
        return;
      }
      LOG.warn("Worker rank {} was lost: {}", rank, reason);
      worker.alive = false;
      withRoom.remove(worker);
      List<TaskFuture<?>> held = new ArrayList<>(worker.tasks.values());
      worker.tasks.clear();
      for (int i = held.size() - 1; i >= 0; i--) {
        takeBack(held.get(i), rank, reason);
      }
      if (!survivesLostWorkers) {
        breakDown(
            "Rank %d was lost, and the ranks cannot go on without it: %s".formatted(rank, reason),
            null);
      } else if (living() == 0 && !released) {
        breakDown(
            "No worker is left; the last, rank %d, was lost: %s".formatted(rank, reason), null);
      }
      handOut();
      endIfDone();
    } finally {
      lock.unlock();
    }
  }

  private void takeBack(TaskFuture<?> future, int rank, String reason) {
    future.worker = null;
    future.lostWith(rank);
    if (future.lostWith().size() < maxAttempts && survivesLostWorkers) {
      queue.addFirst(future);
    } else {
      String what =
          "The task %s was lost with rank %s: %s"
              .formatted(future.name(), ranks(future.lostWith()), reason);
      fail(List.of(future), failures.workerLost(what, future.lostWith()));
    }
  }

  private static String ranks(List<Integer> ranks) {
    return String.join(", ", ranks.stream().map(String::valueOf).toList());
  }

  /**
   * Nothing can be run any more: fails all futures.
   *
   * @param why a whole sentence
   * @param cause what broke the pool, or null
   */
  public void breakDown(String why, Throwable cause) {
    lock.lock();
    try {
      if (broken != null || ended) {
        return;
      }
      LOG.debug("The pool is broken: {}", why, cause);
      broken = failures.broken(why, cause);
      List<TaskFuture<?>> all = new ArrayList<>(queue);
      queue.clear();
      workers.values().forEach(worker -> all.addAll(worker.tasks.values()));
      workers.values().forEach(worker -> worker.tasks.clear());
      fail(all, broken);
      endIfDone();
    } finally {
      lock.unlock();
    }
  }

  private void fail(List<TaskFuture<?>> futures, Exception failure) {
    List<CompletionRelay.Item> items = new ArrayList<>();
    for (TaskFuture<?> future : futures) {
      future.worker = null;
      future.encoded = null;
      items.add(new CompletionRelay.Item(future, () -> future.fail(failure)));
    }
    relay.add(items);
  }

  /** Takes no more tasks; ends when those accepted are done. */
  public void shutdown() {
    lock.lock();
    try {
      shutdown = true;
      endIfDone();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Takes no more tasks, cancels those in the queue and interrupts those that run.
   *
   * <p>Callbacks of the cancelled futures run in the calling thread, which may hold locks that they
   * need; but should one of them block, the relay goes on with the others, and they are done when
   * the dispatcher is terminated.
   *
   * @return the tasks that were in the queue, cancelled
   */
  public List<TaskFuture<?>> shutdownNow() {
    List<TaskFuture<?>> neverStarted;
    lock.lock();
    try {
      shutdown = true;
      neverStarted = queue.stream().filter(future -> !future.isDone()).toList();
      queue.clear();
      neverStarted.forEach(future -> future.encoded = null);
      relay.add(
          neverStarted.stream()
              .map(future -> new CompletionRelay.Item(future, future::drop))
              .toList());
      byte[] interrupt = {1};
      for (WorkerState worker : workers.values()) {
        for (long id : worker.tasks.keySet()) {
          outbox.post(worker.rank, new Entry(EntryKind.CANCEL, id, ByteBuffer.wrap(interrupt)));
        }
      }
      endIfDone();
    } finally {
      lock.unlock();
    }
    neverStarted.forEach(TaskFuture::drop);
    return neverStarted.stream().filter(CompletableFuture::isCancelled).toList();
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

  /** Gives tasks to workers while there are both. */
  private void handOut() {
    while (broken == null && !withRoom.isEmpty()) {
      TaskFuture<?> future = nextWanted();
      if (future == null) {
        return;
      }
      WorkerState worker = withRoom.poll();
      worker.listed = false;
      future.worker = worker;
      future.id = ++lastId;
      worker.tasks.put(future.id, future);
      outbox.post(worker.rank, new Entry(EntryKind.TASK, future.id, future.encoded));
      listIfRoom(worker);
    }
  }

  private TaskFuture<?> nextWanted() {
    TaskFuture<?> future = queue.poll();
    while (future != null && isUnwanted(future)) {
      future = queue.poll();
    }
    return future;
  }

  private void listIfRoom(WorkerState worker) {
    if (!worker.listed && worker.hasRoom()) {
      worker.listed = true;
      withRoom.add(worker);
    }
  }

  /** Releases the workers when there is nothing left to do, and ends when they are gone. */
  private void endIfDone() {
    if (!shutdown || ended) {
      return;
    }
    boolean idle = workers.values().stream().allMatch(worker -> worker.tasks.isEmpty());
    if (!released && idle && queue.stream().allMatch(TaskFuture::isDone)) {
      released = true;
      workers.values().stream()
          .filter(worker -> worker.alive)
          .forEach(worker -> outbox.post(worker.rank, new Entry(EntryKind.RELEASE, 0)));
    }
    if (released && (living() == 0 || broken != null)) {
      ended = true;
      relay.allAddedDone().thenRun(this::terminate);
      relay.close();
    }
  }

  private void terminate() {
    try {
      atTermination.run();
    } finally {
      terminated.countDown();
    }
  }

  /**
   * Has something done at the end, whoever asked for it; just before {@link #isTerminated} tells.
   *
   * @param last must not wait for anything
   */
  public void atTermination(Runnable last) {
    atTermination = last;
  }

  private int living() {
    return count(worker -> worker.alive);
  }

  private int count(Predicate<WorkerState> which) {
    return (int) workers.values().stream().filter(which).count();
  }

  private int countLocked(Predicate<WorkerState> which) {
    lock.lock();
    try {
      return count(which);
    } finally {
      lock.unlock();
    }
  }

  /**
   * How many workers live.
   *
   * @return 0 when all are lost or released
   */
  public int size() {
    return countLocked(worker -> worker.alive);
  }

  /**
   * How many living workers hold no task.
   *
   * @return at most {@link #size}
   */
  public int idling() {
    return countLocked(worker -> worker.alive && worker.tasks.isEmpty());
  }

  /**
   * Whether tasks are accepted.
   *
   * @return false after shutdown and when broken
   */
  public boolean isOpen() {
    lock.lock();
    try {
      return !shutdown && broken == null;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Whether {@link #shutdown} or {@link #shutdownNow} has been called.
   *
   * @return true from then on
   */
  public boolean isShutdown() {
    lock.lock();
    try {
      return shutdown;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Whether no message from a worker is expected any more.
   *
   * @return true when the workers are gone
   */
  public boolean isEnded() {
    lock.lock();
    try {
      return ended;
    } finally {
      lock.unlock();
    }
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
