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
 * All that this rank has to do with one other rank: one connection, made when either of the two
 * first has something to say, and what is under way on it.
 */
final class Link implements Progress.Ready, Arrival.Origin, RecvRequest.Announcer {

  /** The life of a link, in this order. */
  enum State {
    NEW,
    CALLING,
    OPEN,
    LEFT,
    LOST
  }

  /** The endpoint, as far as its links need it. */
  interface Owner {

    Job job();

    Progress progress();

    Matcher matcher();

    /** Connects to the link's rank, on the leader. */
    void connect(Link link);

    /** Whether this rank is in MPI.Finalize. */
    boolean isLeaving();

    /** A link may have been the last one that MPI.Finalize waits for. */
    void someoneLeft();

    /** The link's rank has closed its connection after MPI.Finalize. */
    void left(Link link);

    /** A rank's process is gone. */
    void lose(int rank);

    /** Another rank has noticed a loss. */
    void told(int rank);
  }

  private final Owner owner;
  private final int peer;
  private final Outbox outbox;
  private final Inbox inbox;

  /** Rendezvous receives whose bytes are coming. */
  private final Map<Integer, RecvRequest> receives = new HashMap<>();

  private int lastId;
  private int consumed;
  private volatile State state = State.NEW;
  private volatile boolean saidBye;
  private volatile boolean shut;
  private SocketChannel channel;
  private volatile boolean local;

  Link(Owner owner, int peer) {
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
    return state == State.CALLING || state == State.OPEN;
  }

  /** Whether both ranks have said good-bye, and nothing is left to be written. */
  boolean isOver() {
    return saidBye && outbox.isDrained();
  }

  // ---- any thread

  /** Sends a message. Returns false if the peer is gone. */
  boolean send(SendRequest request) {
    if (state == State.NEW) {
      call();
    }
    return outbox.send(request);
  }

  /** Connects unless that has been done. */
  synchronized void call() {
    if (state == State.NEW) {
      state = State.CALLING;
      try {
        owner.progress().execute(() -> owner.connect(this));
      } catch (OutOfMemoryError e) {
        state = State.NEW;
        throw e;
      }
    }
  }

  @Override
  public void deliver(Arrival a, RecvRequest recv) {
    long pause = 0;
    while (true) {
      try {
        take(a, recv);
        break;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
    if (a.kind != Frame.ANNOUNCE) {
      consumed(a.envelope);
      if (a.kind == Frame.EAGER_SYNC) {
        outbox.control(Frame.MATCHED, a.id, 0);
      }
    }
  }

  private void take(Arrival a, RecvRequest recv) {
    MessageTruncatedException tooLong = recv.begin(a.envelope);
    if (a.kind == Frame.ANNOUNCE) {
      answer(a, recv, tooLong);
      return;
    }
    if (tooLong != null) {
      recv.fail(tooLong);
    } else {
      a.copyTo(recv);
      recv.received();
    }
  }

  /** As its last step the sender is told; so this can be tried again as a whole. */
  private void answer(Arrival a, RecvRequest recv, MessageTruncatedException tooLong) {
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
      recv.fail(new RankLostException(peer));
    } else {
      outbox.control(Frame.CLEAR, announced, id);
    }
  }

  @Override
  public void refuse(int announced) {
    outbox.control(Frame.CLEAR, announced, -1);
  }

  @Override
  public void later(long millis, Runnable task) {
    owner.progress().schedule(millis, task);
  }

  /** An eager message needs no memory of the device any more. */
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

  /** The other rank has proven who it is. */
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

  /** Whatever goes wrong here, an exhausted memory above all, is the end of this link alone. */
  @Override
  public void ready(SelectionKey key) {
    if (!key.isValid()) {
      return; // closed in this very round
    }
    try {
      if (key.isReadable() && !inbox.read(channel)) {
        end();
        return;
      }
      if (key.isValid() && key.isWritable()) {
        outbox.ready();
        owner.someoneLeft();
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

  /** A whole message, or its announcement, is at the door. Returns the receive that takes it. */
  RecvRequest arriving(Arrival arrival) {
    return owner.matcher().arrive(arrival);
  }

  void announced(Envelope e, int id) {
    Arrival a = new Arrival(e, this, Frame.ANNOUNCE, id, null);
    RecvRequest recv = arriving(a);
    if (recv != null) {
      deliver(a, recv);
    }
  }

  /** All bytes of an unexpected message are here. */
  void arrived(Arrival a) {
    RecvRequest claimant = owner.matcher().complete(a);
    if (claimant != null) {
      deliver(a, claimant);
    }
  }

  /** The receive that waits for the rest of an unexpected message, if there is one. */
  RecvRequest claimantOf(Arrival a) {
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
    owner.someoneLeft();
  }

  void told(int lost) {
    owner.told(lost);
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
