package dev.mpipool;

import dev.mpipool.comm.Communicator;
import dev.mpipool.dispatch.TaskFuture;
import dev.mpipool.dispatch.Unstarted;
import dev.mpipool.wire.Envelope;
import dev.mpipool.wire.LeanSerializer;
import dev.mpipool.wire.Serializer;
import dev.mpipool.worker.TaskContext;
import java.io.ObjectInputFilter;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.RunnableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.commons.lang3.exception.ExceptionUtils;

/**
 * An {@link java.util.concurrent.ExecutorService} whose tasks run on the ranks of an MPI job.
 *
 * <p>Every rank of the communicator creates one, at the same point of the program. On <b>main</b>
 * (rank 0 unless the builder says otherwise) the constructor returns at once, and the pool takes
 * tasks. The other ranks are <b>workers</b>: they stay inside the constructor and run tasks until
 * main closes the pool. Then they come out of it, too, and {@link #workersExit} takes them past the
 * block that is main's.
 *
 * <pre>{@code
 * args = MPIRuntime.init(args);
 * try (MPIExecutor executor = new MPIExecutor()) {
 *   executor.workersExit();
 *   CompletableFuture<Integer> answer = executor.submit(() -> 6 * 7);
 *   System.out.println(answer.get());
 * } catch (WorkersExitException e) {
 *   // a worker goes on below
 * }
 * MPIRuntime.finish();
 * }</pre>
 *
 * or, with nothing to forget, {@link #run(String[], MainBody)}. Without MPI, and on a single rank,
 * the workers are threads of this process, as many as the system property {@code
 * mpipool.local.workers} says or else as there are processors; tasks travel to them in the same
 * way.
 *
 * <p><b>Tasks</b> and their arguments and results have to be serializable. A lambda is, where it is
 * passed to a method of this class; passed through a variable of type {@code ExecutorService} it is
 * not, and its future fails with a {@link TaskSerializationException} that says so. A task is
 * turned into bytes in the thread that submits it, before {@code submit} returns: later changes of
 * what it captured make no difference. What a task captures and its arguments arrive as one graph:
 * an object that is reached in two ways is one object on the worker, too (strings and boxed
 * primitives aside). Classes do not travel: every rank runs the same program.
 *
 * <p><b>Results.</b> A task's exception is the cause of the {@link
 * java.util.concurrent.ExecutionException} that {@code get} throws, with its own type and the
 * worker's stack trace, or a {@link RemoteTaskException} if it cannot travel. If workers die, a
 * task is given to another, to three workers at most ({@link Builder#maxAttempts}); so it can run
 * more than once.
 *
 * <p><b>Futures.</b> {@code cancel} keeps a task from beginning, wherever it is; if it runs
 * already, {@code cancel(true)} interrupts it, as do {@code orTimeout} and {@code
 * completeOnTimeout} when the time is over, and {@code cancel(false)} lets it run and drops its
 * answer, as do {@code complete} and its like. A future that is done keeps its result alone: what
 * the task captured and its arguments can be garbage-collected. A task, or a group of them, is run
 * whether its future is held or not.
 *
 * <p><b>Threads.</b> Main's side may be used by any thread. Callbacks of futures run on threads of
 * the pool, not on those that receive; they may block, but should not for long. What happened in a
 * thread before it submitted a task happens before the task's encoding, and the task's end happens
 * before its future is done. Tasks must not use the pool; a task that could (where workers are
 * threads of main's process) gets an {@link IllegalStateException}.
 *
 * <p><b>A pool that nobody holds</b> stays open until it is closed or the process ends: its workers
 * are in it.
 *
 * <p><b>On a worker</b> all methods that deal with tasks throw {@link IllegalStateException}.
 */
public final class MPIExecutor extends AbstractExecutorService implements AutoCloseable {

  private final boolean main;
  private final int rank;

  /** The pool, on main; null on a worker. */
  private final PoolOnMain pool;

