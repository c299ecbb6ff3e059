package dev.mpipool.comm;

import java.nio.ByteBuffer;

/** Provides the channels of communicators. Not for programs. */
public final class MessageChannels {

  private MessageChannels() {}

  /**
   * The channel of a communicator.
   *
   * @param communicator any implementation, also the program's own
   * @return the communicator itself if it is a channel, or else one that uses its send and receive
   */
  public static MessageChannel of(Communicator communicator) {
    return communicator instanceof MessageChannel channel ? channel : new Plain(communicator);
  }

  /** The channel of a communicator that is not a channel itself. */
  private record Plain(Communicator communicator) implements MessageChannel {

    @Override
    public void send(int destination, int tag, ByteBuffer message) {
      communicator.send(destination, tag, message);
    }

    @Override
    public Message receive(int source, int tag) {
      return communicator.receive(source, tag);
    }
  }
}
