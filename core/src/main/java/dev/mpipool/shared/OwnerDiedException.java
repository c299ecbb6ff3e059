package dev.mpipool.shared;

/**
 * The lock was granted, <b>and is held</b> by the thread that gets this exception, but the rank
 * that held it before died without unlocking: what the lock protects may be half done.
 */
public class OwnerDiedException extends RuntimeException {

  private static final long serialVersionUID = 1;

  /**
   * Creates an exception.
   *
   * @param message names the rank that died
   */
  public OwnerDiedException(String message) {
    super(message);
  }
}
