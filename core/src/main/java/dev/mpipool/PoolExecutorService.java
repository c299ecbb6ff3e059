package dev.mpipool;

import dev.mpipool.comm.Communicator;
import dev.mpipool.dispatch.ExecutedTask;
import dev.mpipool.dispatch.TaskFuture;
import dev.mpipool.dispatch.Unstarted;
import dev.mpipool.serial.TaskCall;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ForkJoinTask;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.RunnableFuture;
import java.util.concurrent.TimeUnit;

/**
 * The {@link java.util.concurrent.ExecutorService} of a pool: single tasks of all kinds, and the
 * shutdown. It turns what users submit into {@link TaskFuture}s and hands these to {@link
 * PoolOnMain}. Has no state and no lock of its own.
 *
 * <p>The class is not public: javac and Javadoc treat its methods as {@link MPIExecutor}'s own.
 */
abstract class PoolExecutorService extends AbstractExecutorService {

  /**
   * What newTaskFor made last in a thread. {@link java.util.concurrent.ExecutorCompletionService}
   * wraps it into a task of its own and passes that to execute, next and in the same thread.
   */
  private static final ThreadLocal<TaskFuture<?>> TO_BE_WRAPPED = new ThreadLocal<>();

  PoolExecutorService() {}

  /**
   * The pool.
   *
   * @throws IllegalStateException on a worker
   */
  abstract PoolOnMain onMain();

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
   * {@link #execute(SerializableRunnable)} does. Of a task of {@link CompletableFuture}'s own
   * asynchronous methods, the function runs on a worker, if the JVM lets mpipool look into it:
   * {@code --add-opens java.base/java.util.concurrent=ALL-UNNAMED}.
   *
   * @throws RejectedExecutionException if the pool is shut down, and if the task cannot travel,
   *     with a {@link TaskSerializationException} as its cause
   */
  @Override
  public void execute(Runnable task) {
    Objects.requireNonNull(task, "task");
    try {
      accept(task);
    } catch (RejectedExecutionException e) {
      AsyncStage.refused(task, e);
      throw e;
    }
  }

  private void accept(Runnable task) {
    TaskFuture<?> made = TO_BE_WRAPPED.get();
    TO_BE_WRAPPED.remove();
    if (task instanceof TaskFuture<?> future && future.isFor(onMain().dispatcher())) {
      submitted(future);
    } else if (made != null
        && task.getClass().getEnclosingClass() == ExecutorCompletionService.class) {
      submitted(made).whenComplete((value, failure) -> task.run());
    } else if (task instanceof ForkJoinTask<?> && AsyncStage.isStage(task)) {
      AsyncStage.execute(task, onMain());
    } else {
      TaskFuture<?> future =
          new ExecutedTask(onMain().dispatcher(), new Calls.OfRunnable(task), task);
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
   * @param workers how many, at least 1 and at most {@link MPIExecutor#size}
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

  private <T> TaskFuture<T> taskFor(TaskCall call, Object code) {
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
    return onMain().shutdownNow().stream().map(PoolExecutorService::runnable).toList();
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
}
