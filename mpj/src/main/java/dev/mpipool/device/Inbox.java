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

  /** An eager message that has come to the matcher, and maybe the receive that takes it. */
  private Arrival matched;

  private RecvRequest matchedBy;
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
      beginPatiently(at);
    }
  }

  /** Each kind of frame is acted upon in steps that can be taken again for want of memory. */
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
    Arrival a = arrival;
    forget();
    if (a != null) {
      link.arrived(a);
    } else if (r != null) {
      end(r);
    }
    return true;
  }

  /** A section is there. The receive is on no list any more if that was the last. */
  private void end(RecvRequest r) {
    long pause = 0;
    while (true) {
      try {
        if (r.isInPieces()) {
          r.take(place, staging.position(0));
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
    if (matched == null) {
      Arrival candidate = new Arrival(e, link, kind, id, null);
      matchedBy = link.arriving(candidate);
      matched = candidate;
    }
    if (matchedBy == null) {
      matched.store();
      first = ByteBuffer.wrap(matched.staticPart);
      second = ByteBuffer.wrap(matched.dynamicPart);
      arrival = matched;
    } else {
      beginMatched(e);
      link.consumed(e);
      if (kind == Frame.EAGER_SYNC) {
        link.outbox().control(Frame.MATCHED, id, 0);
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
    RecvRequest r = link.receiveOf(id);
    if (r == null || length <= 0 || length > r.missing) {
      throw new ProtocolException("data that nobody asked for");
    }
    ByteBuffer piece = r.isInPieces() ? stage(at, length) : r.place(at, length);
    if (r.missing == length) {
      link.endReceive(id);
    }
    r.missing -= length;
    recv = r;
    first = piece;
    inFrame = true;
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
      end(r, id);
    }
  }

  private void end(RecvRequest r, int id) {
    long pause = 0;
    while (true) {
      try {
        link.endReceive(id);
        r.received();
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
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
    if (matchedBy != null) {
      matchedBy.fail(why.get());
    }
    forget();
    slots = null;
  }
}
