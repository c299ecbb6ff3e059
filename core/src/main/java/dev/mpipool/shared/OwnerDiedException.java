package dev.mpipool.shared;

/**
 * The lock was granted, <b>and is held</b> by the thread that gets this exception, but the rank
 * that held it before died, or left its job, without unlocking: what the lock protects may be half
 * done.
 *
 * <p>Example:
 *
 * <pre>{@code
 * MPILock lock = new MPILock(Communicator.world());
 * try {
 *   lock.lock();
 * } catch (OwnerDiedException e) {
 *   System.err.println("look after the file first; the lock is held");
 * }
 * try {
 *   System.out.println("one rank at a time");
 * } finally {
 *   lock.unlock();
 * }
 * }</pre>
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
