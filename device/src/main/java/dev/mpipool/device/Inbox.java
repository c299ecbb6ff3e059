package dev.mpipool.device;

import java.io.IOException;
import java.lang.invoke.VarHandle;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.function.Supplier;
import mpi.MPIException;

/**
 * What comes from one peer; only the leader calls. Bytes go through a buffer of {@link #BUFFER}
 * bytes, except for long sections, which are read straight into the memory of the receive.
 */
final class Inbox {

  private static final int BUFFER = 64 * 1024;

  /** From so many missing bytes on, a section is read straight. */
  private static final int STRAIGHT = 8 * 1024;

  /**
   * Reads in a row, so that a peer that sends all the time does not keep the leader from the
   * others.
   */
  private static final int ROUNDS = 32;

  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private final Link link;
  private final ByteBuffer in = ByteBuffer.allocateDirect(BUFFER).limit(0);

  /** The sections of the frame that is being read: what is missing, and what to do then. */
  private ByteBuffer first = NOTHING;

  private ByteBuffer second = NOTHING;
  private long skip;

  /** A piece of a message for a receive that takes it piece by piece. */
  private ByteBuffer staging;

  private long place;

  /** The memory that the peer puts pieces into; null if there is none. */
  private ByteBuffer slots;

  private RecvRequest recv;
  private Arrival arrival;
  private boolean inFrame;
  private long bytes;

  Inbox(Link link) {
    this.link = link;
  }

  /** Reads what there is. Returns false at the end of the connection. */
  boolean read(SocketChannel channel) throws IOException {
    for (int round = 0; round < ROUNDS; round++) {
      if (!in.hasRemaining() && first.isDirect() && first.remaining() >= STRAIGHT) {
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

  /** The bytes that have come in all. */
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
      begin(at);
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
    Arrival a = arrival;
    forget();
    if (a != null) {
      link.arrived(a);
    } else if (r != null) {
      if (r.isInPieces()) {
        r.take(place, staging.position(0));
      }
      if (r.missing == 0) {
        r.received();
      }
    }
    return true;
  }

  private void forget() {
    first = NOTHING;
    second = NOTHING;
    recv = null;
    arrival = null;
    inFrame = false;
  }

  private void begin(int at) throws IOException {
    int kind = Frame.kind(in, at);
    int id = Frame.id(in, at);
    int value = Frame.value(in, at);
    switch (kind) {
      case Frame.EAGER, Frame.EAGER_SYNC -> eager(kind, envelope(at), id);
      case Frame.ANNOUNCE -> link.announced(envelope(at), id);
      case Frame.CLEAR -> link.outbox().clear(id, value);
      case Frame.DATA -> data(id, Frame.dataPlace(in, at), Frame.dataLength(in, at));
      case Frame.MATCHED -> link.outbox().matched(id);
      case Frame.CREDIT -> link.outbox().credit(value);
      case Frame.BYE -> link.bye();
      case Frame.OFFER -> accept(value, id, Frame.token(in, at));
      case Frame.ANSWER -> link.outbox().answered(value == 1);
      case Frame.SHARED -> shared(id, Frame.dataPlace(in, at), Frame.dataLength(in, at), value);
      case Frame.TAKEN -> link.outbox().taken(value);
      case Frame.LOST -> link.told(value);
      default -> throw new ProtocolException("frame of unknown kind " + kind);
    }
  }

  private Envelope envelope(int at) throws IOException {
    Envelope e = Frame.envelope(in, at, link.peer());
    if (e.impossible()) {
      throw new ProtocolException("impossible lengths");
    }
    return e;
  }

  private void eager(int kind, Envelope e, int id) {
    Arrival candidate = new Arrival(e, link, kind, id, null);
    RecvRequest matched = link.arriving(candidate);
    inFrame = true;
    if (matched == null) {
      arrival = candidate;
      candidate.store();
      first = ByteBuffer.wrap(candidate.staticPart);
      second = ByteBuffer.wrap(candidate.dynamicPart);
      return;
    }
    link.consumed(e);
    if (kind == Frame.EAGER_SYNC) {
      link.outbox().control(Frame.MATCHED, id, 0);
    }
    MessageTruncatedException tooLong = matched.begin(e);
    if (tooLong != null) {
      skip = e.length();
      matched.fail(tooLong);
      return;
    }
    recv = matched;
    recv.missing = 0;
    first = e.staticLength > 0 ? matched.place(0, e.staticLength) : NOTHING;
    second = e.dynamicLength > 0 ? matched.place(e.staticLength, e.dynamicLength) : NOTHING;
  }

  private void data(int id, long at, int length) throws IOException {
    recv = link.receiveOf(id);
    if (recv == null || length <= 0 || length > recv.missing) {
      throw new ProtocolException("data that nobody asked for");
    }
    inFrame = true;
    first = recv.isInPieces() ? stage(at, length) : recv.place(at, length);
    recv.missing -= length;
    if (recv.missing == 0) {
      link.endReceive(id);
    }
  }

  /** The peer offers memory for its long messages. */
  private void accept(int process, int descriptor, long token) {
    slots = SharedMemory.open(process, descriptor, token, Lane.BYTES);
    link.outbox().control(Frame.ANSWER, 0, slots == null ? 0 : 1);
  }

  /** A piece of a message is in shared memory. */
  private void shared(int id, long at, int length, int slot) throws IOException {
    RecvRequest r = link.receiveOf(id);
    if (r == null
        || slots == null
        || slot < 0
        || slot >= Lane.SLOTS
        || length <= 0
        || length > Math.min(Lane.SLOT, r.missing)) {
      throw new ProtocolException("shared data that nobody asked for");
    }
    VarHandle.acquireFence();
    ByteBuffer piece = slots.slice(slot * Lane.SLOT, length);
    if (r.isInPieces()) {
      r.take(at, piece);
    } else {
      r.place(at, length).put(piece);
    }
    link.outbox().control(Frame.TAKEN, 0, 1);
    r.missing -= length;
    if (r.missing == 0) {
      link.endReceive(id);
      r.received();
    }
  }

  private ByteBuffer stage(long at, int length) throws ProtocolException {
    if (length > Pieces.LONGEST) {
      throw new ProtocolException("a piece of " + length + " bytes");
    }
    if (staging == null) {
      staging = ByteBuffer.allocateDirect(Pieces.LONGEST);
    }
    place = at;
    return staging.clear().limit(length);
  }

  /** The connection is at its end: the receive that is in the middle of its bytes fails. */
  void lose(Supplier<MPIException> why) {
    RecvRequest broken = arrival != null ? link.claimantOf(arrival) : recv;
    if (broken != null) {
      broken.fail(why.get());
    }
    forget();
    slots = null;
  }
}
