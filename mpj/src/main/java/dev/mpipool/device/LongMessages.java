package dev.mpipool.device;

import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Ring;
import dev.mpipool.transport.Receiver;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import mpi.MPIException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Completes the messages whose heads have arrived, and delivers them to the receiver.
 *
 * <p>A rank that stops in the middle of a message must not delay the messages of others. So a
 * thread of its own receives the pieces, and later messages of the same rank wait until it has
 * finished. The monitor of {@code unfinished} guards that map.
 */
final class LongMessages {

  /** The length of the array that replaces a part for which there is no memory. */
  private static final int NO_ROOM = 1;

  private static final Logger LOG = LoggerFactory.getLogger(LongMessages.class);

  private static final Executor PIECES =
      Executors.newCachedThreadPool(
          body -> {
            Thread thread = new Thread(body, "mpipool-pieces");
            thread.setDaemon(true);
            return thread;
          });

  /** Receives the pieces. */
  @FunctionalInterface
  interface PieceReceiver {
    /** Receives a piece into this place; or, if that is null, drops it. */
    void receive(int source, ByteBuffer place);
  }

  private final Receiver receiver;
  private final PieceReceiver pieces;

  /** Ranks whose long message is incomplete, with the actions for it and for what came after. */
  private final Map<Integer, Ring<Runnable>> unfinished = new HashMap<>();

  LongMessages(Receiver receiver, PieceReceiver pieces) {
    this.receiver = receiver;
    this.pieces = pieces;
  }

  /** A message as far as its head has brought it. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Head(int source, long context, int tag, byte[] data, byte[] end, int missing) {}

  /**
   * A head has arrived. After an OutOfMemoryError the same call can be repeated.
   *
   * @param length of the message without the attachment
   * @param endLength of the attachment
   * @param first the first bytes
   * @param shared all the rest, from which it is copied at once; null if it comes in pieces
   */
  void begin(
      int source,
      long context,
      int tag,
      int length,
      int endLength,
      ByteBuffer first,
      ByteBuffer shared) {
    int filled = first.remaining();
    int rest = MessageLayout.missing(source, length, filled, endLength);
    byte[] data = MessageLayout.room(length, filled, NO_ROOM);
    byte[] end = endLength == 0 ? null : MessageLayout.room(endLength, 0, NO_ROOM);
    boolean isCut = data.length < length || (end != null && end.length < endLength);
    byte[] beginning = isCut ? new byte[filled] : data;
    first.get(0, beginning, 0, filled);
    Head head = new Head(source, context, tag, beginning, isCut ? null : end, isCut ? rest : 0);
    boolean whole = rest == 0 || shared != null;
    if (shared != null && !isCut) {
      shared.get(data, filled, length - filled);
      if (end != null) {
        shared.get(end);
      }
    }
    Runnable action;
    if (whole) {
      action = () -> deliver(head);
    } else {
      action =
          () -> {
            if (receiveAll(source, length, filled, data, endLength, end)) {
              deliver(head);
            }
          };
    }
    if (!isToWait(source, whole, action)) {
      deliver(head);
    }
  }

  /**
   * Leaves what is to be done with a message to a thread of its own if it is not whole, and to the
   * same thread if one of its sender is not whole yet.
   */
  private boolean isToWait(int source, boolean whole, Runnable action) {
    synchronized (unfinished) {
      Ring<Runnable> before = unfinished.isEmpty() ? null : unfinished.get(source);
      if (before != null) {
        before.add(action);
        return true;
      }
      if (whole) {
        return false;
      }
      Ring<Runnable> all = new Ring<>();
      all.add(action);
      unfinished.put(source, all);
      boolean started = false;
      try {
        PIECES.execute(() -> finishAll(source));
        started = true;
      } finally {
        if (!started) {
          unfinished.remove(source);
        }
      }
      return true;
    }
  }

  private void finishAll(int source) {
    try {
      for (Runnable next = nextUnfinished(source); next != null; next = nextUnfinished(source)) {
        next.run();
      }
    } catch (Throwable e) { // a message is lost
      Memory.persist(
          () -> {
            LOG.debug("The rest of a message from rank {} cannot be received", source, e);
            receiver.broken("The rest of a message could not be received");
          });
    }
  }

  private Runnable nextUnfinished(int source) {
    synchronized (unfinished) {
      Runnable next = unfinished.get(source).poll();
      if (next == null) {
        unfinished.remove(source);
      }
      return next;
    }
  }

  /** Receives the rest of a message; false if it does not come. */
  private boolean receiveAll(
      int source, int length, int filled, byte[] data, int endLength, byte[] end) {
    try {
      receivePieces(source, length, filled, data);
      receivePieces(source, endLength, 0, end);
      return true;
    } catch (MPIException e) {
      // It is not needed: its sender is lost, or MPI has ended.
      LOG.debug("The rest of a message from rank {} does not come", source, e);
      return false;
    }
  }

  private void receivePieces(int source, int length, int begun, byte[] room) {
    int filled = begun;
    long pause = 0;
    while (filled < length) {
      int bytes = Math.min(MessageLayout.PIECE_BYTES, length - filled);
      try {
        pieces.receive(source, room.length < length ? null : ByteBuffer.wrap(room, filled, bytes));
        filled += bytes;
        pause = 0;
      } catch (OutOfMemoryError e) {
        pause = Memory.pauseOrThrow(pause, e);
      }
    }
  }

  /** Delivers a message, which exists nowhere else, whatever memory there is. */
  private void deliver(Head head) {
    long pause = 0;
    while (true) {
      try {
        ByteBuffer data = ByteBuffer.wrap(head.data);
        receiver.received(head.source, head.context, head.tag, data, head.end, head.missing);
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }
}
