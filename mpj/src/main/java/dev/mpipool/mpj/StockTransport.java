package dev.mpipool.mpj;

import static dev.mpipool.device.MessageLayout.HEADER_BYTES;
import static dev.mpipool.device.MessageLayout.HEAD_BYTES;
import static dev.mpipool.device.MessageLayout.HEAD_TAG;
import static dev.mpipool.device.MessageLayout.IN_PIECES;
import static dev.mpipool.device.MessageLayout.PIECE_BYTES;
import static dev.mpipool.device.MessageLayout.PIECE_TAG;
import static dev.mpipool.device.MessageLayout.headBytes;
import static dev.mpipool.device.MessageLayout.isApart;
import static dev.mpipool.device.MessageLayout.joined;
import static dev.mpipool.device.MessageLayout.missing;
import static dev.mpipool.device.MessageLayout.writeHead;

import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.comm.FailureModel;
import dev.mpipool.comm.RankLostListener;
import dev.mpipool.device.FailureDetector;
import dev.mpipool.device.MessageLayout;
import dev.mpipool.link.LauncherLink;
import dev.mpipool.memory.Memory;
import dev.mpipool.transport.Receiver;
import dev.mpipool.transport.Transport;
import java.lang.reflect.Constructor;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;
import mpi.Intracomm;
import mpi.MPI;
import mpi.MPIException;
import mpi.Status;
import mpjdev.Comm;
import mpjdev.Group;
import mpjdev.javampjdev.MPJDev;
import xdev.Device;

/**
 * Ranks on one of MPJ Express's own devices (niodev, smpdev, hybdev), and what these do badly. They
 * know a rank by the group of the thread that calls, an interrupt closes their connections, and so
 * does the first rank that is lost. A message longer than the receiver's buffer hangs its receiver,
 * and probing for the length spins: so messages travel in the {@link MessageLayout}.
 *
 * <p>A thread that waits inside MPI cannot be woken: what a rank sends to itself is found by its
 * next receive, but not by one that waits already.
 */
final class StockTransport implements Transport {

  /** A communicator's number that MPJ Express does not come to. */
  private static final int CONTEXT = 0x6d70_6970;

  /** The context of the message of a rank that leaves; those of communicators are others. */
  private static final long LEAVING = Long.MIN_VALUE;

  /** After so long without a receiving thread, a rank that leaves serves no others any more. */
  private static final long IDLE_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

  private static final String NIODEV = "xdev.niodev.";

  private final Intracomm intracomm;
  private final int rank;
  private final int size;
  private final ReentrantLock[] sending;
  private final AtomicLongArray progress;
  private final FailureDetector failures;

  /** Held by the thread that receives. */
  private final ReentrantLock receiving = new ReentrantLock();

  /** How often a thread has begun to receive. */
  private final AtomicLong polls = new AtomicLong();

  private final byte[] head = new byte[HEAD_BYTES];
  private Receiver receiver;

  /** Of a head that has been received and not yet delivered, since memory has run out. */
  private int headBytes = -1;

  private int headSource;

  /** MPI is initialized. */
  StockTransport(FailureDetector failures) {
    this.failures = failures;
    this.intracomm = besides(MPI.COMM_WORLD);
    this.rank = intracomm.Rank();
    this.size = intracomm.Size();
    this.progress = new AtomicLongArray(size);
    this.sending = Stream.generate(ReentrantLock::new).limit(size).toArray(ReentrantLock[]::new);
  }

