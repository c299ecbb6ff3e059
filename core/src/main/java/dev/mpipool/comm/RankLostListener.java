package dev.mpipool.comm;

/** Is told of lost ranks. */
@FunctionalInterface
public interface RankLostListener {

  /**
   * A rank has died: its process has ended, or its connection is gone for good.
   *
   * @param rank its number in the communicator the listener was registered with
   * @param reason what is known of its end, for people
   */
  void rankLost(int rank, String reason);
}
