package dev.mpipool.dispatch;

import dev.mpipool.memory.Memory;
import dev.mpipool.serial.Payload;
import dev.mpipool.serial.TaskCall;
import dev.mpipool.serial.TaskName;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.RunnableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

/**
 * The future of a task, as the user sees it.
 *
 * <p>The first completion counts: by the pool, with {@link #succeed} or {@link #fail}, or by the
 * user, with {@code cancel}, {@code complete}, {@code orTimeout} and the like. A completion by the
 * user also informs the dispatcher that the task is no longer wanted. A cancellation does so before
 * it completes the future, since callbacks run in the cancelling thread and may wait for the worker
 * to be free.
 *
 * <p>A done future keeps its result but not its task, since users may keep futures for long.
 *
 * @param <T> the type of the result
 */
public class TaskFuture<T> extends CompletableFuture<T> implements RunnableFuture<T> {

  /** Informed when the user completes a future whose task has been submitted. */
  interface Listener {

    /** The user is about to complete the future by {@code ending}: the task is no longer wanted. */
    void aboutToEnd(boolean interrupt, Runnable ending);

    /** Completes the future by {@code ending}, and interrupts the task if it runs. */
    void end(Runnable ending);
  }

  /**
   * For how long a thread that waits for a lone task polls, yielding, before it sleeps. A wake-up
   * takes some microseconds, a large part of a round trip.
   */
  private static final long LOOKING_NANOS = TimeUnit.MICROSECONDS.toNanos(30);

  private static final boolean MAY_LOOK = Runtime.getRuntime().availableProcessors() > 1;

  private final Object pool;

  /** The task to send, and the user's own object; null once the future is done. */
  private TaskCall call;

  private Object original;

  /**
   * Set from submission until the pool has completed the future; else null. Needs no memory
   * barrier: the thread that created the future sets it before any other thread has the future (for
   * a chunk of a batch see {@link Dispatcher#prepareChunk}), and informing the listener again after
   * the end has no effect.
   */
  Listener task;

  /** Whether the task was ever submitted. Guarded by the dispatcher's lock. */
  private boolean submitted;

  /** Whether no other task was in flight at submission, so that the answer may come soon. */
  private boolean alone;

  /**
   * Creates a future that is not submitted yet.
   *
   * @param pool will run the task
   * @param call the task to send; null if that is passed with the submission
   * @param original the user's own object, for messages and for shutdownNow
   */
  protected TaskFuture(Object pool, TaskCall call, Object original) {
    this.pool = pool;
    this.call = call;
    this.original = original;
  }

  /**
   * A task whose result comes from the worker.
   *
   * @param <T> the type of the result
   * @param pool will run it
   * @param call the task to send
   * @param original the user's own object, for messages and for shutdownNow
   * @return a future that is not submitted yet
   */
  public static <T> TaskFuture<T> of(Object pool, TaskCall call, Object original) {
    return new TaskFuture<>(pool, call, original);
  }

  /**
   * A task whose result is known beforehand and is not sent.
   *
   * @param <T> the type of the result
   * @param pool will run it
   * @param call the task to send
   * @param original the user's own object, for messages and for shutdownNow
   * @param result the result of the future when the task is done
   * @return a future that is not submitted yet
   */
  public static <T> TaskFuture<T> withResult(
      Object pool, TaskCall call, Object original, T result) {
    return new WithResult<>(pool, call, original, result);
  }

  private static final class WithResult<T> extends TaskFuture<T> {
    private T known;

    private WithResult(Object pool, TaskCall call, Object original, T known) {
      super(pool, call, original);
      this.known = known;
    }

    @Override
    T result(Object fromWorker) {
      return known;
    }

    @Override
    void letGo() {
      super.letGo();
      known = null;
    }
  }

  /**
   * Records the submission. Called with the dispatcher's lock held.
   *
   * @param listener informed when the user completes this future
   * @param mayBeQuick whether no other task is in flight, so that the answer may come soon
   */
  void submitted(Listener listener, boolean mayBeQuick) {
    submitted = true;
    alone = mayBeQuick;
    task = listener;
  }

  /** Whether the task was ever submitted. Called with the dispatcher's lock held. */
  boolean wasSubmitted() {
    return submitted;
  }

  /**
   * The task to send.
   *
   * @return the user's code with its arguments; null if the future is done
   */
  public TaskCall call() {
    return call;
  }

  /**
   * The user's own object.
   *
   * @return the submitted object; null if the future is done
   */
  public Object original() {
    return original;
  }

  /**
   * Whether this future was created for a pool.
   *
   * @param other a pool
   * @return true if it may be submitted there
   */
  public boolean isFor(Object other) {
    return pool == other;
  }

  /**
   * The task's name in messages.
   *
   * @return a name for people; {@code (done)} once the future is done
   */
  public String name() {
    Object named = original;
    return named == null ? "(done)" : TaskName.of(named);
  }

