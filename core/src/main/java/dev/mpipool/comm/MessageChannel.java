package dev.mpipool.comm;

import java.nio.ByteBuffer;
import java.util.List;

/**
 * A communicator as the library itself uses it: its messages, and the abilities of its transport.
 * Not for programs. {@link MessageChannels} has the channel of any communicator.
 *
 * <p>The default methods are correct for every communicator and assume the least: only the rank's
 * own threads may call, and all bytes are copied.
 */
public interface MessageChannel {

  /**
   * As {@link Communicator#send}.
   *
   * @param destination a rank; the calling rank itself is allowed
   * @param tag a number of at least 0 by which the receiver can pick
   * @param message what to send
   */
  void send(int destination, int tag, ByteBuffer message);

  /**
   * As {@link Communicator#receive}.
   *
   * @param source a rank, or {@link Communicator#ANY_SOURCE}
   * @param tag a tag, or {@link Communicator#ANY_TAG}
   * @return the earliest message that fits
   */
  Message receive(int source, int tag);

  /**
   * Sends what remains of several buffers as one message; else like {@link #send}. The second of
   * two parts may arrive as the message's {@linkplain Message#attachment attachment}, and need not
   * be copied together with the first.
   *
   * @param destination a rank; the calling rank itself is allowed
   * @param tag a number of at least 0 by which the receiver can pick
   * @param parts follow each other in the message
   */
  default void sendParts(int destination, int tag, List<ByteBuffer> parts) {
    long length = parts.stream().mapToLong(ByteBuffer::remaining).sum();
    ByteBuffer message = ByteBuffer.allocate(Math.toIntExact(length));
    parts.forEach(part -> message.put(part.duplicate()));
    send(destination, tag, message.flip());
  }

  /**
   * Whether {@link #sendParts} needs no memory for a copy of the last of two parts, however long it
   * is.
   *
   * @return false if it copies
   */
  default boolean keepsAttachments() {
    return false;
  }

  /**
   * Sends a message to a rank that knows how long it can be: what {@link #receiveDirect} takes, and
   * nothing else does. May return only when the receiver waits for it.
   *
   * @param destination another rank
   * @param tag a number of at least 0; the receiver names the same
   * @param message what to send, possibly nothing; its position and limit stay
   */
  default void sendDirect(int destination, int tag, ByteBuffer message) {
    send(destination, tag, message);
  }

  /**
   * Waits for the next message that another rank sends by {@link #sendDirect}.
   *
   * @param source another rank
   * @param tag as the sender names it
   * @param place where the message goes, from its position on, which stays; with at least as much
   *     room as the message has bytes
   * @return the bytes that have come
   */
  default int receiveDirect(int source, int tag, ByteBuffer place) {
    ByteBuffer message = receive(source, tag).data();
    int length = message.remaining();
    place.put(place.position(), message, message.position(), length);
    return length;
  }

  /**
   * Whether {@link #sendDirect} and {@link #receiveDirect} move long messages from any memory to
   * any memory, mapped files included, without an array in between.
   *
   * @return false if buffers with an array, and messages that fit into a processor's cache, are
   *     best
   */
  default boolean isDirect() {
    return false;
  }

  /**
   * Whether threads may call that were not started by the rank's own threads, or may be
   * interrupted.
   *
   * @return the same at every call
   */
  default boolean callableFromAnyThread() {
    return false;
  }

  /**
   * When a part of a message last came from another rank, or was last taken by it: so one that is
   * busy with a long message is not mistaken for a silent one.
   *
   * @param rank the other
   * @return by {@link System#nanoTime}; 0 if that is not known
   */
  default long lastProgress(int rank) {
    return 0;
  }
}
