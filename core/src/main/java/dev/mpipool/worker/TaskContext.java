package dev.mpipool.worker;

import dev.mpipool.comm.Communicator;
import java.util.Optional;
import java.util.OptionalInt;

/** Tells a thread whether it runs a task, on which worker, and what it finds there. */
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
   * The worker whose task the calling thread runs.
   *
   * @return its rank in the pool's communicator; empty on any other thread
   */
  public static OptionalInt rank() {
    TaskContext context = CURRENT.get();
    return context == null ? OptionalInt.empty() : OptionalInt.of(context.rank);
  }

  /**
   * What main has sent to the worker whose task the calling thread runs.
   *
   * @return empty on any other thread
   */
  public static Optional<SharedValues> shared() {
    return Optional.ofNullable(CURRENT.get()).map(context -> context.shared);
  }

  /**
   * The group with which the calling thread's task runs.
   *
   * @return empty if it runs alone
   */
  public static Optional<Communicator> group() {
    return Optional.ofNullable(CURRENT.get()).map(context -> context.group);
  }

  /** The calling thread runs tasks from now on. */
  static void enter(int rank, SharedValues shared) {
    CURRENT.set(new TaskContext(rank, shared));
  }

  /** The calling thread's task belongs to a group, or to none any more, if null. */
  static void setGroup(Communicator group) {
    CURRENT.get().group = group;
  }
}
