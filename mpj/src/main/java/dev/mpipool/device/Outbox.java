package dev.mpipool.device;

import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Ring;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.CancelledKeyException;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import mpi.MPIException;

/**
 * Writes the frames for one peer. Any thread may call; the monitor guards everything, and no method
 * blocks.
 *
 * <p>If the connection is idle, the sending thread writes the frame at once: header and bytes in
 * one write, from the user's own buffer. Otherwise the frame is copied into chunks behind the
 * frames that wait already. So that a sequence of small messages does not cost a write for each, a
 * small frame within a few microseconds of the last write is gathered as well. It is written by the
 * first of: a thread that starts to wait, the leader, the device's own thread, or a sender that
 * finds {@link #GATHERED} bytes.
 *
 * <p>A rendezvous message is written in pieces of {@link RendezvousWriter#LONGEST} bytes. Gathered
 * frames go before the next piece, so that a small message never waits for all of a long one.
 *
 * <p>Memory: eager messages are sent only while less than {@link Job#EAGER_WINDOW} bytes of them
 * are unmatched at the receiver (it returns credit as they are matched); a message beyond that is
 * sent by rendezvous. This bounds the chunks here as well as the unexpected messages there.
 *
 * <p>An {@link OutOfMemoryError} means that nothing of its frame was gathered or sent. Frames that
 * were gathered before are sent later.
 */
final class Outbox implements Progress.Flushable {

  private static final int CHUNK = 64 * 1024;
  private static final int GATHERED = 32 * 1024;
  private static final int SMALL = 4 * 1024;
  private static final int TURN = 4 << 20;
  private static final long HOT =
      TimeUnit.MICROSECONDS.toNanos(Integer.getInteger("mpipool.device.gather.us", 10));

  private final Connection connection;
  private final Progress progress;
  private final int eagerLimit;

  private final Ring<ByteBuffer> chunks = new Ring<>();
  private ByteBuffer spare;
  private final RendezvousWriter rendezvous = new RendezvousWriter();
  private final Map<Integer, SendRequest> unmatched = new HashMap<>();
  private int lastId;
  private long inFlight;

  private SocketChannel channel;
  private SelectionKey key;
  private boolean closed;

  /** Why the peer, which has left, answers no message any more; null before. */
  private Supplier<MPIException> left;

  private volatile boolean waitsForRoom;
  private boolean willBeFlushed;
  private long lastWrite;
  private long bytes;

  Outbox(Connection connection, Progress progress, int eagerLimit) {
    this.connection = connection;
    this.progress = progress;
    this.eagerLimit = eagerLimit;
  }

  /** The connection is open: sends what was gathered meanwhile. */
  synchronized void open(SocketChannel connected, SelectionKey selection) {
    channel = connected;
    key = selection;
    flush();
  }

  /** Sends a message, or its RTS. Returns false if the peer is lost. */
  synchronized boolean send(SendRequest send) {
    if (closed) {
      return false;
    }
    Envelope e = send.envelope;
    long cost = e.length() + Frame.HEADER;
    boolean isEager = e.length() <= eagerLimit && inFlight + cost <= Job.EAGER_WINDOW;
    if (left != null && (send.synchronous || !isEager)) {
      send.fail(left.get());
      return true;
    }
    if (!isEager) {
      unmatched.put(++lastId, send);
      control(Frame.RTS, e, lastId, 0);
      return true;
    }
    if (send.synchronous) {
      unmatched.put(++lastId, send);
      eager(send, Frame.EAGER_SYNC, lastId);
    } else {
      eager(send, Frame.EAGER, 0);
      send.succeed();
    }
    inFlight += cost;
    return true;
  }

  private void eager(SendRequest send, int kind, int id) {
    Envelope e = send.envelope;
    if (e.length() > SMALL && isIdle() && send.offset >= Frame.HEADER && chunks.isEmpty()) {
      writeInPlace(send, kind, id);
      return;
    }
    gather(send, kind, id);
    gathered();
  }

  private void gather(SendRequest send, int kind, int id) {
    Envelope e = send.envelope;
    int before = chunks.size();
    ByteBuffer last = chunks.peekLast();
    int end = last == null ? 0 : last.limit();
    try {
      ByteBuffer chunk = room(Frame.HEADER);
      Frame.put(chunk, claim(chunk, Frame.HEADER), kind, e, id, 0);
      append(send.memory, send.offset, e.staticLength);
      append(ByteBuffer.wrap(send.dynamic), 0, e.dynamicLength);
    } catch (OutOfMemoryError none) {
      while (chunks.size() > before) {
        chunks.pollLast();
      }
      if (last != null) {
        last.limit(end);
      }
      throw none;
    }
  }

