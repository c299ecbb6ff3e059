package dev.mpipool.pool;

import dev.mpipool.Batch;
import dev.mpipool.BatchBuilder;
import dev.mpipool.BrokenExecutorException;
import dev.mpipool.MPIExecutor;
import dev.mpipool.SerializableBiFunction;
import dev.mpipool.SerializableCallable;
import dev.mpipool.SerializableFunction;
import dev.mpipool.SerializableRunnable;
import dev.mpipool.SerializableTriFunction;
import dev.mpipool.worker.TaskContext;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.apache.commons.lang3.Validate;
import org.apache.commons.lang3.tuple.Pair;
import org.apache.commons.lang3.tuple.Triple;

/**
 * Python's {@code multiprocessing.Pool} on the ranks of an MPI job.
 *
 * <pre>{@code
 * try (MPIPool pool = new MPIPool()) {
 *   pool.workersExit();
 *   List<Integer> squares = pool.map(x -> x * x, List.of(1, 2, 3));
 *   AsyncResult<List<Integer>> later = pool.mapAsync(x -> x * x, squares);
 *   System.out.println("Done already? " + later.ready());
 *   squares = later.get();
 * } catch (WorkersExitException e) {
 *   // a worker goes on below
 * }
 * }</pre>
 *
 * Roles, ranks, and the workers where there are fewer than two ranks, are those of {@link
 * MPIExecutor}; so is what functions, arguments and results have to be: serializable. Main's side
 * may be used by any thread; functions that run on workers must not use the pool.
 */
public final class MPIPool implements Pool {

  private final MPIExecutor executor;
  private final boolean owned;

  /** What has been begun and has not come back; closed is set with its lock held. */
  private final Set<Running<?>> outstanding = Collections.synchronizedSet(new HashSet<>());

  private final Set<Batch<?>> streams =
      Collections.synchronizedSet(Collections.newSetFromMap(new WeakHashMap<>()));
  private volatile boolean closed;

  /**
   * Opens a pool over all ranks of the job, with rank 0 as main. Collective; see {@link
   * MPIExecutor#MPIExecutor()}.
   *
   * @throws BrokenExecutorException on a worker, if main was lost or ended without closing the pool
   * @throws IllegalStateException if a launcher started this process as a rank, and MPI is not
   *     initialized
   */
  public MPIPool() {
    this(new MPIExecutor(), true);
  }

  /**
   * Shares an executor. The end of this pool is the end of what was begun through it; the executor
   * stays open for others, and streams of this pool can be read until it is closed.
   *
   * @param executor runs everything
   */
  public MPIPool(MPIExecutor executor) {
    this(Objects.requireNonNull(executor, "executor"), false);
  }

  MPIPool(MPIExecutor executor, boolean owned) {
    this.executor = executor;
    this.owned = owned;
  }

  /**
   * Options for a pool.
   *
   * @return a builder with the defaults
   */
  public static Builder builder() {
    return new Builder();
  }

  // ---- one call

  @Override
  public <R> AsyncResult<R> applyAsync(
      SerializableCallable<R> fn,
      Consumer<? super R> callback,
      Consumer<? super Throwable> errorCallback) {
    Objects.requireNonNull(fn, "fn");
    return submitted(() -> executor.submit(fn), callback, errorCallback);
  }

  @Override
  public <A, R> AsyncResult<R> applyAsync(
      SerializableFunction<? super A, ? extends R> fn,
      A a,
      Consumer<? super R> callback,
      Consumer<? super Throwable> errorCallback) {
    Objects.requireNonNull(fn, "fn");
    return submitted(() -> executor.<A, R>submit(fn, a), callback, errorCallback);
  }

  @Override
  public <A, B, R> AsyncResult<R> applyAsync(
      SerializableBiFunction<? super A, ? super B, ? extends R> fn,
      A a,
      B b,
      Consumer<? super R> callback,
      Consumer<? super Throwable> errorCallback) {
    Objects.requireNonNull(fn, "fn");
    return submitted(() -> executor.<A, B, R>submit(fn, a, b), callback, errorCallback);
  }

  @Override
  public <A, B, C, R> AsyncResult<R> applyAsync(
      SerializableTriFunction<? super A, ? super B, ? super C, ? extends R> fn,
      A a,
      B b,
      C c,
      Consumer<? super R> callback,
      Consumer<? super Throwable> errorCallback) {
    Objects.requireNonNull(fn, "fn");
    return submitted(() -> executor.<A, B, C, R>submit(fn, a, b, c), callback, errorCallback);
  }

  private <R> AsyncResult<R> submitted(
      Supplier<CompletableFuture<R>> submit,
      Consumer<? super R> callback,
      Consumer<? super Throwable> errorCallback) {
    return begun(
        new Running<>(callback, errorCallback),
        running -> {
          CompletableFuture<R> task = submit.get();
          task.whenCompleteAsync(
              (value, failure) -> {
                if (failure == null) {
                  running.succeed(value);
                } else {
                  running.fail(failure);
                }
              },
              notHere(running));
          return () -> task.cancel(true);
        });
  }

