package dev.mpipool.comm;

import dev.mpipool.device.LauncherLink;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Which ranks of the job are known to be dead: what our launcher says, where it started this
 * process.
 */
final class LostRanks {

  private static final Set<Integer> LOST = ConcurrentHashMap.newKeySet();

  static {
    listen((rank, reason) -> LOST.add(rank));
  }

  private LostRanks() {}

  /** Registers a listener for ranks of the whole job, which also hears of those lost before. */
  static void listen(RankLostListener listener) {
    LauncherLink.current().ifPresent(link -> link.onRankLost(listener::rankLost));
  }

  static boolean none() {
    return LOST.isEmpty();
  }
}
