package dev.mpipool.dispatch;

import dev.mpipool.memory.Memory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/**
 * One future for the results of several tasks, in their order. Whoever cancels or completes it
 * before its time cancels the tasks.
 *
 * @param <T> the type of a result
 */
final class ListFuture<T> extends CompletableFuture<List<T>> {

  /** Holds the tasks, and so is null when this is done. */
  private volatile Consumer<Boolean> onUnwanted;

  /** A list of what these tasks return; fails when all are done, with the first's failure. */
  static <T> ListFuture<T> of(List<TaskFuture<T>> tasks) {
    ListFuture<T> list = new ListFuture<>();
    list.onUnwanted(interrupt -> tasks.forEach(task -> task.cancel(interrupt)));
    Runnable collecting = () -> list.collect(tasks);
    AtomicInteger open = new AtomicInteger(tasks.size());
    for (TaskFuture<T> task : tasks) { // not allOf, which forgets who waits if memory runs out
      task.whenComplete(
          (value, failure) -> {
            if (open.decrementAndGet() == 0) {
              Memory.persist(collecting);
            }
          });
    }
    if (tasks.isEmpty()) {
      collecting.run();
    }
    return list;
  }

  private void collect(List<TaskFuture<T>> tasks) {
    List<T> values = new ArrayList<>(tasks.size());
    for (TaskFuture<T> task : tasks) {
      if (task.isCompletedExceptionally()) {
        task.whenComplete((value, failure) -> fail(failure));
        return;
      }
      values.add(task.join());
    }
    succeed(values);
  }

  /** What to do when the user completes this future; it is told whether to interrupt. */
  void onUnwanted(Consumer<Boolean> action) {
    onUnwanted = action;
  }

  void succeed(List<T> values) {
    super.complete(values);
    onUnwanted = null;
  }

  void fail(Throwable failure) {
    if (failure instanceof CancellationException) {
      super.cancel(false);
    } else {
      super.completeExceptionally(failure);
    }
    onUnwanted = null;
  }

  @Override
  public boolean complete(List<T> value) {
    return unwanted(super.complete(value), true);
  }

  @Override
  public boolean completeExceptionally(Throwable failure) {
    return unwanted(super.completeExceptionally(failure), true);
  }

  @Override
  public boolean cancel(boolean mayInterruptIfRunning) {
    boolean wasDone = isDone();
    boolean cancelled = super.cancel(mayInterruptIfRunning);
    unwanted(!wasDone && cancelled, mayInterruptIfRunning);
    return cancelled;
  }

  private boolean unwanted(boolean justCompleted, boolean interrupt) {
    Consumer<Boolean> action = onUnwanted;
    if (justCompleted && action != null) {
      action.accept(interrupt);
      onUnwanted = null;
    }
    return justCompleted;
  }
}