  /**
   * What newTaskFor made last in a thread. {@link java.util.concurrent.ExecutorCompletionService}
   * wraps it into a task of its own and passes that to execute, next and in the same thread.
   */
  private static final ThreadLocal<TaskFuture<?>> TO_BE_WRAPPED = new ThreadLocal<>();

  /**
   * Opens a pool over all ranks of the job, with rank 0 as main. Collective. On workers it returns
   * when main has closed the pool.
   *
   * @throws BrokenExecutorException on a worker, if main was lost or ended without closing the pool
   * @throws IllegalStateException if a launcher started this process as a rank, and MPI is not
   *     initialized; in a task; and if main has a pool on the same ranks that is not closed
   */
  public MPIExecutor() {
    this(builder());
  }

  private MPIExecutor(Builder options) {
    if (TaskContext.rank().isPresent()) {
      throw new IllegalStateException(
          "A task cannot open a pool: the other ranks run tasks, too, and nobody would join it. Open it"
              + " where all ranks are, before or after this one.");
    }
    Communicator communicator =
        options.communicator == null ? Communicator.world() : options.communicator;
    if (options.main >= communicator.size()) {
      throw new IllegalArgumentException(
          "Main cannot be rank %d: there are %d ranks"
              .formatted(options.main, communicator.size()));
    }
    rank = communicator.rank();
    main = rank == options.main;
    LeanSerializer serializer = Serializers.create(options.serializer, options.filter);
    pool = main ? PoolOnMain.open(communicator, options.ofMain(serializer)) : null;
    if (!main) {
      PoolOnWorker.serve(communicator, options.main, options.rejoin, serializer);
    }
  }

  /**
   * Options for a pool.
   *
   * @return a builder with the defaults
   */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Runs a program on all ranks: initializes MPI, opens a pool, runs the body on main, closes the
   * pool, ends MPI. Returns on every rank. If the body throws, tasks are cancelled, and the
   * exception leaves this method on main, checked or not, so that the program ends with exit code
   * 1. A worker that has lost main ends its process, where it has one, with the exit code 1; if
   * main lives, for it that is a lost worker.
   *
   * @param args the arguments of the program's main
   * @param body what main does
   */
  public static void run(String[] args, MainBody body) {
    run(args, builder(), body);
  }

  /**
   * Runs a program on all ranks, as {@link #run(String[], MainBody)} does, on a pool with options.
   *
   * @param args the arguments of the program's main
   * @param builder the options
   * @param body what main does
   */
  public static void run(String[] args, Builder builder, MainBody body) {
    Objects.requireNonNull(body, "body");
    Objects.requireNonNull(builder, "builder");
    String[] own = MPIRuntime.init(args);
    MPIExecutor executor = PoolOnWorker.openOrEnd(builder);
    if (executor.main) {
      try {
        body.run(executor, own);
      } catch (Throwable failure) {
        executor.closeAfter(failure);
        ExceptionUtils.rethrow(failure);
      }
    }
    executor.close();
    MPIRuntime.finishMpi();
  }

