package dev.mpipool.comm;

/** What the loss of a rank costs the others. */
public enum FailureModel {

  /** Only the lost rank: messages between all others arrive as before, and the loss is reported. */
  PER_RANK,

  /**
   * All ranks: the launcher ends the job, or nothing arrives any more after the first loss. The
   * loss may be reported before.
   */
  WHOLE_JOB,

  /** No rank can be lost without this one: all are threads of this process. */
  NONE;

  /**
   * Whether the other ranks can go on when one is lost.
   *
   * @return false only for {@link #WHOLE_JOB}
   */
  public boolean othersSurvive() {
    return this != WHOLE_JOB;
  }
}
