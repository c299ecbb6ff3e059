package dev.mpipool.device;

import dev.mpipool.memory.Ring;
import java.io.IOException;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.List;

/**
 * The long messages for one peer whose receives are there, piece by piece: several of them take
 * turns. A piece goes through the connection, or through the {@link Lane} if there is one. The
 * outbox's monitor guards it.
 */
final class Pieces {

  static final int LONGEST = 256 * 1024;

  private final Lane lane = new Lane();
  private final Ring<SendRequest> waiting = new Ring<>();
  private final ByteBuffer header = ByteBuffer.allocateDirect(Frame.HEADER).limit(0);
  private final ByteBuffer[] headerAndPiece = {header, null};
  private ByteBuffer staging;

  /** The piece that is being written to the connection, null if there is none. */
  private ByteBuffer piece;

  private SendRequest pieceOf;

  void add(SendRequest send) {
    waiting.add(send);
  }

  boolean isEmpty() {
    return piece == null && waiting.isEmpty();
  }

  /** Whether a piece has been begun that no frame may interrupt. */
  boolean isUnderWay() {
    return piece != null;
  }

  /** Whether there is a piece, and room for it. */
  boolean canBegin() {
    return !waiting.isEmpty() && (!lane.isReady() || lane.hasRoom());
  }

  Lane lane() {
    return lane;
  }

  /** The next piece is under way. */
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

  /** Writes what the connection takes of the piece under way. */
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

  /** Puts the next piece into the lane, and the news of it into a frame; returns its length. */
  int share(ByteBuffer frame, int at) {
    SendRequest send = waiting.peek();
    ByteBuffer slot = lane.slot();
    if (send.isStreamed()) {
      send.fill(send.written, slot);
    } else {
      slot.put(send.piece(send.written, slot.capacity())).flip();
    }
    int length = slot.remaining();
    VarHandle.releaseFence();
    Frame.putShared(frame, at, send.remoteId, send.written, length, lane.next());
    lane.filled();
    send.written += length;
    waiting.poll();
    goOn(send);
    return length;
  }

  private void goOn(SendRequest send) {
    if (send.written == send.envelope.length()) {
      send.succeed();
    } else {
      waiting.add(send); // there is room, for it has just come from there
    }
  }

  /** Nothing goes any more; adds the messages that had not gone. */
  void close(List<SendRequest> failed) {
    failed.addAll(waiting);
    if (pieceOf != null) {
      failed.add(pieceOf);
    }
    waiting.clear();
    piece = null;
    pieceOf = null;
    staging = null;
    lane.close();
  }
}
