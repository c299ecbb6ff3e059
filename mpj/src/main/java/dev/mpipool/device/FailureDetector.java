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

/**
 * Finds out which ranks of the job are lost, from the reports of mpipool's launcher and of the
 * device, and tells its listeners once for each. The monitor of {@code lost} guards both
 * collections; listeners are called without it.
 */
public final class FailureDetector {

  /**
   * How long a loss that the device has found waits for the launcher's report, which also says how
   * the process ended. A process may close its connections well before its end. All in all a loss
   * is reported within 1 s.
   */
  private static final long LAUNCHER_MILLIS = 700;

  private final Map<Integer, String> lost = new LinkedHashMap<>();
  private final List<RankLostListener> listeners = new ArrayList<>();

  /**
   * Registers with the launcher, if there is one, and with the device.
   *
   * @param device the device in use, or null
   */
  public FailureDetector(TcpDevice device) {
    LauncherLink.current().ifPresent(link -> link.onRankLost(this::lost));
    if (device != null) {
      device.onRankLost(rank -> Memory.persist(() -> lostByDevice(rank)));
    }
  }

  private void lostByDevice(int rank) {
    String reason = "its process ended, or its connection broke";
    if (LauncherLink.current().isPresent()) {
      CompletableFuture.delayedExecutor(LAUNCHER_MILLIS, TimeUnit.MILLISECONDS, Runnable::run)
          .execute(() -> Memory.persist(() -> lost(rank, reason)));
    } else {
      lost(rank, reason);
    }
  }

  /**
   * Registers a listener, which is also called for the ranks lost before.
   *
   * @param listener is called once for each lost rank
   */
  public void listen(RankLostListener listener) {
    Map<Integer, String> before;
    synchronized (lost) {
      listeners.add(listener);
      before = new LinkedHashMap<>(lost);
    }
    before.forEach(listener::rankLost);
  }

  /** The first report determines the reason. */
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
