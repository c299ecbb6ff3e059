package dev.mpipool.worker;

import dev.mpipool.comm.Communicator;
import java.util.Optional;
import java.util.OptionalInt;

/** The context of a task thread: its worker, the shared values, and the current group. */
public final class TaskContext {

  private static final ThreadLocal<TaskContext> CURRENT = new ThreadLocal<>();

  private final int rank;
  private final SharedValues shared;
  private Communicator group;

  private TaskContext(int rank, SharedValues shared) {
    this.rank = rank;
    this.shared = shared;
  }

  /**
   * The rank of the worker whose task thread is calling.
   *
   * @return the rank in the pool's communicator; empty on other threads
   */
  public static OptionalInt rank() {
    TaskContext context = CURRENT.get();
    return context == null ? OptionalInt.empty() : OptionalInt.of(context.rank);
  }

  /**
   * The shared values of the worker whose task thread is calling.
   *
   * @return empty on other threads
   */
  public static Optional<SharedValues> shared() {
    return Optional.ofNullable(CURRENT.get()).map(context -> context.shared);
  }

  /**
   * The communicator of the group that runs the calling thread's task.
   *
   * @return empty if the task runs alone, and on other threads
   */
  public static Optional<Communicator> group() {
    return Optional.ofNullable(CURRENT.get()).map(context -> context.group);
  }

  /** Makes the calling thread a task thread. */
  static void enter(int rank, SharedValues shared) {
    CURRENT.set(new TaskContext(rank, shared));
  }

  /** Sets the group of the calling thread's task; null for none. */
  static void setGroup(Communicator group) {
    CURRENT.get().group = group;
  }
}
