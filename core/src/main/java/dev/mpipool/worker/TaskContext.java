package dev.mpipool.worker;

import java.util.OptionalInt;

/** Tells a thread whether it runs a task, and on which worker. */
public final class TaskContext {

  private static final ThreadLocal<Integer> RANK = new ThreadLocal<>();

  private TaskContext() {}

  /**
   * The worker whose task the calling thread runs.
   *
   * @return its rank in the pool's communicator; empty on any other thread
   */
  public static OptionalInt rank() {
    Integer rank = RANK.get();
    return rank == null ? OptionalInt.empty() : OptionalInt.of(rank);
  }

  static void enter(int rank) {
    RANK.set(rank);
  }
}
