package dev.mpipool.comm;

import dev.mpipool.device.TcpDevice;
import dev.mpipool.link.LauncherLink;
import dev.mpipool.memory.Memory;
import dev.mpipool.transport.RankQueues;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Which ranks of the job are known to be dead, by our launcher's word or our device's. */
final class LostRanks {

  private static final Map<Integer, String> LOST = new LinkedHashMap<>();
  private static final List<RankLostListener> LISTENERS = new ArrayList<>();

  static {
    LauncherLink.current().ifPresent(link -> link.onRankLost(LostRanks::lost));
    if (TcpDevice.current() != null) {
      TcpDevice.current().onRankLost(LostRanks::lostByDevice);
    }
    if (RankQueues.areSharedWith(LostRanks.class)) {
      RankQueues.onRankExited(LostRanks::lost);
    }
  }

  /**
   * The launcher knows more than the device: how a process ended. It is given this time to say,
   * since a process may close its connections well before its end; the loss is known within 1 s.
   */
  private static final long LAUNCHER_MILLIS = 700;

  private LostRanks() {}

  private static void lostByDevice(int rank) {
    Memory.persist(() -> loseSoon(rank));
  }

  private static void loseSoon(int rank) {
    String reason = "its process ended, or its connection broke";
    if (LauncherLink.current().isPresent()) {
      CompletableFuture.delayedExecutor(LAUNCHER_MILLIS, TimeUnit.MILLISECONDS, Runnable::run)
          .execute(() -> Memory.persist(() -> lost(rank, reason)));
    } else {
      lost(rank, reason);
    }
  }

  /** Registers a listener for ranks of the whole job, which also hears of those lost before. */
  static void listen(RankLostListener listener) {
    Map<Integer, String> before;
    synchronized (LOST) {
      LISTENERS.add(listener);
      before = new LinkedHashMap<>(LOST);
    }
    before.forEach(listener::rankLost);
  }

  static void forget(RankLostListener listener) {
    synchronized (LOST) {
      LISTENERS.remove(listener);
    }
  }

  static boolean none() {
    synchronized (LOST) {
      return LOST.isEmpty();
    }
  }

  /** The first to bring the news is believed about the reason. */
  private static void lost(int rank, String reason) {
    List<RankLostListener> told;
    synchronized (LOST) {
      if (LOST.containsKey(rank)) {
        return;
      }
      told = List.copyOf(LISTENERS);
      LOST.put(rank, reason);
    }
    told.forEach(listener -> listener.rankLost(rank, reason));
  }
}
