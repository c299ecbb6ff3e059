package dev.mpipool.device;

import dev.mpipool.memory.Memory;
import java.io.IOException;
import java.lang.invoke.VarHandle;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.function.Supplier;
import mpi.MPIException;

/**
 * Reads the frames of one peer. Only the leader calls. Bytes go through a buffer of {@link #BUFFER}
 * bytes, except those of long sections, which are read directly into the memory of the receive.
 */
final class Inbox {

  private static final int BUFFER = 64 * 1024;

  /** From so many missing bytes on, a section is read directly. */
  private static final int DIRECT = 8 * 1024;

  /**
   * The most reads in a row, so that a peer that sends without a pause does not keep the leader
   * from the others.
   */
  private static final int ROUNDS = 32;

  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private final Connection connection;
  private final ByteBuffer in = ByteBuffer.allocateDirect(BUFFER).limit(0);

  /** The frame that is being read: the missing parts of its two sections, and bytes to skip. */
  private ByteBuffer first = NOTHING;

  private ByteBuffer second = NOTHING;
  private long skip;

  /** Holds a piece for a receive that wants whole pieces ({@link RecvRequest#isInPieces}). */
  private ByteBuffer staging;

  private long place;

  /** The peer's {@link SharedMemoryRing}; null if there is none. */
  private ByteBuffer slots;

  private RecvRequest recv;
  private UnexpectedMessage message;
  private boolean inFrame;

  /** An eager message that the matcher has seen, and its receive, if there is one. */
  private UnexpectedMessage matched;

  private RecvRequest matchedBy;
  private long bytes;

  Inbox(Connection connection) {
    this.connection = connection;
  }

  /** Reads all that has arrived. Returns false at the end of the connection. */
  boolean read(SocketChannel channel) throws IOException {
    for (int round = 0; round < ROUNDS; round++) {
      if (!in.hasRemaining() && first.isDirect() && first.remaining() >= DIRECT) {
        int n = channel.read(first);
        if (n <= 0) {
          return n == 0;
        }
        bytes += n;
        endFrameIfComplete();
      } else {
        in.compact();
        int room = in.remaining();
        int n;
        try {
          n = channel.read(in);
        } finally {
          in.flip();
        }
        bytes += Math.max(0, n);
        parse();
        if (n < room && !(inFrame && first.isDirect())) {
          return n >= 0;
        }
        if (n <= 0) {
          return n == 0;
        }
      }
    }
    return true;
  }

  /** How many bytes have been read in all. */
  long bytes() {
    return bytes;
  }

  private void parse() throws IOException {
    for (; ; ) {
      if (inFrame) {
        move(first);
        move(second);
        int n = (int) Math.min(skip, in.remaining());
        in.position(in.position() + n);
        skip -= n;
        if (!endFrameIfComplete()) {
          return;
        }
      }
      if (in.remaining() < Frame.HEADER) {
        return;
      }
      int at = in.position();
      in.position(at + Frame.HEADER);
      beginPatiently(at);
    }
  }

  /** Handles a frame. After an OutOfMemoryError the same call can be repeated. */
  private void beginPatiently(int at) throws IOException {
    long pause = 0;
    while (true) {
      try {
        begin(at);
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pauseOrThrow(pause, e);
      }
    }
  }

  private void move(ByteBuffer to) {
    int n = Math.min(to.remaining(), in.remaining());
    if (n > 0) {
      to.put(to.position(), in, in.position(), n);
      to.position(to.position() + n);
      in.position(in.position() + n);
    }
  }

  private boolean endFrameIfComplete() {
    if (first.hasRemaining() || second.hasRemaining() || skip > 0) {
      return false;
    }
    RecvRequest r = recv;
    UnexpectedMessage a = message;
    forget();
    if (a != null) {
      connection.arrived(a);
    } else if (r != null) {
      end(r);
    }
    return true;
  }