  /** Ends what can be ended soon; what cannot is left to the end of the process. */
  private void closeAfter(Throwable failure) {
    try {
      pool.dispatcher().shutdownNow(); // no thread is to keep a program that fails
      if (pool.dispatcher().awaitTermination(3, TimeUnit.SECONDS)) {
        close();
        MPIRuntime.finishMpi();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      failure.addSuppressed(e);
    }
  }

  /**
   * The worker that runs the calling task.
   *
   * @return its rank in the pool's communicator; where workers are threads of main's process, a
   *     number from 1
   * @throws IllegalStateException outside a task
   */
  public static int currentRank() {
    return TaskContext.rank()
        .orElseThrow(
            () -> new IllegalStateException("currentRank() is for tasks, on their thread"));
  }

  /**
   * Whether this rank is the one that submits.
   *
   * @return true on one rank of a pool
   */
  public boolean isMain() {
    return main;
  }

  /**
   * Whether this rank has run tasks.
   *
   * @return true on all ranks but main
   */
  public boolean isWorker() {
    return !main;
  }

  /**
   * Takes workers out of the block that only main is to run; does nothing on main. A worker that
   * does not catch the exception ends without a trace on standard error.
   *
   * @throws WorkersExitException on a worker
   */
  public void workersExit() {
    if (!main) {
      WorkersExitException.letPassQuietly();
      throw new WorkersExitException();
    }
  }

  /**
   * How many workers live.
   *
   * @return 0 when all are lost or released, and when the pool is broken: none of them takes a task
   *     any more
   */
  public int size() {
    return onMain().dispatcher().size();
  }

  /**
   * How many living workers have no task.
   *
   * @return at most {@link #size}, so 0 when the pool is broken
   */
  public int idling() {
    return onMain().dispatcher().idling();
  }

  /**
   * Whether tasks are accepted.
   *
   * @return false after a shutdown, when the pool is broken, and on a worker
   */
  public boolean isOpen() {
    return main && pool.dispatcher().isOpen();
  }

  /**
   * Submits a task.
   *
   * @param <T> the type of its result
   * @param task what to run, not null
   * @return its future
   * @throws RejectedExecutionException if the pool is shut down; {@link BrokenExecutorException} if
   *     it is broken
   */
  public <T> CompletableFuture<T> submit(SerializableCallable<T> task) {
    return submit((Callable<T>) task);
  }

  /**
   * Submits a task without a result.
   *
   * @param task what to run, not null
   * @return its future, completed with null
   * @throws RejectedExecutionException if the pool is shut down; {@link BrokenExecutorException} if
   *     it is broken
   */
  public CompletableFuture<?> submit(SerializableRunnable task) {
    return submit((Runnable) task, null);
  }

  /**
   * Submits a task with a result that is known already. The result stays on main and need not be
   * serializable.
   *
   * @param <T> the type of the result
   * @param task what to run, not null
   * @param result completes the future when the task has run
   * @return its future
   * @throws RejectedExecutionException if the pool is shut down; {@link BrokenExecutorException} if
   *     it is broken
   */
  public <T> CompletableFuture<T> submit(SerializableRunnable task, T result) {
    return submit((Runnable) task, result);
  }

  /** {@inheritDoc} The task has to be serializable at run time. */
  @Override
  public <T> CompletableFuture<T> submit(Callable<T> task) {
    return submitted(taskFor(task));
  }

  /** {@inheritDoc} The task has to be serializable at run time. */
  @Override
  public CompletableFuture<?> submit(Runnable task) {
    return submit(task, null);
  }

  /** {@inheritDoc} The task has to be serializable at run time; the result stays on main. */
  @Override
  public <T> CompletableFuture<T> submit(Runnable task, T result) {
    return submitted(taskFor(task, result));
  }

  /**
   * Submits the call of a function.
   *
   * @param <A> the type of the argument
   * @param <R> the type of the result
   * @param fn the function, not null
   * @param a its argument
   * @return the future of its result
   * @throws RejectedExecutionException if the pool is shut down; {@link BrokenExecutorException} if
   *     it is broken
   */
  public <A, R> CompletableFuture<R> submit(SerializableFunction<? super A, ? extends R> fn, A a) {
    return submitted(taskFor(new Calls.OfFunction<A>(Objects.requireNonNull(fn, "fn"), a), fn));
  }

  /**
   * Submits the call of a function.
   *
   * @param <A> the type of the first argument
   * @param <B> the type of the second argument
   * @param <R> the type of the result
   * @param fn the function, not null
   * @param a its first argument
   * @param b its second argument
   * @return the future of its result
   * @throws RejectedExecutionException if the pool is shut down; {@link BrokenExecutorException} if
   *     it is broken
   */
  public <A, B, R> CompletableFuture<R> submit(
      SerializableBiFunction<? super A, ? super B, ? extends R> fn, A a, B b) {
    return submitted(
        taskFor(new Calls.OfBiFunction<A, B>(Objects.requireNonNull(fn, "fn"), a, b), fn));
  }

  /**
   * Submits the call of a function.
   *
   * @param <A> the type of the first argument
   * @param <B> the type of the second argument
   * @param <C> the type of the third argument
   * @param <R> the type of the result
   * @param fn the function, not null
   * @param a its first argument
   * @param b its second argument
   * @param c its third argument
   * @return the future of its result
   * @throws RejectedExecutionException if the pool is shut down; {@link BrokenExecutorException} if
   *     it is broken
   */
  public <A, B, C, R> CompletableFuture<R> submit(
      SerializableTriFunction<? super A, ? super B, ? super C, ? extends R> fn, A a, B b, C c) {
    return submitted(
        taskFor(new Calls.OfTriFunction<A, B, C>(Objects.requireNonNull(fn, "fn"), a, b, c), fn));
  }

  /**
   * Runs a task on a worker. What it throws, or what keeps it from running to its end, goes to
   * {@link Thread#getDefaultUncaughtExceptionHandler()} on main, called on a thread of the pool;
   * where none is set, it is printed to the standard error stream with the task's name and the
   * worker's rank.
   *
   * @param task what to run, not null
   * @throws RejectedExecutionException if the pool is shut down, and if the task cannot travel,
   *     with a {@link TaskSerializationException} as its cause
   */
  public void execute(SerializableRunnable task) {
    execute((Runnable) task);
  }

  /**
   * {@inheritDoc} The task has to be serializable at run time. Its failure goes where that of
   * {@link #execute(SerializableRunnable)} does.
   *
   * @throws RejectedExecutionException if the pool is shut down, and if the task cannot travel,
   *     with a {@link TaskSerializationException} as its cause
   */
  @Override
  public void execute(Runnable task) {
    Objects.requireNonNull(task, "task");
    TaskFuture<?> made = TO_BE_WRAPPED.get();
    TO_BE_WRAPPED.remove();
    if (task instanceof TaskFuture<?> future && future.isFor(onMain().dispatcher())) {
      submitted(future);
    } else if (made != null
        && task.getClass().getEnclosingClass() == ExecutorCompletionService.class) {
      submitted(made).whenComplete((value, failure) -> task.run());
    } else {
      TaskFuture<?> future =
          TaskFuture.executed(onMain().dispatcher(), new Calls.OfRunnable(task), task);
      Optional<TaskSerializationException> failure = onMain().submit(future);
      if (failure.isPresent()) {
        throw new RejectedExecutionException(failure.get().getMessage(), failure.get());
      }
    }
  }

  /**
   * Runs a task once on every living worker.
   *
   * @param <T> the type of its result
   * @param task what to run, not null
   * @return the future of the results in the order of ranks. It fails when all are done and one has
   *     failed, with a {@link WorkerLostException} if a worker was lost: such a task is not given
   *     to another. Cancelling it cancels all.
   * @throws RejectedExecutionException if the pool is shut down; {@link BrokenExecutorException} if
   *     it is broken
   */
  public <T> CompletableFuture<List<T>> submitToAll(SerializableCallable<T> task) {
    return onMain().submitToAll(Objects.requireNonNull(task, "task"));
  }

  /**
   * Runs a task on several workers together, each with a communicator of just these: they all begin
   * or none, so they can send to each other and call barriers. While workers are gathered for the
   * group whose turn it is, those that are free wait, and so do tasks submitted later; two groups
   * never wait for each other.
   *
   * @param <T> the type of its result
   * @param workers how many, at least 1 and at most {@link #size}
   * @param task what each of them runs, not null. The communicator ends with the task: it must not
   *     be used later.
   * @return the future of the results in the order of the group's ranks. When one member fails, the
   *     others are interrupted, calls of the communicator in which they wait throw a {@link
   *     dev.mpipool.comm.CommunicatorException}, and the future fails with that member's exception.
   *     When a member's worker dies, the whole group is run again by others. {@code cancel(true)}
   *     frees all members.
   * @throws IllegalArgumentException if there are not so many workers
   * @throws RejectedExecutionException if the pool is shut down; {@link BrokenExecutorException} if
   *     it is broken
   */
  public <T> CompletableFuture<List<T>> submitGroup(
      int workers, SerializableFunction<? super Communicator, ? extends T> task) {
    return onMain().submitGroup(workers, Objects.requireNonNull(task, "task"));
  }

  /**
   * Sends a value to every worker, once. Tasks that are submitted later capture the handle instead
   * of the value.
   *
   * @param <T> the type of the value
   * @param value serializable; null is allowed. It is encoded before this returns.
   * @return the handle, which frees the workers' memory when it is closed; closing the pool does
   *     so, too
   * @throws IllegalArgumentException if the value is not serializable, or takes more than 2 GiB
   * @throws RejectedExecutionException if the pool is shut down; {@link BrokenExecutorException} if
   *     it is broken
   */
  public <T> Broadcast<T> broadcast(T value) {
    return onMain().broadcast(value);
  }

  /**
   * Options for a batch, and its start.
   *
   * @return a builder with the defaults
   */
  public BatchBuilder batch() {
    onMain();
    return new PoolBatchBuilder(this);
  }

  /**
   * Runs a function over elements that are taken lazily; see {@link Batch}.
   *
   * @param <A> the type of the elements
   * @param <R> the type of the results
   * @param fn called with each element, not null
   * @param a the elements, not null; may contain null
   * @return the batch, at once
   * @throws RejectedExecutionException if the pool is shut down; {@link BrokenExecutorException} if
   *     it is broken
   */
  public <A, R> Batch<R> submitBatch(
      SerializableFunction<? super A, ? extends R> fn, Iterable<? extends A> a) {
    return batch().submit(fn, a);
  }

  /**
   * Runs a function over pairs of elements, up to the end of the shorter iterable; see {@link
   * #submitBatch(SerializableFunction, Iterable)}.
   *
   * @param <A> the type of the first elements
   * @param <B> the type of the second elements
   * @param <R> the type of the results
   * @param fn called with each pair
   * @param a the first elements
   * @param b the second elements
   * @return the batch, at once
   */
  public <A, B, R> Batch<R> submitBatch(
      SerializableBiFunction<? super A, ? super B, ? extends R> fn,
      Iterable<? extends A> a,
      Iterable<? extends B> b) {
    return batch().submit(fn, a, b);
  }

  /**
   * Runs a function over triples of elements, up to the end of the shortest iterable; see {@link
   * #submitBatch(SerializableFunction, Iterable)}.
   *
   * @param <A> the type of the first elements
   * @param <B> the type of the second elements
   * @param <C> the type of the third elements
   * @param <R> the type of the results
   * @param fn called with each triple
   * @param a the first elements
   * @param b the second elements
   * @param c the third elements
   * @return the batch, at once
   */
  public <A, B, C, R> Batch<R> submitBatch(
      SerializableTriFunction<? super A, ? super B, ? super C, ? extends R> fn,
      Iterable<? extends A> a,
      Iterable<? extends B> b,
      Iterable<? extends C> c) {
    return batch().submit(fn, a, b, c);
  }

  /**
   * A function's results for elements that are taken lazily, in their order. Nothing happens before
   * the stream is used; the function is encoded now. The stream takes from the elements as {@link
   * Batch} does, so it may be endless if the stream is cut short. An element's failure comes as a
   * {@link CompletionException} with the function's exception as its cause, after the results of
   * the elements before it, and cancels the rest; so does closing the stream. An iterator of the
   * stream that has thrown has ended.
   *
   * <p>The function, with what it captured, travels once to each worker, apart from the elements:
   * an object that it captured and that is also a part of an element is another object on the
   * worker.
   *
   * @param <A> the type of the elements
   * @param <R> the type of the results
   * @param fn called with each element, not null
   * @param a the elements, not null; may contain null
   * @return a sequential stream
   * @throws RejectedExecutionException if the pool is shut down; {@link BrokenExecutorException} if
   *     it is broken
   */
  public <A, R> Stream<R> map(
      SerializableFunction<? super A, ? extends R> fn, Iterable<? extends A> a) {
    return batch().map(fn, a);
  }

  /**
   * A function's results for pairs of elements, up to the end of the shorter iterable; see {@link
   * #map(SerializableFunction, Iterable)}. What both elements of a pair refer to is one object on
   * the worker.
   *
   * @param <A> the type of the first elements
   * @param <B> the type of the second elements
   * @param <R> the type of the results
   * @param fn called with each pair
   * @param a the first elements
   * @param b the second elements
   * @return a sequential stream
   */
  public <A, B, R> Stream<R> map(
      SerializableBiFunction<? super A, ? super B, ? extends R> fn,
      Iterable<? extends A> a,
      Iterable<? extends B> b) {
    return batch().map(fn, a, b);
  }

  /**
   * A function's results for triples of elements, up to the end of the shortest iterable; see
   * {@link #map(SerializableFunction, Iterable)}.
   *
   * @param <A> the type of the first elements
   * @param <B> the type of the second elements
   * @param <C> the type of the third elements
   * @param <R> the type of the results
   * @param fn called with each triple
   * @param a the first elements
   * @param b the second elements
   * @param c the third elements
   * @return a sequential stream
   */
  public <A, B, C, R> Stream<R> map(
      SerializableTriFunction<? super A, ? super B, ? super C, ? extends R> fn,
      Iterable<? extends A> a,
      Iterable<? extends B> b,
      Iterable<? extends C> c) {
    return batch().map(fn, a, b, c);
  }

  @Override
  protected <T> RunnableFuture<T> newTaskFor(Callable<T> callable) {
    TaskFuture<T> future = taskFor(callable);
    TO_BE_WRAPPED.set(future);
    return future;
  }

  @Override
  protected <T> RunnableFuture<T> newTaskFor(Runnable runnable, T value) {
    TaskFuture<T> future = taskFor(runnable, value);
    TO_BE_WRAPPED.set(future);
    return future;
  }

  private <T> TaskFuture<T> taskFor(Callable<T> task) {
    Objects.requireNonNull(task, "task");
    return taskFor(new Calls.OfCallable(task), task);
  }

  private <T> TaskFuture<T> taskFor(Runnable task, T result) {
    Objects.requireNonNull(task, "task");
    return TaskFuture.withResult(onMain().dispatcher(), new Calls.OfRunnable(task), task, result);
  }

  private <T> TaskFuture<T> taskFor(Envelope call, Object code) {
    return TaskFuture.of(onMain().dispatcher(), call, code);
  }

  /** Hands a task over; if it cannot travel, its future tells. */
  private <T> TaskFuture<T> submitted(TaskFuture<T> future) {
    onMain().submit(future).ifPresent(future::fail);
    return future;
  }

  /**
   * {@inheritDoc} They are done also if main returns meanwhile, as with the JDK's pools: until
   * then, and until the callbacks of their futures have returned, a thread that is no daemon keeps
   * the process, and a launcher the job.
   */
  @Override
  public void shutdown() {
    onMain().shutdown();
  }

  /**
   * {@inheritDoc} Tasks that workers have begun are interrupted. Those that they hold and have not
   * begun are called back, for which this method waits for two seconds at most: what a worker that
   * is stopped or cut off holds is cancelled without being returned, as are the elements of
   * batches. An interrupt does not end the wait.
   *
   * @return for each task that has not begun: what was passed to {@link #execute}, or else
   *     something that runs the task here; the futures of these tasks are cancelled. Of several
   *     calls, each such task is returned by one.
   */
  @Override
  public List<Runnable> shutdownNow() {
    return onMain().shutdownNow().stream().map(MPIExecutor::runnable).toList();
  }

  private static Runnable runnable(Unstarted never) {
    if (never.original() instanceof Runnable runnable) {
      return runnable;
    }
    return () -> {
      try {
        never.call().call();
      } catch (RuntimeException e) {
        throw e;
      } catch (Exception e) {
        throw new CompletionException(e);
      }
    };
  }

  @Override
  public boolean isShutdown() {
    return onMain().dispatcher().isShutdown();
  }

  /**
   * {@inheritDoc}
   *
   * @return true when all tasks are done and every worker has been released
   */
  @Override
  public boolean isTerminated() {
    return onMain().dispatcher().isTerminated();
  }

  @Override
  public boolean awaitTermination(long timeout, TimeUnit unit) throws InterruptedException {
    return onMain().dispatcher().awaitTermination(timeout, unit);
  }

  /**
   * Shuts the pool down, waits until all tasks are done, and releases the workers. If the calling
   * thread is interrupted, tasks are cancelled as by {@link #shutdownNow}, and it goes on waiting.
   * Does nothing on a worker, and when closed already.
   */
  @Override
  public void close() {
    if (TaskContext.rank().isPresent()) {
      throw new IllegalStateException(
          "A task cannot close a pool: it would wait for its own end. Close it on main.");
    }
    if (main) {
      pool.close();
    }
  }

  /**
   * What the pool is at.
   *
   * @return on main its state, its queue and what each worker holds; for people, not to be parsed
   */
  @Override
  public String toString() {
    String state = main ? pool.dispatcher().toString() : "[rank %d, a worker]".formatted(rank);
    return super.toString() + state;
  }

  PoolOnMain onMain() {
    if (!main) {
      throw new IllegalStateException(
          "Rank %d is a worker of this pool, and only main submits tasks: call workersExit() right after"
                  .formatted(rank)
              + " the constructor");
    }
    return pool;
  }

  /** Options for a pool. Every rank has to give the same. Not thread-safe. */
  public static final class Builder {

    private int main;
    private Communicator communicator;
    private boolean rejoin = true;
    private SerializableRunnable initializer;
    private int threadsPerWorker = 1;
    private ObjectInputFilter filter;
    private Serializer serializer;
    private int maxAttempts = 3;
    private Duration heartbeatTimeout = Duration.ofSeconds(10);

    private Builder() {}

    /**
     * Which rank is main.
     *
     * @param rank a rank of the communicator; 0 if not called
     * @return this
     */
    public Builder main(int rank) {
      if (rank < 0) {
        throw new IllegalArgumentException("Main cannot be rank " + rank);
      }
      this.main = rank;
      return this;
    }

    /**
     * The ranks of the pool. It uses a duplicate, so this one stays free for the program.
     *
     * @param communicator all of its ranks open the pool; {@link Communicator#world()} if not
     *     called
     * @return this
     */
    public Builder communicator(Communicator communicator) {
      this.communicator = Objects.requireNonNull(communicator, "communicator");
      return this;
    }

    /**
     * Whether workers come out of the pool when main has closed it, and go on with the program.
     *
     * @param rejoin false if they are to end: their process, or where ranks are threads their main.
     *     true if not called
     * @return this
     */
    public Builder rejoin(boolean rejoin) {
      this.rejoin = rejoin;
      return this;
    }

    /**
     * What every worker runs before its first task. The pool opens without waiting for it, and
     * workers that are through with it run tasks while others are at it. If it fails on one of
     * them, the pool is broken when main hears of that: every future that is not done fails with a
     * {@link BrokenExecutorException}, whose cause is what it threw, and later submissions throw
     * one. Only main's is used.
     *
     * @param initializer a task; nothing is run if not called
     * @return this
     */
    public Builder initializer(SerializableRunnable initializer) {
      this.initializer = Objects.requireNonNull(initializer, "initializer");
      return this;
    }

    /**
     * How many tasks a worker runs at a time, each on a thread of its own. Only main's number is
     * used.
     *
     * @param threads at least 1, which it is if not called
     * @return this
     */
    public Builder threadsPerWorker(int threads) {
      if (threads < 1) {
        throw new IllegalArgumentException(
            "A worker has at least one task thread, not %d".formatted(threads));
      }
      this.threadsPerWorker = threads;
      return this;
    }

    /**
     * What this rank lets in: asked before an object is made of bytes that have come from another
     * rank, on main for results and exceptions, on workers for tasks and what they need. Every rank
     * uses its own builder's. What is rejected fails the one future that it belongs to, with a
     * {@link TaskSerializationException} that names the class and the rank; an exception that main
     * rejects arrives as a {@link RemoteTaskException}.
     *
     * <p>The filter is asked as by {@link java.io.ObjectInputStream#setObjectInputFilter}, in
     * addition about primitive arrays (class and length) wherever they stand, and about the class
     * that a lambda stands in; so {@code
     * ObjectInputFilter.Config.createFilter("org.example.**;java.base/*;maxarray=1000000;!*")} lets
     * in the program's own classes and lambdas, and the JDK's. What it leaves undecided is let in.
     * Always allowed are null, boxed primitives, strings, arrays of up to 255 objects (what is in
     * them is asked about), and what mpipool itself wraps around tasks. The JVM's own filter,
     * {@code jdk.serialFilter}, is asked in any case, about these, too, except null, boxed
     * primitives and strings outside of other objects.
     *
     * <p>It is for Java's serialization: with another {@link #serializer} the pool does not open.
     *
     * @param filter asked by several threads at once; one that throws rejects
     * @return this
     */
    public Builder filter(ObjectInputFilter filter) {
      this.filter = Objects.requireNonNull(filter, "filter");
      return this;
    }

    /**
     * What turns values into bytes and back, on this rank, instead of Java's serialization; see
     * {@link Serializer} for which values these are. Every rank has to give one of the same {@link
     * Serializer#format}: else every future fails with a {@link BrokenExecutorException} that has
     * both. Whatever the serializer can write may then travel, {@link java.io.Serializable} or not;
     * lambdas still have to be serializable, and what they capture goes through the serializer.
     *
     * <p>A pool whose builder says nothing takes the class that the system property {@code
     * mpipool.serializer} names, made by its public constructor without parameters, and if there is
     * no such property Java's serialization.
     *
     * @param serializer used by several threads at once; where workers are threads of main's
     *     process, by them, too
     * @return this
     */
    public Builder serializer(Serializer serializer) {
      this.serializer = Objects.requireNonNull(serializer, "serializer");
      return this;
    }

    /**
     * How many workers may be lost with a task before its future fails with a {@link
     * WorkerLostException}. A worker that was given up may have run the task, so with more than one
     * attempt a task can run more than once. Of a batch, the elements of a chunk are tried
     * together. Only main's number is used.
     *
     * @param workers at least 1, with which no task begins twice; 3 if not called
     * @return this
     */
    public Builder maxAttempts(int workers) {
      if (workers < 1) {
        throw new IllegalArgumentException(
            "A task is given to at least one worker, not %d".formatted(workers));
      }
      this.maxAttempts = workers;
      return this;
    }

    /**
     * How long a worker may be silent before it counts as lost. A worker answers main's question
     * whether it is there while its tasks run, so only one that is stopped, cut off or short of
     * processor time for so long is silent; its tasks are given to others. A worker whose process
     * ends is noticed at once, whatever is set here. Time in which main was stopped itself does not
     * count. Only main's setting is used.
     *
     * @param timeout more than zero; 10 s if not called. Less than a second leaves no room for a
     *     long pause of the garbage collector.
     * @return this
     */
    public Builder heartbeatTimeout(Duration timeout) {
      if (timeout.isNegative() || timeout.isZero()) {
        throw new IllegalArgumentException(
            "The heartbeat timeout has to be more than zero, not " + timeout);
      }
      this.heartbeatTimeout = timeout;
      return this;
    }

    private PoolOnMain.Options ofMain(LeanSerializer serializer) {
      return new PoolOnMain.Options(
          threadsPerWorker, maxAttempts, heartbeatTimeout, initializer, serializer);
    }

    /**
     * Opens the pool; see {@link MPIExecutor#MPIExecutor()}.
     *
     * @return on main an open pool, on workers one that has been closed
     * @throws IllegalStateException if there are a filter and a serializer that does not ask it
     * @throws IllegalArgumentException if the serializer that the system property names cannot be
     *     made
     */
    public MPIExecutor open() {
      return new MPIExecutor(this);
    }
  }
}
