package dev.mpipool.device;

import mpi.MPIException;

/**
 * An operation failed because the process of another rank is gone: it was killed, it crashed, or it
 * ended without {@code MPI.Finalize}. Where {@link #hasLeft}, the other rank is in {@code
 * MPI.Finalize}, and the operation could not complete any more.
 *
 * <p>MPJ Express wraps what a device throws, sometimes twice, so a program finds this exception
 * somewhere among the causes of the {@link MPIException} it catches; {@link #find} looks there.
 */
public final class RankLostException extends MPIException {

  private final int rank;
  private final boolean hasLeft;

  /**
   * Names the rank that is gone.
   *
   * @param rank its rank in {@code MPI.COMM_WORLD}
   */
  public RankLostException(int rank) {
    this(rank, "is lost: its process ended without MPI.Finalize", false);
  }

  private RankLostException(int rank, String how, boolean hasLeft) {
    super("rank " + rank + " of MPI.COMM_WORLD " + how);
    this.rank = rank;
    this.hasLeft = hasLeft;
  }

  /** The exception for an operation that needs a rank which has called MPI.Finalize. */
  static RankLostException left(int rank) {
    return new RankLostException(rank, "has left the job (MPI.Finalize)", true);
  }

  /**
   * The rank that is gone.
   *
   * @return its rank in {@code MPI.COMM_WORLD}
   */
  public int rank() {
    return rank;
  }

  /**
   * Whether the rank has left the job in an orderly way.
   *
   * @return true if it has called {@code MPI.Finalize}; false if it is lost
   */
  public boolean hasLeft() {
    return hasLeft;
  }

  /**
   * Looks for a lost rank among an exception and its causes.
   *
   * @param thrown what an MPI call threw, or null
   * @return the first {@code RankLostException} in the chain of causes, or null if there is none
   */
  public static RankLostException find(Throwable thrown) {
    for (Throwable t = thrown; t != null; t = t.getCause()) {
      if (t instanceof RankLostException lost) {
        return lost;
      }
    }
    return null;
  }
}
