package dev.mpipool.nativempi;

import dev.mpipool.comm.RankLostException;
import dev.mpipool.comm.RankLostListener;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** The ranks that are known to be lost, and those that leave. */
final class Losses {

  /** More is not known, whether it was killed or has exited. */
  static final String REASON = "its process has ended";

  /** How long a message that a rank sent before it left may take to arrive. */
  private static final long LAST_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

  private final Map<Integer, String> reasons = new LinkedHashMap<>();

  /** By rank: when the news that it leaves arrived. */
  private final Map<Integer, Long> leavers = new ConcurrentHashMap<>();

  private final List<RankLostListener> listeners = new ArrayList<>();
  private volatile boolean some;

  /** When a wait of this rank last failed because another leaves; null before. */
  private volatile Long failedForLeaver;

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
   * A rank has said that it leaves. Only threads that serve others still send and receive there.
   */
  void leaves(int rank) {
    leavers.putIfAbsent(rank, System.nanoTime());
  }

  /** Waits of this rank fail because another one leaves. */
  void failForLeaver() {
    failedForLeaver = System.nanoTime();
  }

  /** Whether waits have failed because another rank leaves, not longer ago than this. */
  boolean hasFailedForLeaver(long nanos) {
    Long time = failedForLeaver;
    return time != null && System.nanoTime() - time < nanos;
  }

  /**
   * Fails for a lost rank, and for one that has left and has not done its part.
   *
   * @throws RankLostException if the other rank will not end this wait
   */
  void check(int rank, Waiting waiting) {
    check(rank);
    Long since = leavers.isEmpty() ? null : leavers.get(rank);
    if (since != null && System.nanoTime() - since > LAST_NANOS && waiting.hasLasted(LAST_NANOS)) {
      failForLeaver();
      throw new RankLostException(
          rank,
          "Rank %d has left the job (MPIRuntime.finish or MPI.Finalize)".formatted(rank),
          null);
    }
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