  /**
   * The thread that completes a task goes on with its callback. But if the task is done already,
   * that is the one that submits, which is not to wait for a callback.
   */
  private static Executor notHere(Running<?> running) {
    Thread here = Thread.currentThread();
    return step -> {
      if (Thread.currentThread() == here && running.hasCallback()) {
        start(step, "mpipool-callback");
      } else {
        step.run();
      }
    };
  }

  private static void start(Runnable code, String name) {
    Thread thread = new Thread(code, name);
    thread.setDaemon(true);
    thread.start();
  }

  /** Starts something, unless the pool is closed. The start returns how to cancel it. */
  private <R> AsyncResult<R> begun(Running<R> running, Function<Running<R>, Runnable> start) {
    synchronized (outstanding) {
      checkOpen();
      outstanding.add(running);
    }
    Runnable cancel;
    try {
      cancel = start.apply(running);
    } catch (Throwable e) {
      outstanding.remove(running);
      throw e;
    }
    running
        .toCompletableFuture()
        .whenComplete(
            (value, failure) -> {
              outstanding.remove(running);
              cancel.run();
            });
    return running;
  }

  private void checkOpen() {
    if (closed) {
      throw new RejectedExecutionException("The pool is closed");
    }
  }

  // ---- lists

  @Override
  public <A, R> AsyncResult<List<R>> mapAsync(
      SerializableFunction<? super A, ? extends R> fn,
      Iterable<? extends A> items,
      int chunkSize,
      Consumer<? super List<R>> callback,
      Consumer<? super Throwable> errorCallback) {
    Elements<A> elements = new Elements<>();
    return collected(
        elements,
        batch(fn, items, chunkSize),
        batch -> batch.submit(fn, elements.noted(items)),
        new Running<>(callback, errorCallback));
  }

  @Override
  public <A, B, R> AsyncResult<List<R>> starmapAsync(
      SerializableBiFunction<? super A, ? super B, ? extends R> fn,
      Iterable<? extends Pair<? extends A, ? extends B>> items,
      int chunkSize,
      Consumer<? super List<R>> callback,
      Consumer<? super Throwable> errorCallback) {
    Elements<Pair<? extends A, ? extends B>> elements = new Elements<>();
    Unzipped<Pair<? extends A, ? extends B>> parts = new Unzipped<>(items, elements);
    return collected(
        elements,
        batch(fn, items, chunkSize),
        batch -> batch.<A, B, R>submit(fn, parts.first(Pair::getLeft), parts.next(Pair::getRight)),
        new Running<>(callback, errorCallback));
  }

  @Override
  public <A, B, C, R> AsyncResult<List<R>> starmapAsync(
      SerializableTriFunction<? super A, ? super B, ? super C, ? extends R> fn,
      Iterable<? extends Triple<? extends A, ? extends B, ? extends C>> items,
      int chunkSize,
      Consumer<? super List<R>> callback,
      Consumer<? super Throwable> errorCallback) {
    Elements<Triple<? extends A, ? extends B, ? extends C>> elements = new Elements<>();
    Unzipped<Triple<? extends A, ? extends B, ? extends C>> parts = new Unzipped<>(items, elements);
    return collected(
        elements,
        batch(fn, items, chunkSize),
        batch ->
            batch.<A, B, C, R>submit(
                fn,
                parts.first(Triple::getLeft),
                parts.next(Triple::getMiddle),
                parts.next(Triple::getRight)),
        new Running<>(callback, errorCallback));
  }

  private BatchBuilder batch(Object fn, Iterable<?> items, int chunkSize) {
    Objects.requireNonNull(fn, "fn");
    Objects.requireNonNull(items, "items");
    Validate.isTrue(chunkSize >= 0, "A chunk has at least one element, not %d", chunkSize);
    checkOpen();
    BatchBuilder batch = executor.batch();
    return chunkSize == AUTOMATIC ? batch : batch.chunkSize(chunkSize);
  }

  private <R> AsyncResult<List<R>> collected(
      Elements<?> elements,
      BatchBuilder builder,
      Function<BatchBuilder, Batch<R>> start,
      Running<List<R>> result) {
    return begun(
        result,
        running -> {
          Batch<R> batch = start.apply(builder);
          Outcomes<R> outcomes = new Outcomes<>(batch, false, elements);
          start(() -> outcomes.collect(running), "mpipool-map");
          return batch::cancel;
        });
  }

  // ---- streams

  @Override
  public <A, R> Stream<R> imap(
      SerializableFunction<? super A, ? extends R> fn, Iterable<? extends A> items, int chunkSize) {
    Elements<A> elements = new Elements<>();
    Batch<R> batch = batch(fn, items, chunkSize).submit(fn, elements.noted(items));
    return stream(batch, new Outcomes<>(batch, true, elements));
  }

