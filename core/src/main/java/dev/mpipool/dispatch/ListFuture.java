package dev.mpipool.dispatch;

import dev.mpipool.memory.Memory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/**
 * One future for the results of several tasks, in the tasks' order. If the user cancels or
 * completes it early, the tasks are cancelled.
 *
 * @param <T> the type of a result
 */
final class ListFuture<T> extends CompletableFuture<List<T>> {

  /** Refers to the tasks; null once this future is done. */
  private volatile Consumer<Boolean> onUnwanted;

  /** Done when all tasks are. If any failed, fails like the first of those in the list. */
  static <T> ListFuture<T> of(List<TaskFuture<T>> tasks) {
    ListFuture<T> list = new ListFuture<>();
    list.onUnwanted(interrupt -> tasks.forEach(task -> task.cancel(interrupt)));
    Runnable collecting = () -> list.collect(tasks);
    AtomicInteger open = new AtomicInteger(tasks.size());
    for (TaskFuture<T> task : tasks) { // not allOf, which loses dependents when memory runs out
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

  /**
   * Sets the action to run if the user completes this future; it is passed whether to interrupt.
   */
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
