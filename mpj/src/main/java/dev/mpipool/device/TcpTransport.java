package dev.mpipool.device;

import static dev.mpipool.device.MessageLayout.HEADER_BYTES;
import static dev.mpipool.device.MessageLayout.HEAD_BYTES;
import static dev.mpipool.device.MessageLayout.HEAD_TAG;
import static dev.mpipool.device.MessageLayout.IN_PIECES;
import static dev.mpipool.device.MessageLayout.PIECE_BYTES;
import static dev.mpipool.device.MessageLayout.PIECE_TAG;
import static dev.mpipool.device.MessageLayout.headBytes;
import static dev.mpipool.device.MessageLayout.isApart;
import static dev.mpipool.device.MessageLayout.joined;
import static dev.mpipool.device.MessageLayout.writeHead;

import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.comm.FailureModel;
import dev.mpipool.comm.RankLostException;
import dev.mpipool.comm.RankLostListener;
import dev.mpipool.memory.Memory;
import dev.mpipool.transport.Receiver;
import dev.mpipool.transport.Transport;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;
import mpi.MPIException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The transport over the connections of {@link TcpDevice}. MPJ Express need not be initialized. If
 * it is, its messages share the connections with these; the contexts keep them apart.
 *
 * <p>Messages travel in the {@link MessageLayout}. A lock for each destination keeps a head and its
 * pieces together, and heads are received by one thread at a time. Direct messages use the device's
 * own matching.
 */
public final class TcpTransport implements Transport {

  /** The context of heads and pieces, above those of MPJ Express and of direct messages. */
  private static final long MESSAGES = 0xfffe_0000_0000L;

  /** The context of direct messages in context 0, which MPJ Express uses as well. */
  private static final long ALL = 0xffff_0000_0000L;

  /** So much of a message in shared memory is in its head. */
  private static final int FIRST_BYTES = 1024;

  /** Where other messages name a place in shared memory: this rank leaves. */
  private static final long LEAVING = Long.MIN_VALUE;

  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private static final Logger LOG = LoggerFactory.getLogger(TcpTransport.class);

  private final TcpDevice device;
  private final Endpoint endpoint;
  private final int rank;
  private final int size;
  private final HeadReceiver heads;
  private final FailureDetector failures;
  private final ReentrantLock[] sending;

  /** For each rank, when a piece last came from it or went to it ({@link System#nanoTime}). */
  private final AtomicLongArray progress;

  private final SharedArenas arenas;

  /** The length of a head that could not be handled yet for want of memory; else negative. */
  private int headBytes = -1;

  private LongMessages longMessages;
  private Receiver receiver;

  /** A rank that leaves, and of which there may still be a message to deliver; or null. */
  private Integer leaving;

  private TcpTransport(TcpDevice device, Endpoint endpoint) {
    this.device = device;
    this.endpoint = endpoint;
    rank = endpoint.job().rank();
    size = endpoint.job().size();
    heads = new HeadReceiver(endpoint, HEAD_BYTES, HEAD_TAG, MESSAGES);
    failures = new FailureDetector(device);
    failures.listen((lost, reason) -> endpoint.endedElsewhere(lost));
    progress = new AtomicLongArray(size);
    arenas = new SharedArenas(endpoint, size, this::sendControl);
    sending = Stream.generate(ReentrantLock::new).limit(size).toArray(ReentrantLock[]::new);
  }

  /**
   * Joins this process to its job, with the device that {@link TcpDevice#install} has put in place.
   *
   * @param args the rank, the configuration and the name of the device, as {@code MPI.Init} gets
   *     them
   * @return this rank's end
   */
  public static TcpTransport open(String[] args) {
    TcpDevice device = TcpDevice.current();
    try {
      return new TcpTransport(device, device.share(args));
    } catch (MPIException e) {
      throw new CommunicatorException("The other ranks cannot be joined: " + e.getMessage(), e);
    }
  }