  private void writeInPlace(SendRequest send, int kind, int id) {
    Envelope e = send.envelope;
    int from = send.offset - Frame.HEADER;
    Frame.put(send.memory, from, kind, e, id, 0);
    ByteBuffer dynamic = ByteBuffer.wrap(send.dynamic);
    ByteBuffer fixed = send.memory.duplicate().limit(send.offset + e.staticLength).position(from);
    try {
      write(fixed);
    } catch (IOException broken) {
      fail();
      return;
    }
    appendSurely(fixed, fixed.position(), fixed.remaining());
    appendSurely(dynamic, 0, e.dynamicLength);
    flush();
  }

  /** Gathers the rest of a message that has been written in part, whatever memory there is. */
  private void appendSurely(ByteBuffer from, int index, int length) {
    int end = index + length;
    int at = index;
    long pause = 0;
    while (at < end) {
      try {
        int n = Math.min(end - at, freeIn(room(1)));
        append(from, at, n);
        at += n;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  /** Sends a frame without bytes. */
  synchronized void control(int kind, int id, int value) {
    control(kind, Envelope.NONE, id, value);
  }

  private void control(int kind, Envelope e, int id, int value) {
    if (!closed) {
      ByteBuffer chunk = room(Frame.HEADER);
      Frame.put(chunk, claim(chunk, Frame.HEADER), kind, e, id, value);
      gathered();
    }
  }

  private boolean isIdle() {
    return channel != null && !waitsForRoom && !rendezvous.isUnderWay();
  }

  /** After gathering: writes now, unless more frames are expected within microseconds. */
  private void gathered() {
    if (!isIdle()) {
      return;
    }
    boolean soon =
        chunks.size() == 1
            && chunks.peek().remaining() < GATHERED
            && (willBeFlushed || System.nanoTime() - lastWrite < HOT);
    if (!soon) {
      flush();
    } else if (!willBeFlushed) {
      flushSoon();
    }
  }

  private void flushSoon() {
    try {
      progress.flushSoon(this);
      willBeFlushed = true;
    } catch (OutOfMemoryError e) {
      flush();
    }
  }

  @Override
  public synchronized void flushGathered() {
    willBeFlushed = false;
    flush();
  }

  /** Tries to write: the selector reports room only when most of the buffer is free. */
  boolean retry() {
    return waitsForRoom && writesMore();
  }

  private synchronized boolean writesMore() {
    if (closed || channel == null) {
      return false;
    }
    long before = bytes;
    ready();
    return bytes != before;
  }

  /** Called by the leader when the connection has room again. */
  synchronized void ready() {
    waitsForRoom = false;
    flush();
  }

  /**
   * Writes as much as the connection takes, within a turn; then waits for room if there is more.
   */
  private void flush() {
    if (!isOpenAndFree()) {
      return;
    }
    try {
      int budget = TURN;
      while (budget > 0 && (budget -= writeNext()) > 0 && !waitsForRoom && hasMore()) {}
    } catch (IOException broken) {
      fail();
      return;
    } catch (OutOfMemoryError e) { // what has not gone is still there
      Memory.pause(0);
      waitForRoom(true);
      return;
    }
    waitForRoom(hasMore());
  }

  private boolean isOpenAndFree() {
    return channel != null && !closed && !waitsForRoom;
  }

  synchronized boolean isDrained() {
    return chunks.isEmpty() && rendezvous.isEmpty();
  }

  private boolean hasMore() {
    return rendezvous.isUnderWay() || !chunks.isEmpty() || rendezvous.canBegin();
  }

  /**
   * Writes the first of: the piece that is under way, gathered frames, the next piece. Returns the
   * bytes written, at least 1.
   */
  private int writeNext() throws IOException {
    if (rendezvous.isUnderWay()) {
      return writePiece();
    }
    ByteBuffer chunk = chunks.peek();
    if (chunk != null) {
      int n = write(chunk);
      if (chunk.hasRemaining()) {
        waitsForRoom = true;
      } else {
        recycle(chunks.poll());
      }
      return Math.max(1, n);
    }
    if (!rendezvous.canBegin()) {
      return 1;
    }
    if (rendezvous.ring().isReady()) {
      ByteBuffer header = room(Frame.HEADER);
      return rendezvous.share(header, claim(header, Frame.HEADER));
    }
    rendezvous.begin();
    return writePiece();
  }

  /** Offers shared memory to a peer on the same host, once. */
  private void offer() {
    SharedMemory offer = connection.isLocal() ? rendezvous.ring().offer() : null;
    if (offer != null) {
      ByteBuffer chunk = room(Frame.HEADER);
      int process = (int) ProcessHandle.current().pid();
      Frame.putOffer(chunk, claim(chunk, Frame.HEADER), process, offer.descriptor, offer.token);
    }
  }

  /** The peer has answered the offer. */
  synchronized void answered(boolean yes) {
    rendezvous.ring().answered(yes);
    flush();
  }

  /** The connection is being shut: no more shared memory. */
  synchronized void endSharing() {
    rendezvous.ring().close();
  }

  /** The peer has read slots of the shared memory, which can be filled again. */
  synchronized void freed(int slots) {
    rendezvous.ring().freed(slots);
    flush();
  }

  private int writePiece() throws IOException {
    long n = rendezvous.write(channel);
    bytes += n;
    lastWrite = System.nanoTime();
    waitsForRoom = rendezvous.isUnderWay();
    return (int) Math.max(1, n);
  }

  private int write(ByteBuffer from) throws IOException {
    int n = channel.write(from);
    bytes += n;
    lastWrite = System.nanoTime();
    return n;
  }

  private void waitForRoom(boolean wait) {
    waitsForRoom = wait;
    int interest = wait ? SelectionKey.OP_READ | SelectionKey.OP_WRITE : SelectionKey.OP_READ;
    try {
      if (key.interestOps() != interest) {
        key.interestOps(interest);
        progress.wakeLeader();
      }
    } catch (CancelledKeyException e) {
      fail(); // the leader has just closed the connection
    }
  }

  /**
   * A write failed. The leader will read to the end of the connection and then call {@link #lose}.
   */
  private void fail() {
    waitsForRoom = true;
    chunks.clear();
  }

  /** Appends bytes by their index; those that do not fit into a chunk go into the next. */
  private void append(ByteBuffer from, int index, int length) {
    int at = index;
    int left = length;
    while (left > 0) {
      ByteBuffer chunk = room(1);
      int n = Math.min(left, freeIn(chunk));
      chunk.put(claim(chunk, n), from, at, n);
      at += n;
      left -= n;
    }
  }

  /** The last chunk, if it has room for so many bytes, or a new one. */
  private ByteBuffer room(int bytes) {
    ByteBuffer last = chunks.peekLast();
    if (last == null || last.capacity() - last.limit() < bytes) {
      last = spare != null ? spare : ByteBuffer.allocateDirect(CHUNK);
      spare = null;
      last.position(0).limit(0);
      chunks.add(last);
    }
    return last;
  }

  private static int freeIn(ByteBuffer chunk) {
    return chunk.capacity() - chunk.limit();
  }

  /** Extends the chunk; returns the index of the new bytes. */
  private static int claim(ByteBuffer chunk, int bytes) {
    int at = chunk.limit();
    chunk.limit(at + bytes);
    return at;
  }

  private void recycle(ByteBuffer chunk) {
    spare = chunk;
  }

  /** A CTS: the receiver asks for a message, or, with an id below 0, wants none of its bytes. */
  void clearToSend(int id, int remoteId) {
    SendRequest send;
    synchronized (this) {
      send = unmatched.get(id);
      if (send != null && remoteId >= 0) {
        send.remoteId = remoteId;
        offer();
        rendezvous.add(send);
        unmatched.remove(id);
        flush();
        return;
      }
      unmatched.remove(id);
    }
    if (send != null) {
      send.succeed();
    }
  }

  /** A receive has matched a synchronous message. */
  void matched(int id) {
    SendRequest send;
    synchronized (this) {
      send = unmatched.remove(id);
    }
    if (send != null) {
      send.succeed();
    }
  }

  synchronized void credit(int bytes) {
    inFlight -= bytes;
  }

  /** The peer has said BYE: fails what waits for an answer of it, which will not come. */
  void leave(Supplier<MPIException> why) {
    List<SendRequest> failed;
    synchronized (this) {
      left = why;
      failed = new ArrayList<>(unmatched.values());
      unmatched.clear();
    }
    DeviceRequest.failAll(failed, why);
  }

  /** The peer is lost: fails all that has not been written. */
  void lose(Supplier<MPIException> why) {
    List<SendRequest> failed;
    synchronized (this) {
      closed = true;
      failed = new ArrayList<>(unmatched.values());
      unmatched.clear();
      rendezvous.close(failed);
      chunks.clear();
      spare = null;
    }
    DeviceRequest.failAll(failed, why);
  }
}
