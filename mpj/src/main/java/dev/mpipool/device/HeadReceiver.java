package dev.mpipool.device;

import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import mpjbuf.Buffer;

/**
 * Receives messages of bytes from any rank, one after the other, into memory of its own. Nothing is
 * allocated for a message once it has been matched: after an {@link OutOfMemoryError} it can still
 * be received. For use by one thread at a time; only {@link #wake} may be called by others.
 */
final class HeadReceiver {

  private static final int SECTION = Buffer.SECTION_OVERHEAD;

  private final Endpoint endpoint;
  private final ByteBuffer memory;
  private final ByteBuffer contents;
  private final int tag;
  private final long context;

  /** The posted receive; null if there is none. */
  private volatile HeadReceive pending;

  /** Whether the present call of {@link #receive}, or the next, is to return early. */
  private volatile boolean woken;

  private int source;

  /** Creates a receiver for messages of at most so many bytes. */
  HeadReceiver(Endpoint endpoint, int bytes, int tag, long context) {
    this.endpoint = endpoint;
    this.tag = tag;
    this.context = context;
    memory = ByteBuffer.allocateDirect(SECTION + bytes);
    contents = memory.slice(SECTION, bytes);
  }

  /** The receive; the message brings the header of its section. */
  private final class HeadReceive extends RecvRequest {

    HeadReceive(int tag, long context) {
      super(endpoint.progress(), endpoint.ids(), null, ANY, tag, context, null, false);
    }

    @Override
    boolean isAwaited() {
      return !isDone() && !woken;
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

  /** The memory that holds the last message, valid until the next {@link #receive}. */
  ByteBuffer contents() {
    return contents;
  }

  /** Waits for the next message at most so long. Returns its length, or -1 if none has come. */
  int receive(long nanos) {
    HeadReceive receive = pending;
    if (receive == null) {
      receive = new HeadReceive(tag, context);
      endpoint.post(receive);
      pending = receive;
    }
    if (nanos == 0) {
      endpoint.progress().poll();
    } else {
      if (nanos < Long.MAX_VALUE) {
        long millis = Math.max(1, TimeUnit.NANOSECONDS.toMillis(nanos));
        endpoint.progress().schedule(millis, this::wake);
      }
      endpoint.progress().await(receive);
    }
    woken = false;
    if (!receive.isDone()) {
      return -1;
    }
    pending = null;
    if (receive.failure() != null) {
      throw receive.failure();
    }
    source = receive.sender();
    return receive.elements();
  }

  /** Makes the present {@link #receive}, or the next one, return soon. */
  void wake() {
    woken = true;
    HeadReceive waiting = pending;
    if (waiting != null) {
      endpoint.progress().wake(waiting);
    }
  }

  /** The rank that has sent the last message. */
  int source() {
    return source;
  }
}
