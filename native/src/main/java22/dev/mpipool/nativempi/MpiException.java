package dev.mpipool.nativempi;

import dev.mpipool.comm.CommunicatorException;

/** What a call of MPI has returned. */
final class MpiException extends CommunicatorException {

  private static final long serialVersionUID = 1;

  /** MPIX_ERR_PROC_FAILED of Open MPI, the only library that goes on after it. */
  private static final int RANK_LOST = 75;

  private final int code;

  MpiException(String message, int code) {
    super(message, null);
    this.code = code;
  }

  /** Whether the call has failed because a rank is lost. */
  boolean isLoss() {
    return code == RANK_LOST && FailureDetector.isAvailable();
  }
}
