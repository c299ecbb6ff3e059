package dev.mpipool.device;

import dev.mpipool.memory.Ring;
import java.io.IOException;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.List;

/**
 * Sends the messages to one peer that have got their CTS, in pieces. If there are several messages,
 * their pieces alternate. A piece goes through the {@link SharedMemoryRing} if there is one, else
 * through the connection. The monitor of the {@link Outbox} guards it.
 */
final class RendezvousWriter {

  static final int LONGEST = 256 * 1024;

  private final SharedMemoryRing ring = new SharedMemoryRing();
  private final Ring<SendRequest> waiting = new Ring<>();
  private final ByteBuffer header = ByteBuffer.allocateDirect(Frame.HEADER).limit(0);
  private final ByteBuffer[] headerAndPiece = {header, null};
  private ByteBuffer staging;

  /** The piece that is being written to the connection; null if there is none. */
  private ByteBuffer piece;

  private SendRequest pieceOf;

  void add(SendRequest send) {
    waiting.add(send);
  }

  boolean isEmpty() {
    return piece == null && waiting.isEmpty();
  }

  /** Whether a piece has been written in part: no frame may come between. */
  boolean isUnderWay() {
    return piece != null;
  }

  /** Whether there is a piece to send, and room for it. */
  boolean canBegin() {
    return !waiting.isEmpty() && (!ring.isReady() || ring.hasRoom());
  }

  SharedMemoryRing ring() {
    return ring;
  }

  /** Begins to write the next piece to the connection. */
  void begin() {
    SendRequest send = waiting.peek();
    if (send.isStreamed()) {
      if (staging == null) {
        staging = ByteBuffer.allocateDirect(LONGEST);
      }
      send.fill(send.written, staging);
      piece = staging;
    } else {
      piece = send.piece(send.written, LONGEST);
    }
    headerAndPiece[1] = piece;
    header.clear();
    Frame.putData(header, 0, send.remoteId, send.written, piece.remaining());
    send.written += piece.remaining();
    pieceOf = waiting.poll();
  }

  /** Writes as much of the present piece as the connection accepts. */
  long write(SocketChannel channel) throws IOException {
    long n = header.hasRemaining() ? channel.write(headerAndPiece) : channel.write(piece);
    if (!piece.hasRemaining()) {
      SendRequest send = pieceOf;
      piece = null;
      pieceOf = null;
      goOn(send);
    }
    return n;
  }

  /** Copies the next piece into the ring and writes its SHARED frame; returns its length. */
  int share(ByteBuffer frame, int at) {
    SendRequest send = waiting.peek();
    ByteBuffer slot = ring.slot();
    if (send.isStreamed()) {
      send.fill(send.written, slot);
    } else {
      slot.put(send.piece(send.written, slot.capacity())).flip();
    }
    int length = slot.remaining();
    VarHandle.releaseFence();
    Frame.putShared(frame, at, send.remoteId, send.written, length, ring.next());
    ring.filled();
    send.written += length;
    waiting.poll();
    goOn(send);
    return length;
  }

  private void goOn(SendRequest send) {
    if (send.written == send.envelope.length()) {
      send.succeed();
    } else {
      waiting.add(send); // allocates nothing: it has just been polled from there
    }
  }

  /** Stops; adds the messages that were not sent completely to {@code failed}. */
  void close(List<SendRequest> failed) {
    failed.addAll(waiting);
    if (pieceOf != null) {
      failed.add(pieceOf);
    }
    waiting.clear();
    piece = null;
    pieceOf = null;
    staging = null;
    ring.close();
  }
}
