package dev.mpipool.dispatch;

import java.util.List;

/**
 * One attempt at a group: the workers that run it together, which wait for each other's messages.
 * Guarded by the dispatcher's lock.
 */
final class GroupAttempt {

  private final List<Integer> ranks;
  private int inFlight;
  private boolean toldOfExclusion;

  GroupAttempt(List<Integer> ranks) {
    this.ranks = ranks;
  }

  /** The ranks of its workers, those that have answered included. */
  List<Integer> ranks() {
    return ranks;
  }

  /** A worker is given its part. */
  void begins() {
    inFlight++;
  }

  /** A worker no longer has its part. */
  void ends() {
    inFlight--;
  }

  /** Whether no worker runs it any more. */
  boolean isOver() {
    return inFlight == 0;
  }

  /**
   * Whether its workers know that one of them is excluded: then none waits for another any more.
   */
  boolean isToldOfExclusion() {
    return toldOfExclusion;
  }

  void toldOfExclusion() {
    toldOfExclusion = true;
  }
}
