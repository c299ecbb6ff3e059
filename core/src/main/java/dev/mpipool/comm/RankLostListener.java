package dev.mpipool.comm;

/**
 * Informed of lost ranks.
 *
 * <p>Example:
 *
 * <pre>{@code
 * Communicator.world().onRankLost((rank, reason) -> System.err.println("lost " + rank + ": " + reason));
 * }</pre>
 */
@FunctionalInterface
public interface RankLostListener {

  /**
   * A rank is lost: its process has ended, or its connection is permanently broken.
   *
   * @param rank in the communicator with which the listener was registered
   * @param reason why the rank was lost, for people
   */
  void rankLost(int rank, String reason);
}
