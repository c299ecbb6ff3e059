package dev.mpipool.batch;

/** A batch has ended before its time; the cause says why. */
public final class BatchEndedException extends Exception {

  private static final long serialVersionUID = 1;

  BatchEndedException(Throwable cause) {
    super(cause);
  }
}