  @Override
  public <A, R> Stream<R> imapUnordered(
      SerializableFunction<? super A, ? extends R> fn, Iterable<? extends A> items, int chunkSize) {
    Elements<A> elements = new Elements<>();
    Batch<R> batch = batch(fn, items, chunkSize).submit(fn, elements.noted(items));
    return stream(batch, new Outcomes<>(batch, false, elements));
  }

  private <R> Stream<R> stream(Batch<R> batch, Outcomes<R> outcomes) {
    streams.add(batch);
    return outcomes.stream();
  }

  // ---- roles and the end

  @Override
  public int size() {
    return executor.size();
  }

  @Override
  public boolean isMain() {
    return executor.isMain();
  }

  @Override
  public boolean isWorker() {
    return executor.isWorker();
  }

  @Override
  public void workersExit() {
    executor.workersExit();
  }

  /** {@inheritDoc} */
  @Override
  public void terminate() {
    stopAccepting();
    List<Running<?>> dropped;
    synchronized (outstanding) {
      dropped = List.copyOf(outstanding);
    }
    dropped.forEach(running -> running.toCompletableFuture().cancel(true));
    List<Batch<?>> open;
    synchronized (streams) {
      open = List.copyOf(streams);
    }
    open.forEach(Batch::cancel);
    if (owned) {
      executor.shutdownNow();
    }
  }

  private void stopAccepting() {
    synchronized (outstanding) {
      closed = true;
    }
  }

  @Override
  public void join() throws InterruptedException {
    if (isWorker()) {
      return;
    }
    if (!closed) {
      throw new IllegalStateException("The pool still runs: close or terminate it, then join");
    }
    List<Running<?>> awaited;
    synchronized (outstanding) {
      awaited = List.copyOf(outstanding);
    }
    for (Running<?> running : awaited) {
      if (!running.isCallingBack()) {
        running.await(Long.MAX_VALUE, TimeUnit.NANOSECONDS);
      }
    }
    if (owned) {
      executor.shutdown();
      executor.awaitTermination(Long.MAX_VALUE, TimeUnit.NANOSECONDS);
      executor.close();
    }
  }

  @Override
  public void close() {
    if (TaskContext.rank().isPresent()) {
      throw new IllegalStateException(
          "A task cannot close a pool: it would wait for its own end. Close it on main.");
    }
    if (isWorker()) {
      return;
    }
    stopAccepting();
    boolean interrupted = false;
    boolean joined = false;
    while (!joined) {
      try {
        join();
        joined = true;
      } catch (InterruptedException e) {
        interrupted = true;
        terminate();
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * The options of Python's constructor. Every rank has to give the same. Not thread-safe. Other
   * options are {@link MPIExecutor#builder}'s: share an executor that has them.
   */
  public static final class Builder {

    private final MPIExecutor.Builder options = MPIExecutor.builder();

    private Builder() {}

    /**
     * What every worker runs before its first task. The pool opens without waiting for it. If it
     * fails on one of them, the pool is broken: from then on every call fails with a {@link
     * BrokenExecutorException}; earlier ones may have had their results from other workers.
     *
     * @param initializer a task
     * @return this
     */
    public Builder initializer(SerializableRunnable initializer) {
      options.initializer(initializer);
      return this;
    }

    /**
     * What every worker runs before its first task; see {@link #initializer(SerializableRunnable)}.
     *
     * @param <A> the type of the argument
     * @param initializer a task
     * @param a its argument
     * @return this
     */
    public <A> Builder initializer(SerializableConsumer<? super A> initializer, A a) {
      Objects.requireNonNull(initializer, "initializer");
      return initializer(() -> initializer.accept(a));
    }

    /**
     * What every worker runs before its first task; see {@link #initializer(SerializableRunnable)}.
     * More arguments can be captured by a lambda.
     *
     * @param <A> the type of the first argument
     * @param <B> the type of the second argument
     * @param initializer a task
     * @param a its first argument
     * @param b its second argument
     * @return this
     */
    public <A, B> Builder initializer(
        SerializableBiConsumer<? super A, ? super B> initializer, A a, B b) {
      Objects.requireNonNull(initializer, "initializer");
      return initializer(() -> initializer.accept(a, b));
    }

    /**
     * Is refused.
     *
     * @param tasks after which Python replaces a worker process by a new one
     * @return never
     * @throws UnsupportedOperationException always
     */
    @SuppressWarnings("DoNotCallSuggester") // people look for it, and are to read why
    public Builder maxTasksPerChild(int tasks) {
      throw new UnsupportedOperationException(
          "maxTasksPerChild(%d): MPI ranks are not replaced, because a job keeps the ranks it was"
                  .formatted(tasks)
              + " started with. Release what piles up in the task itself, or open a new pool.");
    }

    /**
     * Opens the pool; see {@link MPIPool#MPIPool()}.
     *
     * @return on main an open pool, on workers one that has been closed
     */
    public MPIPool open() {
      return new MPIPool(options.open(), true);
    }
  }
}
