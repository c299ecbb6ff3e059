package dev.mpipool.comm;

import dev.mpipool.transport.ThreadTransport;
import dev.mpipool.transport.Transport;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.commons.lang3.Validate;

/**
 * Communicators of ranks inside this JVM, for programs without MPI and for tests.
 *
 * <p>Example:
 *
 * <pre>{@code
 * List<Communicator> ranks = LocalCommunicator.create(2);
 * ranks.get(1).send(0, 7, ByteBuffer.wrap(new byte[] {1}));
 * Message message = ranks.get(0).receive(1, 7);
 * }</pre>
 */
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
    List<Communicator> ranks = new ArrayList<>();
    for (Transport transport : ThreadTransport.create(size)) {
      ranks.add(MessageCommunicator.ofAll(transport, false));
    }
    return Collections.unmodifiableList(ranks);
  }
}
