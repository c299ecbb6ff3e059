package dev.mpipool.comm;

/**
 * The effect of the loss of a rank on the others.
 *
 * <p>Example:
 *
 * <pre>{@code
 * if (!Communicator.world().failureModel().othersSurvive()) {
 *   System.err.println("the first lost rank ends this job");
 * }
 * }</pre>
 */
public enum FailureModel {

  /** Only the lost rank is affected: the others still exchange messages. The loss is reported. */
  PER_RANK,

  /**
   * All ranks are affected: after the first loss the launcher ends the job, or no message arrives
   * any more. The loss may be reported before.
   */
  WHOLE_JOB,

  /** No rank can be lost alone: all are threads of this process. */
  NONE;

  /**
   * Whether the other ranks can continue when one is lost.
   *
   * @return false only for {@link #WHOLE_JOB}
   */
  public boolean othersSurvive() {
    return this != WHOLE_JOB;
  }
}
