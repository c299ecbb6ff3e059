package dev.mpipool.device;

import dev.mpipool.memory.Memory;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import mpi.MPIException;

/**
 * The connection to one other rank, and the operations that are under way on it. It is made when
 * either rank first sends to the other.
 *
 * <p>Any thread may send and deliver; the leader of {@link Progress} reads, opens and shuts. The
 * monitor guards the state, the monitor of {@code receives} the rendezvous receives and the credit;
 * {@link Outbox} has a lock of its own.
 */
final class Connection
    implements Progress.Ready, UnexpectedMessage.Origin, RecvRequest.RendezvousSender {

  /** The states of a connection, in this order; LEFT and LOST are final. */
  enum State {
    NEW,
    CONNECTING,
    OPEN,
    LEFT,
    LOST
  }

  /** What a connection needs of its {@link Endpoint}. */
  interface Owner {

    Job job();

    Progress progress();

    Matcher matcher();

    /** Starts to connect to the connection's rank. Called on the leader. */
    void connect(Connection connection);

    /** Whether this rank is in MPI.Finalize. */
    boolean isLeaving();

    /** Ends MPI.Finalize's wait if this was the last connection that it waits for. */
    void checkFinish();

    /** A rank is in MPI.Finalize, and has sent all that it ever will. */
    void leaving(int rank);

    /** The connection's rank has left the job by MPI.Finalize. */
    void left(Connection connection);

    /** A rank is lost: its process has ended. */
    void lose(int rank);

    /** Another rank has reported that a rank is lost. */
    void lossReported(int rank);
  }

  private final Owner owner;
  private final int peer;
  private final Outbox outbox;
  private final Inbox inbox;

  /** Rendezvous receives that wait for data, by the id that their CTS has told the sender. */
  private final Map<Integer, RecvRequest> receives = new HashMap<>();

  private int lastId;
  private int consumed;
  private volatile State state = State.NEW;
  private volatile boolean saidBye;
  private volatile boolean shut;
  private SocketChannel channel;
  private volatile boolean local;

  Connection(Owner owner, int peer) {
    this.owner = owner;
    this.peer = peer;
    outbox = new Outbox(this, owner.progress(), owner.job().eagerLimit());
    inbox = new Inbox(this);
  }

  int peer() {
    return peer;
  }

  Outbox outbox() {
    return outbox;
  }

  State state() {
    return state;
  }

  private boolean isGone() {
    return state == State.LOST || state == State.LEFT;
  }

  /** Whether the peer is on this host, for certain. */
  boolean isLocal() {
    return local;
  }

  boolean isConnecting() {
    return state == State.CONNECTING || state == State.OPEN;
  }

  /** Whether the peer has sent BYE and all frames of this rank have been written. */
  boolean isOver() {
    return saidBye && outbox.isDrained();
  }

  // ---- any thread

  /** Sends a message. Returns false if the peer is gone. */
  boolean send(SendRequest request) {
    if (state == State.NEW) {
      connect();
    }
    return outbox.send(request);
  }

  /** Starts to connect, once. */
  synchronized void connect() {
    if (state == State.NEW) {
      state = State.CONNECTING;
      try {
        owner.progress().execute(() -> owner.connect(this));
      } catch (OutOfMemoryError e) {
        state = State.NEW;
        throw e;
      }
    }
  }

  @Override
  public void deliver(UnexpectedMessage a, RecvRequest recv) {
    long pause = 0;
    while (true) {
      try {
        receive(a, recv);
        break;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
    if (a.kind != Frame.RTS) {
      consumed(a.envelope);
      if (a.kind == Frame.EAGER_SYNC) {
        outbox.control(Frame.MATCHED, a.id, 0);
      }
    }
  }

  private void receive(UnexpectedMessage a, RecvRequest recv) {
    MessageTruncatedException tooLong = recv.begin(a.envelope);
    if (a.kind == Frame.RTS) {
      answerRts(a, recv, tooLong);
      return;
    }
    if (tooLong != null) {
      recv.fail(tooLong);
    } else {
      a.copyTo(recv);
      recv.received();
    }
  }

  /** Answers an RTS. The sender is told in the last step, so after an error all can be repeated. */
  private void answerRts(UnexpectedMessage a, RecvRequest recv, MessageTruncatedException tooLong) {
    if (tooLong != null || a.envelope.length() == 0) {
      refuse(a.id);
      if (tooLong != null) {
        recv.fail(tooLong);
      } else {
        recv.received();
      }
      return;
    }
    if (!recv.hold(this, a.id)) {
      fetch(a.id, recv);
    }
  }

  @Override
  public void fetch(int announced, RecvRequest recv) {
    int id;
    synchronized (receives) {
      if (isGone()) {
        id = -1;
      } else {
        lastId = lastId + 1 & Integer.MAX_VALUE;
        id = lastId;
        receives.put(id, recv);
      }
    }
    if (id < 0) {
      recv.fail(owner.matcher().lossOf(peer));
    } else {
      outbox.control(Frame.CTS, announced, id);
    }
  }

  @Override
  public void refuse(int announced) {
    outbox.control(Frame.CTS, announced, -1);
  }

  @Override
  public void later(long millis, Runnable task) {
    owner.progress().schedule(millis, task);
  }

  /** An eager message no longer takes memory of the device: returns credit, now or later. */
  void consumed(Envelope e) {
    int credit = 0;
    synchronized (receives) {
      consumed += (int) e.length() + Frame.HEADER;
      if (consumed >= Job.EAGER_WINDOW / 4) {
        credit = consumed;
        consumed = 0;
      }
    }
    if (credit > 0) {
      try {
        outbox.control(Frame.CREDIT, 0, credit);
      } catch (OutOfMemoryError later) {
        synchronized (receives) {
          consumed += credit;
        }
      }
    }
  }

  // ---- the leader

  /** The other rank has been authenticated. */
  void open(SocketChannel connected) throws ClosedChannelException {
    synchronized (this) {
      state = State.OPEN;
      channel = connected;
      local = Unix.isUnix(connected);
    }
    SelectionKey key = connected.keyFor(owner.progress().selector());
    if (key == null) {
      key = connected.register(owner.progress().selector(), SelectionKey.OP_READ, this);
    } else {
      key.attach(this);
      key.interestOps(SelectionKey.OP_READ);
    }
    if (owner.isLeaving()) {
      outbox.control(Frame.BYE, 0, 0);
    }
    outbox.open(connected, key);
  }

  /** Any failure in here, such as an OutOfMemoryError, ends this connection alone. */
  @Override
  public void ready(SelectionKey key) {
    if (!key.isValid()) {
      return; // closed in this turn
    }
    try {
      if (key.isReadable() && !inbox.read(channel)) {
        end();
        return;
      }
      if (key.isValid() && key.isWritable()) {
        outbox.ready();
        owner.checkFinish();
      }
    } catch (IOException | RuntimeException | Error e) {
      end();
    }
  }

  @Override
  public boolean look() {
    if (state != State.OPEN) {
      return false;
    }
    try {
      long before = inbox.bytes();
      if (!inbox.read(channel)) {
        end();
        return true;
      }
      return inbox.bytes() != before || outbox.retry();
    } catch (IOException | RuntimeException | Error e) {
      end();
      return true;
    }
  }

  /** Matches a message that begins to arrive. Returns its receive, or null if it is unexpected. */
  RecvRequest arriving(UnexpectedMessage message) {
    return owner.matcher().arrive(message);
  }

  void rtsArrived(Envelope e, int id) {
    UnexpectedMessage a = new UnexpectedMessage(e, this, Frame.RTS, id, null);
    RecvRequest recv = arriving(a);
    if (recv != null) {
      deliver(a, recv);
    }
  }

  /** All bytes of an unexpected message have arrived. */
  void arrived(UnexpectedMessage a) {
    RecvRequest claimant = owner.matcher().complete(a);
    if (claimant != null) {
      deliver(a, claimant);
    }
  }

  /** The receive that waits for the rest of an unexpected message, if there is one. */
  RecvRequest claimantOf(UnexpectedMessage a) {
    return owner.matcher().complete(a);
  }

  RecvRequest receiveOf(int id) {
    synchronized (receives) {
      return receives.get(id);
    }
  }

  void endReceive(int id) {
    synchronized (receives) {
      receives.remove(id);
    }
  }

  void bye() {
    saidBye = true;
    outbox.leave(() -> RankLostException.left(peer));
    owner.leaving(peer);
    owner.checkFinish();
  }

  void lossReported(int lost) {
    owner.lossReported(lost);
  }

  private void end() {
    if (saidBye) {
      owner.left(this);
    } else {
      owner.lose(peer);
    }
  }

  /** Ends the connection and everything that stands on it. */
  void shut(State last, Supplier<MPIException> why) {
    synchronized (this) {
      if (shut) {
        return;
      }
      state = last;
    }
    close();
    inbox.lose(why);
    outbox.lose(why);
    List<RecvRequest> failed;
    synchronized (receives) {
      failed = new ArrayList<>(receives.values());
      receives.clear();
    }
    DeviceRequest.failAll(failed, why);
    shut = true;
  }

  /** Whether {@link #shut} has come to its end. */
  boolean isShut() {
    return shut;
  }

  private void close() {
    outbox.endSharing();
    SocketChannel open = channel;
    if (open != null) {
      try {
        open.close();
      } catch (IOException e) {
        // It is as closed as it can be.
      }
    }
  }
}