  @Override
  public int rank() {
    return rank;
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public void start(Receiver receiver) {
    this.receiver = receiver;
    longMessages = new LongMessages(receiver, this::receivePiece);
    endpoint.onLeaving(heads::wake);
  }

  // ---- sending

  @Override
  public void send(int destination, long context, int tag, ByteBuffer data, ByteBuffer attachment) {
    boolean apart = isApart(data, attachment);
    ByteBuffer beginning = apart ? data.duplicate() : joined(data, attachment);
    ByteBuffer end = apart ? attachment.duplicate() : NOTHING;
    sending[destination].lock();
    try {
      if (!isShared(destination, context, tag, beginning, end)) {
        ByteBuffer head = room(headBytes(beginning));
        writeHead(head, context, tag, beginning, end.remaining(), IN_PIECES);
        endpoint.sendBytes(head, destination, HEAD_TAG, MESSAGES).await();
        sendPieces(beginning, destination);
        sendPieces(end, destination);
      }
    } catch (RuntimeException e) {
      throw failure("send to", destination, e);
    } finally {
      sending[destination].unlock();
    }
  }

  /** Sends a long message through shared memory, unless that is not possible now. */
  private boolean isShared(
      int destination, long context, int tag, ByteBuffer beginning, ByteBuffer end) {
    int first = Math.min(FIRST_BYTES, beginning.remaining());
    int rest = beginning.remaining() - first + end.remaining();
    if (rest <= HEAD_BYTES || destination == rank) {
      return false;
    }
    SharedArena arena = arenas.to(destination);
    long place = arena == null ? IN_PIECES : arena.place(rest);
    if (place < 0) {
      return false;
    }
    ByteBuffer head = room(HEADER_BYTES + first);
    writeHead(head, context, tag, beginning, end.remaining(), place);
    arena.put(place, beginning);
    arena.put(place + beginning.remaining(), end);
    endpoint.sendBytes(head, destination, HEAD_TAG, MESSAGES).await();
    progress.set(destination, System.nanoTime());
    return true;
  }

  /** Sends a control message: about an arena, or that this rank leaves. */
  private void sendControl(int destination, long kind, ByteBuffer content) {
    ByteBuffer head = room(headBytes(content));
    writeHead(head, 0, 0, content, 0, kind);
    endpoint.sendBytes(head, destination, HEAD_TAG, MESSAGES);
  }

  /** Memory for a short message, positioned where that begins. */
  private static ByteBuffer room(int bytes) {
    return ByteBuffer.allocate(Endpoint.BYTES + bytes).position(Endpoint.BYTES);
  }

  private void sendPieces(ByteBuffer rest, int destination) {
    long pause = 0;
    while (rest.hasRemaining()) {
      int length = Math.min(PIECE_BYTES, rest.remaining());
      try {
        sendBytes(rest.slice(rest.position(), length), destination, PIECE_TAG, MESSAGES);
        rest.position(rest.position() + length);
        pause = 0;
      } catch (OutOfMemoryError e) { // but the receiver waits for the rest
        if (!Memory.mayReturn(0)) {
          throw new CommunicatorException("A part of a message could not be sent", e);
        }
        pause = Memory.pause(pause);
      }
    }
  }

  private void sendBytes(ByteBuffer bytes, int destination, int tag, long context) {
    int length = bytes.remaining();
    if (length > endpoint.job().eagerLimit()) {
      endpoint.sendFrom(bytes, destination, tag, context).await();
    } else {
      ByteBuffer copy = room(length);
      copy.put(copy.position(), bytes, bytes.position(), length);
      endpoint.sendBytes(copy, destination, tag, context).await();
    }
    progress.set(destination, System.nanoTime());
  }

  private CommunicatorException failure(String what, int other, RuntimeException e) {
    if (e instanceof CommunicatorException known) {
      return known;
    }
    String text = "Rank %d could not %s rank %d".formatted(rank, what, other);
    var lost = dev.mpipool.device.RankLostException.find(e);
    if (lost == null) {
      return new CommunicatorException(text, e);
    }
    String how = lost.hasLeft() ? ", which has left the job" : ", which is lost";
    return new RankLostException(other, text + how, e);
  }

  // ---- receiving

  @Override
  public void poll(long nanos) {
    if (leaving == null) {
      leaving = endpoint.nextLeaving();
    }
    if (headBytes < 0) {
      try {
        headBytes = heads.receive(leaving == null ? nanos : 0) - HEADER_BYTES;
      } catch (dev.mpipool.device.RankLostException e) {
        return; // in the middle of its head
      } catch (MPIException e) {
        throw new CommunicatorException("Rank %d could not receive".formatted(rank), e);
      }
    }
    if (headBytes < 0) {
      if (leaving != null) { // its last message would have been there
        int left = leaving;
        leaving = null;
        receiver.left(left);
      }
      return;
    }
    boolean tooEarly = false;
    try {
      received(heads.source(), heads.contents().slice(0, HEADER_BYTES + headBytes));
    } catch (OutOfMemoryError e) {
      tooEarly = true;
      throw e;
    } finally {
      if (!tooEarly) {
        headBytes = -1;
      }
    }
  }

  private void received(int source, ByteBuffer head) {
    long context = head.getLong();
    int tag = head.getInt();
    int length = head.getInt();
    int endLength = head.getInt();
    long place = head.getLong();
    if (place == LEAVING) {
      receiver.left(source);
    } else if (place < IN_PIECES) {
      arenas.received(source, place, head);
    } else if (place == IN_PIECES) {
      longMessages.begin(source, context, tag, length, endLength, head.slice(), null);
    } else {
      int rest = MessageLayout.missing(source, length, head.remaining(), endLength);
      SharedArena arena = arenas.from(source);
      ByteBuffer shared = arena == null ? null : arena.message(place, rest);
      if (shared == null) {
        throw new CommunicatorException(
            "Rank %d sent a message of the impossible place %d".formatted(source, place), null);
      }
      longMessages.begin(source, context, tag, length, endLength, head.slice(), shared);
      arena.done(place, rest);
      progress.set(source, System.nanoTime());
    }
  }

  @Override
  public void wake() {
    heads.wake();
  }

  /** Receives a piece into this place; or, if that is null, drops it. */
  private void receivePiece(int source, ByteBuffer place) {
    try {
      receiveBytes(source, PIECE_TAG, MESSAGES, place == null ? NOTHING : place);
    } catch (MessageTruncatedException e) {
      if (place != null) {
        throw e;
      }
    }
  }

  private int receiveBytes(int source, int tag, long context, ByteBuffer place) {
    MemoryReceive receive = endpoint.receiveInto(place, source, tag, context);
    receive.await();
    progress.set(source, System.nanoTime());
    return receive.bytes();
  }

  // ---- direct messages

  @Override
  public boolean isDirect() {
    return true;
  }

  @Override
  public void sendDirect(int destination, long context, int tag, ByteBuffer message) {
    try {
      sendBytes(message, destination, tag, ofDevice(context));
    } catch (RuntimeException e) {
      throw failure("send to", destination, e);
    }
  }

  @Override
  public int receiveDirect(int source, long context, int tag, ByteBuffer place) {
    try {
      return receiveBytes(source, tag, ofDevice(context), place);
    } catch (RuntimeException e) {
      throw failure("receive from", source, e);
    }
  }

  private static long ofDevice(long context) {
    return context == 0 ? ALL : context;
  }

  // ---- properties

  @Override
  public Threads threads() {
    return Threads.ANY;
  }

  @Override
  public FailureModel failures() {
    return FailureModel.PER_RANK;
  }

  @Override
  public void onRankLost(RankLostListener listener) {
    failures.listen(listener);
  }

  @Override
  public long lastProgress(int other) {
    return progress.get(other);
  }

  @Override
  public boolean keepsAttachments() {
    return true;
  }

  @Override
  public boolean ranksAreProcesses() {
    return true;
  }

  @Override
  public boolean launcherEndsRanks() {
    return dev.mpipool.link.LauncherLink.current().isPresent();
  }

  /**
   * By a message, if MPI.Finalize will come first, which waits for all ranks and tells none; else
   * {@link #finish} tells them.
   */
  @Override
  public void leaving() {
    if (!device.isInitialized()) {
      return;
    }
    for (int other = 0; other < size; other++) {
      if (other != rank && endpoint.isConnected(other)) {
        try {
          sendControl(other, LEAVING, NOTHING);
        } catch (RuntimeException | OutOfMemoryError e) {
          LOG.debug("Rank {} does not hear that this rank leaves", other, e);
        }
      }
    }
  }

  /** Waits for the living ranks that are connected to this one, unless alone. */
  @Override
  public void finish(boolean alone) {
    arenas.close();
    if (!alone) {
      device.release();
      LOG.debug("Rank {} has left the job", rank);
    }
  }
}