  /** A section is complete. If it was the last one, the receive is on no list any more. */
  private void end(RecvRequest r) {
    long pause = 0;
    while (true) {
      try {
        if (r.isInPieces()) {
          r.receive(place, staging.position(0));
        }
        if (r.missing == 0) {
          r.received();
        }
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  private void forget() {
    first = NOTHING;
    second = NOTHING;
    recv = null;
    message = null;
    inFrame = false;
  }

  private void begin(int at) throws IOException {
    int kind = Frame.kind(in, at);
    int id = Frame.id(in, at);
    int value = Frame.value(in, at);
    switch (kind) {
      case Frame.EAGER, Frame.EAGER_SYNC -> eager(kind, envelope(at), id);
      case Frame.RTS -> connection.rtsArrived(envelope(at), id);
      case Frame.CTS -> connection.outbox().clearToSend(id, value);
      case Frame.DATA -> data(id, Frame.dataPlace(in, at), Frame.dataLength(in, at));
      case Frame.MATCHED -> connection.outbox().matched(id);
      case Frame.CREDIT -> connection.outbox().credit(value);
      case Frame.BYE -> connection.bye();
      case Frame.OFFER -> accept(value, id, Frame.token(in, at));
      case Frame.ANSWER -> connection.outbox().answered(value == 1);
      case Frame.SHARED -> shared(id, Frame.dataPlace(in, at), Frame.dataLength(in, at), value);
      case Frame.SLOTS_FREE -> connection.outbox().freed(value);
      case Frame.LOST -> connection.lossReported(value);
      default -> throw new ProtocolException("frame of unknown kind " + kind);
    }
  }

  private Envelope envelope(int at) throws IOException {
    Envelope e = Frame.envelope(in, at, connection.peer());
    if (e.impossible()) {
      throw new ProtocolException("impossible lengths");
    }
    return e;
  }

  private void eager(int kind, Envelope e, int id) {
    if (matched == null) {
      UnexpectedMessage candidate = new UnexpectedMessage(e, connection, kind, id, null);
      matchedBy = connection.arriving(candidate);
      matched = candidate;
    }
    if (matchedBy == null) {
      matched.store();
      first = ByteBuffer.wrap(matched.staticPart);
      second = ByteBuffer.wrap(matched.dynamicPart);
      message = matched;
    } else {
      beginMatched(e);
      connection.consumed(e);
      if (kind == Frame.EAGER_SYNC) {
        connection.outbox().control(Frame.MATCHED, id, 0);
      }
    }
    inFrame = true;
    matched = null;
    matchedBy = null;
  }

  private void beginMatched(Envelope e) {
    MessageTruncatedException tooLong = matchedBy.begin(e);
    if (tooLong != null) {
      skip = e.length();
      matchedBy.fail(tooLong);
      return;
    }
    first = e.staticLength > 0 ? matchedBy.place(0, e.staticLength) : NOTHING;
    second = e.dynamicLength > 0 ? matchedBy.place(e.staticLength, e.dynamicLength) : NOTHING;
    recv = matchedBy;
    recv.missing = 0;
  }

  private void data(int id, long at, int length) throws IOException {
    RecvRequest r = connection.receiveOf(id);
    if (r == null || length <= 0 || length > r.missing) {
      throw new ProtocolException("data without a receive");
    }
    ByteBuffer piece = r.isInPieces() ? stage(at, length) : r.place(at, length);
    if (r.missing == length) {
      connection.endReceive(id);
    }
    r.missing -= length;
    recv = r;
    first = piece;
    inFrame = true;
  }

  /** The peer offers its shared memory. */
  private void accept(int process, int descriptor, long token) {
    slots = SharedMemory.open(process, descriptor, token, SharedMemoryRing.BYTES, false);
    connection.outbox().control(Frame.ANSWER, 0, slots == null ? 0 : 1);
  }

  /** A piece of a message is in the shared memory. */
  private void shared(int id, long at, int length, int slot) throws IOException {
    RecvRequest r = connection.receiveOf(id);
    if (r == null
        || slots == null
        || slot < 0
        || slot >= SharedMemoryRing.SLOTS
        || length <= 0
        || length > Math.min(SharedMemoryRing.SLOT, r.missing)) {
      throw new ProtocolException("shared data without a receive");
    }
    VarHandle.acquireFence();
    ByteBuffer piece = slots.slice(slot * SharedMemoryRing.SLOT, length);
    if (r.isInPieces()) {
      r.receive(at, piece);
    } else {
      r.place(at, length).put(piece);
    }
    connection.outbox().control(Frame.SLOTS_FREE, 0, 1);
    r.missing -= length;
    if (r.missing == 0) {
      end(r, id);
    }
  }

  private void end(RecvRequest r, int id) {
    long pause = 0;
    while (true) {
      try {
        connection.endReceive(id);
        r.received();
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  private ByteBuffer stage(long at, int length) throws ProtocolException {
    if (length > RendezvousWriter.LONGEST) {
      throw new ProtocolException("a piece of " + length + " bytes");
    }
    if (staging == null) {
      staging = ByteBuffer.allocateDirect(RendezvousWriter.LONGEST);
    }
    place = at;
    return staging.clear().limit(length);
  }

  /** The connection has ended: the receive whose bytes were being read fails. */
  void lose(Supplier<MPIException> why) {
    RecvRequest broken = message != null ? connection.claimantOf(message) : recv;
    if (broken != null) {
      broken.fail(why.get());
    }
    if (matchedBy != null) {
      matchedBy.fail(why.get());
    }
    forget();
    slots = null;
  }
}
