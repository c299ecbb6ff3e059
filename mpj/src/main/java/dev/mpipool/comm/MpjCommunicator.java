package dev.mpipool.comm;

import dev.mpipool.device.HeadReceiver;
import dev.mpipool.device.MessageTruncatedException;
import dev.mpipool.device.TcpDevice;
import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Ring;
import dev.mpipool.transport.RankQueues;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import mpi.Group;
import mpi.Intracomm;
import mpi.MPI;
import mpi.MPIException;
import mpi.Status;
import mpjdev.javampjdev.MPJDev;
import org.apache.commons.lang3.ArrayUtils;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ranks on MPJ Express. The only class that knows it.
 *
 * <p>What MPJ Express does badly is kept from the user here. A message longer than the receiver's
 * buffer hangs its receiver, and probing for the length spins: so a message travels as a
 * <i>head</i> of at most 64 KiB, which names the length of the whole, and if it is longer, as
 * further pieces that the receiver then expects from just that rank. A message may have a tail,
 * which is received into an array of its own:
 *
 * <pre>
 *   MPI tag 1:  | tag (int) | length without the tail (int) | length of the tail (int) | its first bytes ... |
 *   MPI tag 2:  | up to 16 MiB of the rest without the tail | ... and so on until that is there
 *   MPI tag 2:  | up to 16 MiB of the tail | ... and so on until the whole is there
 *   MPI tag 3 + tag:  | a message for whom knows how long it can be, see sendInto |
 * </pre>
 *
 * <p>A head and its pieces are kept together by a lock for each destination, and all receiving is
 * done by one thread at a time ({@link Mailbox}), so nothing can come between them. Our tags travel
 * in the head; MPI's tags only tell heads from pieces.
 *
 * <p>Where the ranks are threads of one JVM and our launcher has started them, messages go through
 * {@link RankQueues} instead; those of {@link #sendInto} are copied once, by their receiver.
 *
 * <p>On the stock devices a message to the own rank does not wake a receive that waits inside MPI,
 * so such a message is found by the next {@code receive} but not by one that waits already.
 */
public final class MpjCommunicator extends AbstractCommunicator {

  private static final Logger LOG = LoggerFactory.getLogger(MpjCommunicator.class);

  private static final int HEAD_TAG = 1;
  private static final int PIECE_TAG = 2;
  private static final int STRAIGHT_TAG = 3;
  private static final int WAKE_BYTES = Integer.BYTES;
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  /** In a queue: no message, but something to look for. */
  private static final Object[] WAKE = {};

  private static final int HEADER_BYTES = 3 * Integer.BYTES;
  private static final int HEAD_BYTES = 64 * 1024;

  private static final int PIECE_BYTES = 16 * 1024 * 1024;
  private static final int NO_HEAD = Integer.MIN_VALUE;

  /** A sender that runs out of memory may have put a message into a queue and not told of it. */
  private static final long LOOK_SECONDS = 1;

  /** Into which long messages are received for which there is no memory, piece by piece. */
  private static final byte[] NO_ROOM = new byte[1];

  private static final int MAX_BYTES = Integer.MAX_VALUE - 1023;

  /** One object for each of MPI's, since it holds messages that have arrived. */
  private static final IdentityHashMap<Intracomm, MpjCommunicator> KNOWN = new IdentityHashMap<>();

  private final Intracomm intracomm;
  private final boolean world;
  private final ReentrantLock[] sending;
  private final boolean onTcpDevice = MPJDev.dev instanceof TcpDevice;
  private final int[] worldRanks;

  /** What has come, where the ranks are threads that share it; else null. */
  private final BlockingQueue<Object[]> queue;

  /** Messages that there is no memory for, and what they lack. */
  private final Map<Message, Integer> cut = Collections.synchronizedMap(new IdentityHashMap<>());

  private final Mailbox mailbox;

  /** What this communicator, and the owner's, are registered with; forgotten when it is closed. */
  private final List<RankLostListener> listeners = new CopyOnWriteArrayList<>();

  /** Where a head is received; on our device it is the receiver's. */
  private final ByteBuffer head;

  /** On our device, else null. */
  private final HeadReceiver heads;

  /** What came last and is not a message yet, since there was no memory to make it one. */
  private Object[] queued;

  private int headSource;
  private int headBytes = NO_HEAD;

  private final Runnable waking = this::wakeNow;

  /** When a piece last came from a rank or went to it. */
  private final AtomicLongArray progress;

  /**
   * Ranks whose long message is still coming, and what to do about it and what came after it. A
   * rank that is stopped in the middle of a message must not keep the messages of others away; so
   * where MPI may be called by any thread, one of its own receives the pieces. (On the stock
   * devices no rank does without another.)
   */
  private final Map<Integer, Ring<Runnable>> unfinished = new HashMap<>();

  private static final Executor PIECES =
      Executors.newCachedThreadPool(
          body -> {
            Thread thread = new Thread(body, "mpipool-pieces");
            thread.setDaemon(true);
            return thread;
          });

  private MpjCommunicator(Intracomm intracomm, boolean world) {
    super(intracomm.Rank(), intracomm.Size());
    this.intracomm = intracomm;
    this.world = world;
    this.mailbox = new Mailbox(size(), this::pull);
    this.progress = new AtomicLongArray(size());
    int[] mine = IntStream.range(0, size()).toArray();
    this.worldRanks = Group.Translate_ranks(intracomm.Group(), mine, MPI.COMM_WORLD.Group());
    this.queue =
        areThreads() && RankQueues.areSharedWith(MpjCommunicator.class)
            ? RankQueues.queue(intracomm.mpjdevComm.recvctxt, worldRanks[rank()])
            : null;
    this.heads =
        onTcpDevice && queue == null
            ? new HeadReceiver(
                (TcpDevice) MPJDev.dev, HEAD_BYTES, HEAD_TAG, intracomm.mpjdevComm.recvctxt)
            : null;
    this.head = heads == null ? ByteBuffer.allocate(HEAD_BYTES) : heads.contents();
    this.sending = Stream.generate(ReentrantLock::new).limit(size()).toArray(ReentrantLock[]::new);
  }

  /**
   * The communicator over one of MPJ Express's own, for programs that split theirs. Not collective.
   * While it is in use, nobody may send or receive on the other directly.
   *
   * @param intracomm of which this process is a member
   * @return the same at every call with the same argument
   */
  public static MpjCommunicator of(Intracomm intracomm) {
    Objects.requireNonNull(intracomm, "intracomm");
    MpjCommunicator made;
    synchronized (KNOWN) {
      MpjCommunicator known = KNOWN.get(intracomm);
      if (known != null) {
        return known;
      }
      made = new MpjCommunicator(intracomm, intracomm == MPI.COMM_WORLD);
      KNOWN.put(intracomm, made);
    }
    made.onRankLost(made::lost);
    return made;
  }

  private void lost(int rank, String reason) {
    Memory.persist(() -> mailbox.lose(rank, reason));
    wake();
  }

  private static boolean areThreads() {
    return MPJDev.dev.getClass().getName().startsWith("xdev.smpdev.");
  }

  /** Has the thread that waits inside MPI, if there is one, look around. */
  private void wake() {
    Memory.persist(waking);
  }

  private void wakeNow() {
    if (queue != null) {
      queue.add(WAKE);
    } else if (onTcpDevice) {
      try {
        intracomm.Send(new byte[WAKE_BYTES], 0, WAKE_BYTES, MPI.BYTE, rank(), HEAD_TAG);
      } catch (MPIException e) {
        LOG.debug("Nobody can be waiting: MPI has ended", e);
      }
    }
  }

  @Override
  void transmit(int destination, int tag, ByteBuffer message) {
    send(destination, tag, message, NOTHING);
  }

  @Override
  void transmit(int destination, int tag, ByteBuffer beginning, ByteBuffer tail) {
    if (tail.remaining() > HEAD_BYTES && destination != rank()) {
      send(destination, tag, beginning, tail);
    } else {
      transmit(destination, tag, joined(beginning, tail));
    }
  }

  private void send(int destination, int tag, ByteBuffer beginning, ByteBuffer tail) {
    long length = (long) beginning.remaining() + tail.remaining();
    if (length > MAX_BYTES) {
      throw new CommunicatorException(
          "A message has at most %d bytes, not %d".formatted(MAX_BYTES, length), null);
    }
    if (destination == rank()) {
      mailbox.deliver(new Message(rank(), tag, ByteBuffer.wrap(copy(beginning))));
      wake();
    } else if (queue != null) {
      Object[] message = {rank(), tag, copy(beginning), tail.hasRemaining() ? copy(tail) : null};
      RankQueues.queue(intracomm.mpjdevComm.sendctxt, worldRanks[destination]).add(message);
    } else {
      sendThroughMpi(destination, tag, beginning.duplicate(), tail.duplicate());
    }
  }

  private void sendThroughMpi(int destination, int tag, ByteBuffer beginning, ByteBuffer tail) {
    byte[] first =
        new byte[Math.min(HEAD_BYTES - HEADER_BYTES, beginning.remaining()) + HEADER_BYTES];
    ByteBuffer head = ByteBuffer.wrap(first);
    head.putInt(tag).putInt(beginning.remaining()).putInt(tail.remaining());
    beginning.get(first, HEADER_BYTES, head.remaining());
    sending[destination].lock();
    try {
      intracomm.Send(first, 0, first.length, MPI.BYTE, destination, HEAD_TAG);
      sendPieces(beginning, destination);
      sendPieces(tail, destination);
    } catch (RuntimeException e) {
      throw failure("send to", destination, e);
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
      rest.position(rest.position() + length);
    } else {
      byte[] piece = new byte[length];
      rest.get(piece);
      intracomm.Send(piece, 0, length, MPI.BYTE, destination, PIECE_TAG);
    }
  }

  @Override
  public void sendInto(int destination, int tag, ByteBuffer message) {
    checkOther(destination, tag);
    try {
      int mpiTag = Math.addExact(STRAIGHT_TAG, tag);
      if (queue != null) {
        handOver(destination, tag, message);
      } else if (MPJDev.dev instanceof TcpDevice device && device.isLong(message.remaining())) {
        int context = intracomm.mpjdevComm.sendctxt;
        device.sendFrom(message, worldRanks[destination], mpiTag, context);
      } else {
        ByteBuffer array = message.hasArray() ? message : ByteBuffer.wrap(copy(message));
        int offset = array.arrayOffset() + array.position();
        intracomm.Send(array.array(), offset, array.remaining(), MPI.BYTE, destination, mpiTag);
      }
      progress.set(destination, System.nanoTime());
    } catch (RuntimeException e) {
      throw failure("send to", destination, e);
    }
  }

  @Override
  public int receiveInto(int source, int tag, ByteBuffer place) {
    checkOther(source, tag);
    try {
      int mpiTag = Math.addExact(STRAIGHT_TAG, tag);
      int length;
      if (queue != null) {
        length = takeOver(source, tag, place);
      } else if (MPJDev.dev instanceof TcpDevice device) {
        int context = intracomm.mpjdevComm.recvctxt;
        length = device.receiveInto(place, worldRanks[source], mpiTag, context);
      } else {
        ByteBuffer array = place.hasArray() ? place : ByteBuffer.allocate(place.remaining());
        int offset = array.arrayOffset() + array.position();
        Status status =
            intracomm.Recv(array.array(), offset, array.remaining(), MPI.BYTE, source, mpiTag);
        length = status.Get_count(MPI.BYTE);
        if (!place.hasArray()) {
          place.put(place.position(), array, 0, length);
        }
      }
      progress.set(source, System.nanoTime());
      return length;
    } catch (RuntimeException e) {
      throw failure("receive from", source, e);
    }
  }

  /** Between threads: a long message lies where it is until the receiver has copied it. */
  private void handOver(int destination, int tag, ByteBuffer message) {
    boolean isShort = message.remaining() <= HEAD_BYTES;
    CountDownLatch taken = new CountDownLatch(1);
    RankQueues.straight(
            intracomm.mpjdevComm.sendctxt, worldRanks[rank()], worldRanks[destination], tag)
        .add(new Object[] {isShort ? ByteBuffer.wrap(copy(message)) : message.duplicate(), taken});
    if (!isShort) {
      uninterruptibly(
          () -> {
            taken.await();
            return null;
          });
    }
  }

  private int takeOver(int source, int tag, ByteBuffer place) {
    Object[] next =
        uninterruptibly(
            RankQueues.straight(
                    intracomm.mpjdevComm.recvctxt, worldRanks[source], worldRanks[rank()], tag)
                ::take);
    try {
      ByteBuffer message = (ByteBuffer) next[0];
      place.put(place.position(), message, message.position(), message.remaining());
      return message.remaining();
    } finally {
      ((CountDownLatch) next[1]).countDown();
    }
  }

  @Override
  public boolean sendsUncopied() {
    return queue == null;
  }

  @Override
  public boolean isStraight() {
    return onTcpDevice || queue != null;
  }

  private CommunicatorException failure(String what, int other, RuntimeException e) {
    String text = "Rank %d could not %s rank %d".formatted(rank(), what, other);
    return isLoss(e)
        ? new RankLostException(other, text + ", which is lost", e)
        : new CommunicatorException(text, e);
  }

  @Override
  Message take(int source, int tag) {
    Message message = mailbox.take(source, tag);
    Integer missing = cut.isEmpty() ? null : cut.remove(message);
    if (missing != null) {
      throw new MessageTooLongException(message, missing);
    }
    return message;
  }

  /**
   * Waits for the next message from anybody. The mailbox lets one thread in at a time. If memory
   * runs out, the next call goes on with what has come.
   */
  private Message pull() {
    if (queue != null) {
      return pullFromQueue();
    }
    if (headBytes == NO_HEAD && !receiveHead()) {
      return null;
    }
    boolean tooEarly = false;
    try {
      return begun(headSource, headBytes);
    } catch (OutOfMemoryError e) {
      tooEarly = true;
      throw e;
    } finally {
      if (!tooEarly) {
        headBytes = NO_HEAD;
      }
    }
  }

  private Message pullFromQueue() {
    while (queued == null) {
      queued = uninterruptibly(() -> queue.poll(LOOK_SECONDS, TimeUnit.SECONDS));
    }
    Message message =
        queued.length == 0
            ? null
            : new Message(
                (Integer) queued[0],
                (Integer) queued[1],
                ByteBuffer.wrap((byte[]) queued[2]),
                (byte[]) queued[3]);
    queued = null;
    return message;
  }

  /** Returns whether it is that of a message. */
  private boolean receiveHead() {
    try {
      int source;
      int received;
      if (heads != null) {
        received = heads.receive();
        source = ArrayUtils.indexOf(worldRanks, heads.source());
      } else {
        Status status =
            intracomm.Recv(head.array(), 0, HEAD_BYTES, MPI.BYTE, MPI.ANY_SOURCE, HEAD_TAG);
        received = status.Get_count(MPI.BYTE);
        source = status.source;
      }
      if (received == WAKE_BYTES) {
        return false;
      }
      headSource = source;
      headBytes = received - HEADER_BYTES;
      return true;
    } catch (MPIException e) {
      if (isLoss(e)) {
        return false;
      }
      throw new CommunicatorException("Rank %d could not receive".formatted(rank()), e);
    }
  }

  /** A message whose head has come, with so many bytes; null if it is delivered later. */
  private Message begun(int source, int filled) {
    int tag = head.getInt(0);
    int length = head.getInt(Integer.BYTES);
    int tailLength = head.getInt(2 * Integer.BYTES);
    long missing = (long) length - filled + tailLength;
    if (filled < 0 || length < filled || tailLength < 0 || missing > MAX_BYTES) {
      throw new CommunicatorException(
          "Rank %d sent a message of the impossible length %d + %d"
              .formatted(source, length, tailLength),
          null);
    }
    byte[] data = room(length, filled);
    byte[] tail = tailLength == 0 ? null : room(tailLength, 0);
    boolean isCut = data.length < length || (tail != null && tail.length < tailLength);
    byte[] beginning = isCut ? new byte[filled] : data;
    head.get(HEADER_BYTES, beginning, 0, filled);
    Message message = new Message(source, tag, ByteBuffer.wrap(beginning), isCut ? null : tail);
    Runnable rest =
        () -> {
          receivePieces(source, length, filled, data);
          receivePieces(source, tailLength, 0, tail);
        };
    if (isCut) {
      cut.put(message, (int) missing);
    }
    if (!onTcpDevice) {
      rest.run();
      return message;
    }
    boolean whole = missing == 0;
    try {
      return isToWait(source, whole, whole ? () -> deliver(message) : () -> finish(message, rest))
          ? null
          : message;
    } catch (OutOfMemoryError e) {
      cut.remove(message);
      throw e;
    }
  }

  /** Waits through interrupts, of which the caller hears later. */
  private static <T> T uninterruptibly(Callable<T> wait) {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return wait.call();
        } catch (InterruptedException e) {
          interrupted = true;
        } catch (Exception e) {
          throw new CommunicatorException("A message was not handed over", e);
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** For a message; or, if there is not so much memory and will not be, for nothing of its rest. */
  private byte[] room(int length, int filled) {
    try {
      Memory.require(length);
      return new byte[length];
    } catch (OutOfMemoryError e) {
      if (length == filled || Memory.mayReturn(length)) {
        throw e;
      }
      LOG.warn("There is no memory for a message of {} bytes ({})", length, e.getMessage());
      return onTcpDevice ? NO_ROOM : new byte[Math.min(PIECE_BYTES, length - filled)];
    }
  }

  private void receivePieces(int source, int length, int begun, byte[] room) {
    int filled = begun;
    long pause = 0;
    while (filled < length) {
      int bytes = Math.min(PIECE_BYTES, length - filled);
      int at = room.length < length ? 0 : filled;
      try {
        receivePiece(source, room, at, bytes);
        filled += bytes;
        progress.set(source, System.nanoTime());
        pause = 0;
      } catch (OutOfMemoryError e) {
        pause = Memory.pauseOrThrow(pause, e);
      }
    }
  }

  private void receivePiece(int source, byte[] room, int at, int bytes) {
    if (room != NO_ROOM) {
      intracomm.Recv(room, at, bytes, MPI.BYTE, source, PIECE_TAG);
      return;
    }
    try {
      ((TcpDevice) MPJDev.dev)
          .receiveInto(NOTHING, worldRanks[source], PIECE_TAG, intracomm.mpjdevComm.recvctxt);
    } catch (MessageTruncatedException e) {
      // the piece is gone, as it should
    }
  }

  /**
   * Leaves what is to be done with a message to a thread of its own if it is not whole, and to the
   * same thread if one of its sender is not whole yet.
   */
  private boolean isToWait(int source, boolean whole, Runnable rest) {
    synchronized (unfinished) {
      Ring<Runnable> before = unfinished.get(source);
      if (before != null) {
        before.add(rest);
        return true;
      }
      if (whole) {
        return false;
      }
      Ring<Runnable> all = new Ring<>();
      all.add(rest);
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
        wake();
      }
    } catch (Throwable e) { // a message is lost
      breakDown(source, e);
    }
  }

  /** Whoever waits for a message, now or later, gets an exception. */
  private void breakDown(int source, Throwable why) {
    long pause = 0;
    while (true) {
      try {
        LOG.debug("The rest of a message from rank {} cannot be received", source, why);
        mailbox.close("The rest of a message could not be received");
        wake();
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
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

  private void deliver(Message message) {
    long pause = 0;
    while (true) {
      try {
        mailbox.deliver(message);
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  /** Receives the rest of a long message, while others come. */
  private void finish(Message message, Runnable rest) {
    try {
      rest.run();
    } catch (MPIException e) {
      // nobody will miss it: its sender is gone, or MPI has ended
      LOG.debug("The rest of a message from rank {} does not come", message.source(), e);
      return;
    }
    deliver(message);
  }

  @Override
  public Communicator duplicate() {
    checkNotClosed();
    return of((Intracomm) intracomm.clone());
  }

  @Override
  public Communicator split(int color, int key) {
    checkNotClosed();
    if (color < 0) {
      throw new IllegalArgumentException("A color is at least 0, but this one is " + color);
    }
    return of(intracomm.Split(color, key));
  }

  @Override
  public void onRankLost(RankLostListener listener) {
    checkNotClosed();
    Objects.requireNonNull(listener, "listener");
    RankLostListener ofWorld =
        (lost, reason) -> {
          int rank = ArrayUtils.indexOf(worldRanks, lost);
          if (rank >= 0) {
            listener.rankLost(rank, reason);
          }
        };
    listeners.add(ofWorld);
    LostRanks.listen(ofWorld);
  }

  @Override
  public long lastProgress(int rank) {
    return progress.get(rank);
  }

  private static boolean isLoss(RuntimeException e) {
    return dev.mpipool.device.RankLostException.find(e) != null;
  }

  /** MPJ Express's own devices lose every connection with the first rank. */
  @Override
  public boolean survivesLostRanks() {
    return onTcpDevice || queue != null;
  }

  @Override
  public boolean callableFromAnyThread() {
    return onTcpDevice || queue != null;
  }

  @Override
  public void close() {
    if (!world) {
      markClosed();
      synchronized (KNOWN) {
        KNOWN.remove(intracomm);
      }
      listeners.forEach(LostRanks::forget);
      if (queue != null) {
        RankQueues.forget(intracomm.mpjdevComm.recvctxt, worldRanks[rank()]);
      }
    }
  }

  /** Finds MPJ Express where it is on the class path. */
  public static final class Provider implements CommunicatorProvider {

    private static final Set<String> DEVICES =
        Set.of("smpdev", "niodev", "hybdev", "mxdev", "tcpdev");

    /** Creates the provider; called by {@link java.util.ServiceLoader}. */
    public Provider() {}

    @Override
    public boolean launchedWith(String[] args) {
      return args.length >= 3 && args[0].matches("\\d+") && DEVICES.contains(args[2]);
    }

    @Override
    public String[] programArguments(String[] args) {
      return Arrays.copyOfRange(args, 3, args.length);
    }

    @Override
    public String[] init(String[] args) {
      if (args[2].equals("niodev") || args[2].equals("tcpdev")) {
        TcpDevice.install();
      }
      return MPI.Init(args);
    }

    @Override
    public boolean initialized() {
      try {
        return MPI.Initialized();
      } catch (NoClassDefFoundError e) {
        return false;
      }
    }

    @Override
    public Communicator world() {
      return of(MPI.COMM_WORLD);
    }

    @Override
    public boolean ranksAreProcesses() {
      return !areThreads();
    }

    @Override
    public void finish() {
      if (LostRanks.none() || MPJDev.dev instanceof TcpDevice) {
        MPI.Finalize();
      }
    }
  }
}
