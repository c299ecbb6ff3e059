package dev.mpipool.device;

import java.nio.ByteBuffer;
import mpjbuf.Buffer;

/**
 * Receives messages of bytes from anybody, one after the other, into memory of its own. Once a
 * message has been matched nothing is allocated for it: an {@link OutOfMemoryError} means that it
 * can be received still. For one thread at a time.
 */
public final class HeadReceiver {

  private static final int SECTION = Buffer.SECTION_OVERHEAD;

  private final TcpDevice device;
  private final ByteBuffer memory;
  private final ByteBuffer contents;
  private final int tag;
  private final int context;
  private int source;

  /**
   * Creates a receiver.
   *
   * @param device to receive on
   * @param bytes the length of the longest message
   * @param tag of the messages
   * @param context the communicator's, for receiving
   */
  public HeadReceiver(TcpDevice device, int bytes, int tag, int context) {
    this.device = device;
    this.tag = tag;
    this.context = context;
    memory = ByteBuffer.allocateDirect(SECTION + bytes);
    contents = memory.slice(SECTION, bytes);
  }

  /** Its receive; the header of the section comes with the message. */
  static final class HeadReceive extends RecvRequest {

    private final ByteBuffer memory;

    HeadReceive(Progress progress, RankId[] ids, ByteBuffer memory, int tag, int context) {
      super(progress, ids, null, ANY, tag, context, null, false);
      this.memory = memory;
    }

    @Override
    boolean isProbe() {
      return false;
    }

    @Override
    int room() {
      return memory.capacity();
    }

    @Override
    ByteBuffer place(long at, int bytes) {
      return memory.slice((int) at, bytes);
    }

    @Override
    void received() {
      succeed();
    }
  }

  /**
   * Where the message is.
   *
   * @return always the same; what is in it is valid until the next call of {@link #receive}
   */
  public ByteBuffer contents() {
    return contents;
  }

  /**
   * Waits for the next message.
   *
   * @return its length
   */
  public int receive() {
    HeadReceive receive = device.receiveHead(memory, tag, context);
    receive.await();
    source = receive.sender();
    return receive.elements();
  }

  /**
   * Who has sent the last message.
   *
   * @return its rank in {@code MPI.COMM_WORLD}
   */
  public int source() {
    return source;
  }
}