  /**
   * All ranks once more, with messages of their own. MPJ Express makes a communicator only with all
   * ranks calling, to agree on a number; this one has a number that is known.
   */
  private static Intracomm besides(Intracomm world) {
    try {
      Constructor<mpjdev.javampjdev.Comm> lower =
          mpjdev.javampjdev.Comm.class.getDeclaredConstructor(
              Device.class, Group.class, Group.class, int.class);
      lower.setAccessible(true);
      Group group = world.mpjdevComm.group;
      Comm comm = lower.newInstance(MPJDev.dev, group, group, 0);
      comm.localgroup = group;
      comm.sendctxt = CONTEXT;
      comm.recvctxt = CONTEXT;
      comm.collctxt = CONTEXT + 1;
      Constructor<Intracomm> upper =
          Intracomm.class.getDeclaredConstructor(Comm.class, Group.class);
      upper.setAccessible(true);
      return upper.newInstance(comm, group);
    } catch (ReflectiveOperationException e) {
      throw new CommunicatorException("This is no MPJ Express 0.44", e);
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
  public void start(Receiver to) {
    receiver = to;
  }

  // ---- sending

  @Override
  public void send(int destination, long context, int tag, ByteBuffer data, ByteBuffer attachment) {
    boolean apart = isApart(data, attachment);
    ByteBuffer beginning = apart ? data.duplicate() : joined(data, attachment);
    ByteBuffer end = apart ? attachment.duplicate() : ByteBuffer.allocate(0);
    byte[] first = new byte[headBytes(beginning)];
    writeHead(ByteBuffer.wrap(first), context, tag, beginning, end.remaining(), IN_PIECES);
    sending[destination].lock();
    try {
      intracomm.Send(first, 0, first.length, MPI.BYTE, destination, HEAD_TAG);
      sendPieces(beginning, destination);
      sendPieces(end, destination);
    } catch (RuntimeException e) {
      throw new CommunicatorException(
          "Rank %d could not send to rank %d".formatted(rank, destination), e);
    } finally {
      sending[destination].unlock();
    }
  }

  private void sendPieces(ByteBuffer rest, int destination) {
    long pause = 0;
    while (rest.hasRemaining()) {
      try {
        sendPiece(rest, destination);
        progress.set(destination, System.nanoTime());
        pause = 0;
      } catch (OutOfMemoryError e) { // but the receiver waits for the rest
        if (!Memory.mayReturn(0)) {
          throw new CommunicatorException("A part of a message could not be sent", e);
        }
        pause = Memory.pause(pause);
      }
    }
  }

  private void sendPiece(ByteBuffer rest, int destination) {
    int length = Math.min(PIECE_BYTES, rest.remaining());
    if (rest.hasArray()) {
      int offset = rest.arrayOffset() + rest.position();
      intracomm.Send(rest.array(), offset, length, MPI.BYTE, destination, PIECE_TAG);
    } else {
      byte[] piece = new byte[length];
      rest.get(rest.position(), piece);
      intracomm.Send(piece, 0, length, MPI.BYTE, destination, PIECE_TAG);
    }
    rest.position(rest.position() + length);
  }

  // ---- receiving

  /** Waits for the next message, however long that takes: nothing can wake a thread inside MPI. */
  @Override
  public void poll(long nanos) {
    receiving.lock();
    polls.incrementAndGet();
    boolean tooEarly = false;
    try {
      receiveHead();
      receiveRest(headSource, headBytes);
    } catch (OutOfMemoryError e) {
      tooEarly = true;
      throw e;
    } finally {
      if (!tooEarly) {
        headBytes = -1;
      }
      receiving.unlock();
    }
  }

  private void receiveHead() {
    if (headBytes < 0) {
      try {
        Status status = intracomm.Recv(head, 0, HEAD_BYTES, MPI.BYTE, MPI.ANY_SOURCE, HEAD_TAG);
        headBytes = status.Get_count(MPI.BYTE) - HEADER_BYTES;
        headSource = status.source;
      } catch (MPIException e) {
        throw new CommunicatorException("Rank %d could not receive".formatted(rank), e);
      }
    }
  }

  /** A message whose head has come, with so many bytes. */
  private void receiveRest(int source, int filled) {
    ByteBuffer in = ByteBuffer.wrap(head);
    long context = in.getLong();
    int tag = in.getInt();
    int length = in.getInt();
    int endLength = in.getInt();
    int missing = missing(source, length, filled, endLength);
    byte[] data = room(length, filled);
    byte[] end = endLength == 0 ? null : room(endLength, 0);
    boolean isCut = data.length < length || (end != null && end.length < endLength);
    byte[] beginning = isCut ? Arrays.copyOfRange(head, HEADER_BYTES, HEADER_BYTES + filled) : data;
    if (!isCut) {
      System.arraycopy(head, HEADER_BYTES, data, 0, filled);
    }
    receivePieces(source, length, filled, data);
    receivePieces(source, endLength, 0, end);
    deliver(source, context, tag, beginning, isCut ? null : end, isCut ? missing : 0);
  }

  /** The pieces are nowhere else; others may have taken the memory that this needs. */
  private void deliver(int source, long context, int tag, byte[] data, byte[] end, int missing) {
    if (context == LEAVING) {
      receiver.left(source);
      return;
    }
    long pause = 0;
    while (true) {
      try {
        receiver.received(source, context, tag, ByteBuffer.wrap(data), end, missing);
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  /**
   * Receives messages and drops them until MPI ends: a rank that sends a long one to this rank,
   * which has left, would wait for ever, and with it all that wait for it in MPI.Finalize.
   */
  private void dropMessages() {
    awaitOtherReceivers();
    receiving.lock();
    try {
      byte[] room = new byte[PIECE_BYTES];
      while (true) {
        receiveHead();
        ByteBuffer in = ByteBuffer.wrap(head);
        long context = in.getLong();
        in.getInt(); // the tag
        int length = in.getInt();
        int endLength = in.getInt();
        receivePieces(headSource, length, headBytes, room);
        receivePieces(headSource, endLength, 0, room);
        headBytes = -1;
        if (context == LEAVING) {
          receiver.left(headSource);
        }
      }
    } catch (RuntimeException | OutOfMemoryError e) {
      return; // MPI has ended
    } finally {
      receiving.unlock();
    }
  }

  /**
   * Returns once no thread receives any more: those that serve other ranks, for a lock say, go on.
   */
  private void awaitOtherReceivers() {
    long seen = -1;
    while (receiving.isLocked() || polls.get() != seen) {
      seen = polls.get();
      LockSupport.parkNanos(IDLE_NANOS);
    }
  }

  /** For a message; or, if there is not so much memory and will not be, for a piece of its rest. */
  private static byte[] room(int length, int filled) {
    return MessageLayout.room(length, filled, Math.min(PIECE_BYTES, length - filled));
  }

  private void receivePieces(int source, int length, int begun, byte[] room) {
    int filled = begun;
    long pause = 0;
    while (filled < length) {
      int bytes = Math.min(PIECE_BYTES, length - filled);
      int at = room.length < length ? 0 : filled;
      try {
        intracomm.Recv(room, at, bytes, MPI.BYTE, source, PIECE_TAG);
        filled += bytes;
        progress.set(source, System.nanoTime());
        pause = 0;
      } catch (OutOfMemoryError e) {
        pause = Memory.pauseOrThrow(pause, e);
      }
    }
  }

  /** Does nothing: a thread that waits inside MPI cannot be woken. */
  @Override
  public void wake() {}

  // ---- what is known of it

  @Override
  public Threads threads() {
    return Threads.OWN_ONLY;
  }

  /** Every connection ends with the first rank that is lost. */
  @Override
  public FailureModel failures() {
    return FailureModel.WHOLE_JOB;
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
  public void sendDirect(int destination, long context, int tag, ByteBuffer message) {
    throw new UnsupportedOperationException("MPJ Express needs an array in between");
  }

  @Override
  public int receiveDirect(int source, long context, int tag, ByteBuffer place) {
    throw new UnsupportedOperationException("MPJ Express needs an array in between");
  }

  @Override
  public boolean ranksAreProcesses() {
    return !Joining.ranksAreThreads();
  }

  @Override
  public boolean launcherEndsRanks() {
    return LauncherLink.current().isPresent();
  }

  /**
   * By a message, since MPI.Finalize waits for all ranks and tells none. On niodev only, where a
   * short message is sent without its receiver: on the other devices its sender waits for it.
   */
  @Override
  public void leaving() {
    if (!MPJDev.dev.getClass().getName().startsWith(NIODEV)) {
      return;
    }
    try {
      Thread dropping = new Thread(this::dropMessages, "mpipool-leaving");
      dropping.setDaemon(true);
      dropping.start();
    } catch (OutOfMemoryError e) { // long messages that are sent now stay with their senders
    }
    ByteBuffer nothing = ByteBuffer.allocate(0);
    for (int other = 0; other < size; other++) {
      if (other != rank) {
        try {
          send(other, LEAVING, 0, nothing, nothing);
        } catch (RuntimeException e) {
          return; // a rank is lost, and with it the job
        }
      }
    }
  }

  /** Does nothing: this has ended with MPI, which the provider ends. */
  @Override
  public void finish(boolean alone) {}
}
