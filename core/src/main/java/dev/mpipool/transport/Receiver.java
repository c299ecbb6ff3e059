package dev.mpipool.transport;

import java.nio.ByteBuffer;

/**
 * The rank's side of a transport: gets what arrives. The methods are called by the thread that
 * polls, or by threads of the transport, never by two threads at once for messages of the same
 * source. They do not wait for anything but locks that are held for moments.
 */
public interface Receiver {

  /**
   * A message has arrived. Messages of one source arrive in the order in which they were sent. If
   * this throws an {@link OutOfMemoryError}, the message counts as not yet delivered, and is
   * delivered again later.
   *
   * @param source the rank that sent it
   * @param context as given to {@link Transport#send}
   * @param tag as given to {@link Transport#send}
   * @param data its bytes from position to limit, without the attachment; the receiver's own from
   *     now on, backed by an array
   * @param attachment the attachment, if it has arrived in an array of its own; else null: then it
   *     is the end of {@code data}. The receiver's own from now on
   * @param missing 0; or, of a message for which there was no memory, how many bytes of it were
   *     dropped. {@code data} is then what there is of its beginning, and {@code attachment} is
   *     null
   */
  void received(int source, long context, int tag, ByteBuffer data, byte[] attachment, int missing);

  /**
   * A rank has begun to leave the job in an orderly way, by {@link Transport#finish}. All that it
   * has sent was delivered before, and nothing more will come from it. Not every transport tells of
   * it.
   *
   * @param rank the one that leaves
   */
  default void left(int rank) {}

  /**
   * Nothing more arrives, ever: the transport has failed as a whole.
   *
   * @param reason a whole sentence
   */
  void broken(String reason);
}
