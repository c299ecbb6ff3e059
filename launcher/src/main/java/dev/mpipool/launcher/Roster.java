package dev.mpipool.launcher;

import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** The ranks that are in {@code MPI.Init}, and where each of them listens. */
final class Roster {
  private final int np;
  private final Map<Integer, String> entries = new TreeMap<>();

  Roster(int np) {
    this.np = np;
  }

  /**
   * Enters a rank.
   *
   * @return once all ranks are there: the list, in the words of MPJ Express's starter
   */
  synchronized Optional<String> enter(int rank, String host, int writePort, int readPort) {
    entries.put(rank, ";" + host + "@" + readPort + "@" + writePort + "@" + rank);
    return isComplete()
        ? Optional.of("#Peer Information" + String.join("", entries.values()))
        : Optional.empty();
  }

  synchronized boolean isComplete() {
    return entries.size() == np;
  }

  /** Whether some ranks wait for others. */
  synchronized boolean isWaitedFor() {
    return !entries.isEmpty() && !isComplete();
  }

  synchronized boolean contains(int rank) {
    return entries.containsKey(rank);
  }
}
