package dev.mpipool.comm;

import dev.mpipool.transport.ThreadTransport;
import java.util.List;
import org.apache.commons.lang3.Validate;

/** Ranks inside this JVM: for programs without MPI, and for tests. */
public final class LocalCommunicator {

  private LocalCommunicator() {}

  /**
   * Creates a group of ranks.
   *
   * @param size how many, at least 1
   * @return the communicator of each rank, by rank
   */
  public static List<Communicator> create(int size) {
    Validate.isTrue(size > 0, "A communicator has at least one rank, not %d", size);
    return ThreadTransport.create(size).stream()
        .<Communicator>map(transport -> MessageCommunicator.ofAll(transport, false))
        .toList();
  }

  /** The world of a process without MPI. */
  static Communicator alone() {
    return MessageCommunicator.world(ThreadTransport.create(1).get(0));
  }
}
