package dev.mpipool.device;

import dev.mpipool.comm.RankLostListener;
import dev.mpipool.link.LauncherLink;
import dev.mpipool.memory.Memory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Which ranks of the job are known to be lost, by our launcher's word or our device's. */
public final class LossReports {

  /**
   * The launcher knows more than the device: how a process ended. It is given this time to say,
   * since a process may close its connections well before its end; the loss is known within 1 s.
   */
  private static final long LAUNCHER_MILLIS = 700;

  private final Map<Integer, String> lost = new LinkedHashMap<>();
  private final List<RankLostListener> listeners = new ArrayList<>();

  /**
   * Listens.
   *
   * @param device the one in use, or null
   */
  public LossReports(TcpDevice device) {
    LauncherLink.current().ifPresent(link -> link.onRankLost(this::lost));
    if (device != null) {
      device.onRankLost(rank -> Memory.persist(() -> loseSoon(rank)));
    }
  }

  private void loseSoon(int rank) {
    String reason = "its process ended, or its connection broke";
    if (LauncherLink.current().isPresent()) {
      CompletableFuture.delayedExecutor(LAUNCHER_MILLIS, TimeUnit.MILLISECONDS, Runnable::run)
          .execute(() -> Memory.persist(() -> lost(rank, reason)));
    } else {
      lost(rank, reason);
    }
  }

  /**
   * Registers a listener, which also hears of the ranks lost before.
   *
   * @param listener hears of each lost rank
   */
  public void listen(RankLostListener listener) {
    Map<Integer, String> before;
    synchronized (lost) {
      listeners.add(listener);
      before = new LinkedHashMap<>(lost);
    }
    before.forEach(listener::rankLost);
  }

  /** The first to bring the news is believed about the reason. */
  private void lost(int rank, String reason) {
    List<RankLostListener> told;
    synchronized (lost) {
      if (lost.containsKey(rank)) {
        return;
      }
      told = List.copyOf(listeners);
      lost.put(rank, reason);
    }
    told.forEach(listener -> listener.rankLost(rank, reason));
  }
}
