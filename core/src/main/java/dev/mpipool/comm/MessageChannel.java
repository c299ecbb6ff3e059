package dev.mpipool.comm;

import java.nio.ByteBuffer;
import java.util.List;

/**
 * A communicator as the library itself uses it: messages, and the capabilities of the transport.
 * Not for programs. {@link MessageChannels} provides the channel of any communicator.
 *
 * <p>The default methods are correct for every communicator and make the weakest promises: only the
 * rank's own threads may call, and all bytes are copied.
 */
public interface MessageChannel {

  /**
   * As {@link Communicator#send}.
   *
   * @param destination a rank; the calling rank itself is allowed
   * @param tag at least 0; the receiver can select messages by it
   * @param message may be empty
   */
  void send(int destination, int tag, ByteBuffer message);

  /**
   * As {@link Communicator#receive}.
   *
   * @param source a rank, or {@link Communicator#ANY_SOURCE}
   * @param tag a tag, or {@link Communicator#ANY_TAG}
   * @return the earliest message that matches
   */
  Message receive(int source, int tag);

  /**
   * Sends the remaining bytes of several buffers as one message; otherwise as {@link #send}. The
   * second of two parts may arrive as the message's {@linkplain Message#attachment attachment},
   * without being copied together with the first.
   *
   * @param destination a rank; the calling rank itself is allowed
   * @param tag at least 0; the receiver can select messages by it
   * @param parts of the message, in order
   */
  default void sendParts(int destination, int tag, List<ByteBuffer> parts) {
    long length = parts.stream().mapToLong(ByteBuffer::remaining).sum();
    ByteBuffer message = ByteBuffer.allocate(Math.toIntExact(length));
    parts.forEach(part -> message.put(part.duplicate()));
    send(destination, tag, message.flip());
  }

  /**
   * Whether {@link #sendParts} sends the second of two parts without copying it, however long it
   * is.
   *
   * @return false if it copies
   */
  default boolean keepsAttachments() {
    return false;
  }

  /**
   * Sends a message that only {@link #receiveDirect} receives, whose caller knows the maximum
   * length. May return only when the receiver waits for it.
   *
   * @param destination another rank
   * @param tag at least 0; the receiver passes the same
   * @param message may be empty; its position and limit do not change
   */
  default void sendDirect(int destination, int tag, ByteBuffer message) {
    send(destination, tag, message);
  }

  /**
   * Waits for the next message that another rank sends by {@link #sendDirect}.
   *
   * @param source another rank
   * @param tag as passed by the sender
   * @param place where to store the message, from its position on, which does not change; needs
   *     room for the whole message
   * @return the message's length in bytes
   */
  default int receiveDirect(int source, int tag, ByteBuffer place) {
    ByteBuffer message = receive(source, tag).data();
    int length = message.remaining();
    place.put(place.position(), message, message.position(), length);
    return length;
  }

  /**
   * Whether {@link #sendDirect} and {@link #receiveDirect} move long messages from any memory to
   * any memory, mapped files included, without an intermediate array.
   *
   * @return false if array buffers, and messages that fit into a processor's cache, are faster
   */
  default boolean isDirect() {
    return false;
  }

  /**
   * Whether any thread may call: also one that was not started by the rank's own threads, or that
   * may be interrupted.
   *
   * @return the same at every call
   */
  default boolean callableFromAnyThread() {
    return false;
  }

  /**
   * Declares that threads serve other ranks over this communicator for as long as any rank is in
   * the job. Waits for a message on it do not end because a rank leaves, only because it is lost.
   */
  default void markServed() {}

  /**
   * Registers an action that runs when this rank begins to leave its job. The others receive what
   * it sends, perhaps after they know that this rank leaves. The communicator of a group that is no
   * job never runs it.
   *
   * @param action must not wait for other ranks, and must not throw
   * @return removes the action
   */
  default Runnable onLeaving(Runnable action) {
    return () -> {};
  }

  /**
   * When a part of a message last came from another rank or was accepted by it, so that a rank busy
   * with a long message does not count as silent.
   *
   * @param rank the other rank
   * @return by {@link System#nanoTime}; 0 if unknown
   */
  default long lastProgress(int rank) {
    return 0;
  }
}
