package dev.mpipool.batch;

/** A batch has ended early; the cause is the reason. */
public final class BatchEndedException extends Exception {

  private static final long serialVersionUID = 1;

  BatchEndedException(Throwable cause) {
    super(cause);
  }
}
