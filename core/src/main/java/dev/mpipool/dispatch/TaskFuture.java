package dev.mpipool.dispatch;

import dev.mpipool.memory.Memory;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.serial.Envelope;
import dev.mpipool.serial.Payload;
import dev.mpipool.serial.SharedValue;
import dev.mpipool.serial.TaskName;
import java.util.ArrayList;
import java.util.List;
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
 * A task and its future.
 *
 * <p>Whoever completes it first wins: the pool with {@link #succeed} or {@link #fail}, or the user
 * with {@code cancel}, {@code complete}, {@code orTimeout} and the like; the latter also tells the
 * dispatcher that the task is no longer wanted. Cancelling tells it first: the callbacks, which run
 * in the thread that cancels, may wait for the worker to be free.
 *
 * <p>A done future keeps its result and nothing of its task: users may hold it for long.
 *
 * @param <T> the type of the result
 */
public class TaskFuture<T> extends CompletableFuture<T> implements RunnableFuture<T> {

  /**
   * Who waits for a lone task looks for its end so long before going to sleep, and lets all others
   * go first: to be woken takes some microseconds, a good part of a round trip.
   */
  private static final long LOOKING_NANOS = TimeUnit.MICROSECONDS.toNanos(30);

  private static final boolean MAY_LOOK = Runtime.getRuntime().availableProcessors() > 1;

  private final TaskOwner dispatcher;

  /** What travels, and the user's own object; null once the future is done. */
  private Envelope call;

  private Object original;

  /** The task as bytes, from its submission until the future is done. Guarded by the dispatcher. */
  Payload encoded;

  /** What a worker needs to have been sent before; null for nothing. */
  SharedValue code;

  /** The worker that has the task, or null. Guarded by the dispatcher. */
  WorkerState worker;

  /** The number of the present attempt. Guarded by the dispatcher. */
  long id;

  /**
   * The place in the order of submissions, 0 before; negative if no worker held anything then, so
   * that its answer may come in no time. Guarded by the dispatcher.
   */
  int order;

  /** What the user ends it with, soon; whoever finds it so may do it. Guarded by the dispatcher. */
  Runnable ending;

  /** Workers that died with the task; null for none. Guarded by the dispatcher. */
  private List<Integer> lostWith;

  TaskFuture(TaskOwner dispatcher, Envelope call, Object original) {
    this.dispatcher = dispatcher;
    this.call = call;
    this.original = original;
  }

  /**
   * A task that is a part of a batch; what travels is passed to the dispatcher with it.
   *
   * @param dispatcher will run it
   * @param code what a worker needs to have been sent before
   * @param original the user's own object, for messages
   */
  protected TaskFuture(TaskOwner dispatcher, SharedValue code, Object original) {
    this(dispatcher, (Envelope) null, original);
    this.code = code;
  }

  /**
   * A task whose result comes from the worker.
   *
   * @param <T> the type of the result
   * @param dispatcher will run it
   * @param call what travels
   * @param original the user's own object, for messages and for shutdownNow
   * @return a future that is not submitted yet
   */
  public static <T> TaskFuture<T> of(TaskOwner dispatcher, Envelope call, Object original) {
    return new TaskFuture<>(dispatcher, call, original);
  }

  /**
   * A task whose result is known; it stays on main.
   *
   * @param <T> the type of the result
   * @param dispatcher will run it
   * @param call what travels
   * @param original the user's own object, for messages and for shutdownNow
   * @param result the result of the future when the task is done
   * @return a future that is not submitted yet
   */
  public static <T> TaskFuture<T> withResult(
      TaskOwner dispatcher, Envelope call, Object original, T result) {
    return new WithResult<>(dispatcher, call, original, result);
  }

  private static final class WithResult<T> extends TaskFuture<T> {
    private T known;

    private WithResult(TaskOwner dispatcher, Envelope call, Object original, T known) {
      super(dispatcher, call, original);
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
   * A task whose end nobody waits for; its failure goes to the handler of uncaught exceptions.
   *
   * @param dispatcher will run it
   * @param call what travels
   * @param original the user's own object, for messages and for shutdownNow
   * @return a future that is not submitted yet
   */
  public static TaskFuture<?> executed(TaskOwner dispatcher, Envelope call, Object original) {
    return new ExecutedTask(dispatcher, call, original);
  }

  /** A task for one worker alone, which is lost with it. */
  static <T> TaskFuture<T> pinned(TaskOwner dispatcher, Envelope call, Object original) {
    return new TaskFuture<>(dispatcher, call, original) {
      @Override
      int maxAttempts(int usual) {
        return 1;
      }

      @Override
      boolean isPinned() {
        return true;
      }
    };
  }

  /**
   * What travels.
   *
   * @return the user's code with its arguments; null if the future is done
   */
  public Envelope call() {
    return call;
  }

  /**
   * The user's own object.
   *
   * @return what was submitted; null if the future is done
   */
  public Object original() {
    return original;
  }

  /**
   * Whether a dispatcher made this for itself.
   *
   * @param other a dispatcher
   * @return true if it may be submitted there
   */
  public boolean isFor(TaskOwner other) {
    return dispatcher == other;
  }

  /**
   * What to call this task in messages.
   *
   * @return a name for people
   */
  public String name() {
    Object task = original;
    return task == null ? "(done)" : TaskName.of(task);
  }

  /** The future is done, and the task is not needed any more. */
  void letGo() {
    call = null;
    original = null;
  }

  /**
   * How the task travels.
   *
   * @return the kind of its entry
   */
  protected EntryKind kind() {
    return EntryKind.TASK;
  }

  /** Whether it is a part of a batch. */
  final boolean isChunk() {
    return kind() == EntryKind.CHUNK;
  }

  /** How many workers may die with it. */
  int maxAttempts(int usual) {
    return usual;
  }

  /** The shared value that a worker needs for it, or null. */
  SharedValue needs() {
    return code;
  }

  /**
   * Whether a worker that runs the task could give a part of it back. Is asked with the
   * dispatcher's lock held.
   *
   * @return true only once
   */
  protected boolean isDivisible() {
    return false;
  }

  /** Whether it is for one worker alone. */
  boolean isPinned() {
    return false;
  }

  /** The future that the user has. */
  CompletableFuture<?> ofUser() {
    return this;
  }

  /** Whether this is the first member of a group that waits to be gathered. */
  GroupSubmission<?> group() {
    return null;
  }

  /**
   * Reads what a worker has answered. Runs user code.
   *
   * @param result its answer
   * @param rank the worker
   * @param outcome makes failures
   * @return the result of the task
   * @throws Exception if the answer cannot be read
   */
  protected Object read(Payload result, int rank, Outcome outcome) throws Exception {
    return outcome.decode(result);
  }

  List<Integer> lostWith() {
    return lostWith == null ? List.of() : List.copyOf(lostWith);
  }

  void lostWith(int rank) {
    if (lostWith == null) {
      lostWith = new ArrayList<>(1);
    }
    lostWith.add(rank);
  }

  /** Completes with what the worker returned. */
  void succeed(Object value) {
    super.complete(result(value));
    letGo();
  }

  @SuppressWarnings("unchecked") // the worker ran this very task
  T result(Object fromWorker) {
    return (T) fromWorker;
  }

  /**
   * Completes with a failure, so that {@code get} throws it as the cause of an ExecutionException,
   * whatever its type.
   *
   * @param failure what the task threw, or what befell it
   */
  public void fail(Throwable failure) {
    boolean special =
        failure instanceof CancellationException || failure instanceof CompletionException;
    super.completeExceptionally(special ? new CompletionException(failure) : failure);
    letGo();
  }

  /** Completes with a failure that a worker has answered. */
  void failOn(int rank, Throwable failure) {
    fail(failure);
  }

  /** Done when this is, and all that has to come before the end of the pool. */
  CompletableFuture<?> settled() {
    return this;
  }

  /** Cancels it, for a worker has dropped the task before it began. */
  void drop() {
    super.cancel(false);
    letGo();
  }

  @Override
  public T get() throws InterruptedException, ExecutionException {
    look();
    return super.get();
  }

  @Override
  public T get(long timeout, TimeUnit unit)
      throws InterruptedException, ExecutionException, TimeoutException {
    if (unit.toNanos(timeout) > LOOKING_NANOS) {
      look();
    }
    return super.get(timeout, unit);
  }

  @Override
  public T join() {
    look();
    return super.join();
  }

  @SuppressWarnings("ThreadPriorityCheck") // nothing depends on it
  private void look() {
    if (order < 0 && MAY_LOOK) {
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
    if (!isDone()) {
      dispatcher.aboutToEnd(this, mayInterruptIfRunning, this::drop);
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
    Runnable end = () -> dispatcher.end(this, ending);
    timer.thenRun(() -> Memory.persist(end));
    whenComplete(
        (value, failure) -> {
          timer.cancel(false);
          letGo();
        });
    return this;
  }

  private boolean unwanted(boolean justCompleted) {
    if (justCompleted) {
      unwanted();
    }
    return justCompleted;
  }

  private void unwanted() {
    dispatcher.unwanted(this);
    letGo();
  }

  /** Does nothing: the task runs on a worker. Here for those who wrap a RunnableFuture. */
  @Override
  public void run() {}
}
