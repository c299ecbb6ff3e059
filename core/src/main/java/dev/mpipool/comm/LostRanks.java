package dev.mpipool.comm;

/** Which ranks of the job are known to be dead: what our launcher says. */
final class LostRanks {

  private LostRanks() {}

  /** Registers a listener for ranks of the whole job, which also hears of those lost before. */
  static void listen(RankLostListener listener) {}

  static boolean none() {
    return true;
  }
}
