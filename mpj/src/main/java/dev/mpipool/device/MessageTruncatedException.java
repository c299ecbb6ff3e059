package dev.mpipool.device;

import mpi.MPIException;

/**
 * A message was longer than the buffer of the receive that it matched (MPI calls this truncation).
 * The receive fails, the message is gone, and the next one is received as usual; the sender does
 * not notice.
 */
public final class MessageTruncatedException extends MPIException {

  /**
   * Names both lengths.
   *
   * @param source the sender's rank in {@code MPI.COMM_WORLD}
   * @param tag the message's tag
   * @param length the message's length in bytes, its section header included
   * @param room the bytes that the receiver's buffer can hold
   */
  public MessageTruncatedException(int source, int tag, long length, long room) {
    super(
        "message truncated: rank "
            + source
            + " sent "
            + length
            + " bytes with tag "
            + tag
            + " to a receive with room for "
            + room
            + "; receive into a larger buffer, or ask Probe for the length first");
  }

  /**
   * Looks for a message that was too long among an exception and its causes.
   *
   * @param thrown what an MPI call threw, or null
   * @return the first one in the chain of causes, or null if there is none
   */
  public static MessageTruncatedException find(Throwable thrown) {
    for (Throwable t = thrown; t != null; t = t.getCause()) {
      if (t instanceof MessageTruncatedException found) {
        return found;
      }
    }
    return null;
  }
}
