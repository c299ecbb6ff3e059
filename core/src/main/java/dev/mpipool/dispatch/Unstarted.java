package dev.mpipool.dispatch;

import dev.mpipool.serial.TaskCall;

/**
 * A task that was cancelled before any worker began it. Keeps what the done future has released.
 *
 * @param future of the task
 * @param call the user's code with its arguments; null for a chunk
 * @param original what the user submitted
 * @param order the place in the order of submissions
 */
public record Unstarted(TaskFuture<?> future, TaskCall call, Object original, int order) {

  static Unstarted of(ScheduledTask task) {
    return new Unstarted(task.future, task.future.call(), task.future.original(), task.order);
  }
}
