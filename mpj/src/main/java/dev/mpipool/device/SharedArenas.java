package dev.mpipool.device;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * The {@link SharedArena}s between this rank and its peers, and the control messages by which two
 * ranks agree on one:
 *
 * <pre>
 *   OFFER:   | process (long) | file descriptor (int) | number (long) |
 *   ANSWER:  | 1 (byte) if the receiver can read the memory, else 0 |
 * </pre>
 *
 * An arena is offered with the first long message, and used once the answer has arrived.
 */
final class SharedArenas {

  /** In the head of a control message, instead of a {@linkplain MessageLayout place}. */
  private static final long OFFER = MessageLayout.IN_PIECES - 1;

  private static final long ANSWER = OFFER - 1;
  private static final int OFFER_BYTES = 2 * Long.BYTES + Integer.BYTES;

  /** Sends a control message; does not wait. */
  interface ControlSender {
    void send(int destination, long kind, ByteBuffer content);
  }

  private final Endpoint endpoint;
  private final ControlSender sender;
  private final AtomicReferenceArray<SharedArena> offered;
  private final AtomicReferenceArray<SharedArena> usable;
  private final SharedArena[] opened;

  /** Whether a rank has been offered an arena, or cannot be; for the sender to it. */
  private final boolean[] tried;

  SharedArenas(Endpoint endpoint, int ranks, ControlSender sender) {
    this.endpoint = endpoint;
    this.sender = sender;
    offered = new AtomicReferenceArray<>(ranks);
    usable = new AtomicReferenceArray<>(ranks);
    opened = new SharedArena[ranks];
    tried = new boolean[ranks];
  }

  /**
   * The arena for messages to a rank; null if there is none or not yet. For one thread at a time
   * for each rank.
   */
  SharedArena to(int destination) {
    if (!tried[destination] && endpoint.connection(destination).isLocal()) {
      tried[destination] = true;
      offer(destination);
    }
    return usable.get(destination);
  }

  private void offer(int destination) {
    SharedArena arena = SharedArena.create();
    if (arena != null) {
      offered.set(destination, arena);
      sender.send(
          destination,
          OFFER,
          ByteBuffer.allocate(OFFER_BYTES)
              .putLong(ProcessHandle.current().pid())
              .putInt(arena.descriptor())
              .putLong(arena.token())
              .flip());
    }
  }

  /** Handles a control message. After an OutOfMemoryError the same call can be repeated. */
  void received(int source, long kind, ByteBuffer content) {
    if (kind == OFFER && content.remaining() == OFFER_BYTES) {
      opened[source] = SharedArena.open(content.getLong(), content.getInt(), content.getLong());
      byte[] answer = {(byte) (opened[source] == null ? 0 : 1)};
      sender.send(source, ANSWER, ByteBuffer.wrap(answer));
    } else if (kind == ANSWER && content.remaining() == 1) {
      SharedArena arena = offered.getAndSet(source, null);
      if (arena != null && content.get() == 1) {
        arena.endOffer();
        usable.set(source, arena);
      } else if (arena != null) {
        arena.close();
      }
    }
  }

  /** The arena in which messages of a rank arrive; null if there is none. */
  SharedArena from(int source) {
    return opened[source];
  }

  /** Lets go of what is offered or used. */
  void close() {
    for (int rank = 0; rank < tried.length; rank++) {
      close(offered.getAndSet(rank, null));
      close(usable.getAndSet(rank, null));
    }
  }

  private static void close(SharedArena arena) {
    if (arena != null) {
      arena.close();
    }
  }
}