  /** Releases the task, which a done future does not need. */
  void letGo() {
    call = null;
    original = null;
  }

  /**
   * Decodes a worker's answer. Runs user code.
   *
   * @param result the answer
   * @param rank the worker
   * @param outcome creates failures
   * @return the result of the task
   * @throws Exception if the answer cannot be decoded
   */
  protected Object read(Payload result, int rank, Outcome outcome) throws Exception {
    return outcome.decode(result);
  }

  /** Completes with what the worker returned. */
  void succeed(Object value) {
    super.complete(result(value));
    ended();
  }

  @SuppressWarnings("unchecked") // the worker ran this very task
  T result(Object fromWorker) {
    return (T) fromWorker;
  }

  /**
   * Completes with a failure, so that {@code get} throws it as the cause of an ExecutionException,
   * whatever its type.
   *
   * @param failure thrown by the task, or why it could not complete
   */
  public void fail(Throwable failure) {
    boolean special =
        failure instanceof CancellationException || failure instanceof CompletionException;
    super.completeExceptionally(special ? new CompletionException(failure) : failure);
    ended();
  }

  /** Completes with a failure that a worker has reported. */
  void failOn(int rank, Throwable failure) {
    fail(failure);
  }

  /** Done when this future is, and everything that the end of the pool has to wait for. */
  CompletableFuture<?> settled() {
    return this;
  }

  /** Cancels this future on the pool's side: the dispatcher is not informed. */
  void drop() {
    super.cancel(false);
    ended();
  }

  /** Releases what only a pending future needs. */
  private void ended() {
    task = null;
    letGo();
  }

  @Override
  public T get() throws InterruptedException, ExecutionException {
    spin();
    return super.get();
  }

  @Override
  public T get(long timeout, TimeUnit unit)
      throws InterruptedException, ExecutionException, TimeoutException {
    if (unit.toNanos(timeout) > LOOKING_NANOS) {
      spin();
    }
    return super.get(timeout, unit);
  }

  @Override
  public T join() {
    spin();
    return super.join();
  }

  @SuppressWarnings("ThreadPriorityCheck") // nothing depends on it
  private void spin() {
    if (alone && MAY_LOOK) {
      long begin = System.nanoTime();
      while (!isDone() && System.nanoTime() - begin < LOOKING_NANOS) {
        Thread.yield();
      }
    }
  }

  @Override
  public boolean complete(T value) {
    return unwanted(super.complete(value));
  }

  @Override
  public boolean completeExceptionally(Throwable failure) {
    return unwanted(super.completeExceptionally(failure));
  }

  @Override
  public CompletableFuture<T> completeAsync(Supplier<? extends T> supplier, Executor executor) {
    super.completeAsync(supplier, executor);
    whenComplete((value, failure) -> unwanted());
    return this;
  }

  @Override
  public void obtrudeValue(T value) {
    super.obtrudeValue(value);
    unwanted();
  }

  @Override
  public void obtrudeException(Throwable failure) {
    super.obtrudeException(failure);
    unwanted();
  }

  @Override
  public boolean cancel(boolean mayInterruptIfRunning) {
    Listener told = task;
    if (told != null && !isDone()) {
      told.aboutToEnd(mayInterruptIfRunning, this::drop);
    }
    boolean cancelled = super.cancel(mayInterruptIfRunning);
    letGo();
    return cancelled;
  }

  /** {@inheritDoc} A task that runs is interrupted then. */
  @Override
  public CompletableFuture<T> orTimeout(long timeout, TimeUnit unit) {
    return endAfter(timeout, unit, () -> super.completeExceptionally(new TimeoutException()));
  }

  /** {@inheritDoc} A task that runs is interrupted then. */
  @Override
  public CompletableFuture<T> completeOnTimeout(T value, long timeout, TimeUnit unit) {
    return endAfter(timeout, unit, () -> super.complete(value));
  }

  private CompletableFuture<T> endAfter(long timeout, TimeUnit unit, Runnable ending) {
    CompletableFuture<Void> timer = new CompletableFuture<>();
    timer.completeOnTimeout(null, timeout, unit);
    Runnable end = () -> end(ending);
    timer.thenRun(() -> Memory.persist(end));
    whenComplete(
        (value, failure) -> {
          timer.cancel(false);
          letGo();
        });
    return this;
  }

  private void end(Runnable ending) {
    Listener told = task;
    if (told != null) {
      told.end(ending);
    } else {
      ending.run();
    }
  }

  private boolean unwanted(boolean justCompleted) {
    if (justCompleted) {
      unwanted();
    }
    return justCompleted;
  }

  private void unwanted() {
    Listener told = task;
    if (told != null) {
      told.aboutToEnd(false, () -> {});
    }
    letGo();
  }

  /** Does nothing: the task runs on a worker. Required by {@link RunnableFuture}. */
  @Override
  public void run() {}
}
