package dev.mpipool.nativempi;

import dev.mpipool.comm.RankLostException;
import dev.mpipool.comm.RankLostListener;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The ranks that are known to be lost. */
final class Losses {

  /** More is not known, whether it was killed or has exited. */
  static final String REASON = "its process has ended";

  private final Map<Integer, String> reasons = new LinkedHashMap<>();
  private final List<RankLostListener> listeners = new ArrayList<>();
  private volatile boolean some;

  /** A rank is lost; only the first time counts. */
  void lost(int rank, String reason) {
    List<RankLostListener> hear;
    synchronized (this) {
      if (reasons.putIfAbsent(rank, reason) != null) {
        return;
      }
      some = true;
      hear = List.copyOf(listeners);
    }
    hear.forEach(listener -> listener.rankLost(rank, reason));
  }

  /** Registers a listener, which hears of those lost before, too. */
  void listen(RankLostListener listener) {
    Map<Integer, String> before;
    synchronized (this) {
      listeners.add(listener);
      before = new LinkedHashMap<>(reasons);
    }
    before.forEach(listener::rankLost);
  }

  synchronized boolean isLost(int rank) {
    return reasons.containsKey(rank);
  }

  /**
   * Fails for a lost rank.
   *
   * @throws RankLostException if it is lost
   */
  void check(int rank) {
    if (some) {
      throwIfLost(rank);
    }
  }

  private synchronized void throwIfLost(int rank) {
    String reason = reasons.get(rank);
    if (reason != null) {
      throw new RankLostException(rank, "Rank %d is lost: %s".formatted(rank, reason), null);
    }
  }
}
