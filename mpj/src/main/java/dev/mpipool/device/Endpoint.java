package dev.mpipool.device;

import dev.mpipool.link.LauncherLink;
import dev.mpipool.memory.Memory;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import mpi.MPIException;
import mpjbuf.Buffer;
import mpjdev.Status;

/**
 * This rank's part in the job: its connections to the other ranks, and the matcher and the progress
 * engine that they share. Any thread may start operations; methods under "loss of other ranks" are
 * called by the leader. The endpoint has no lock of its own.
 */
final class Endpoint implements Connection.Owner {

  private static final int BACKLOG = 1024;

  /** Milliseconds that a thread waits for I/O, at most, while the process is about to exit. */
  private static final int LOOK_MILLIS = 5;

  /** MPI.Finalize waits for this request. */
  private final class Departure extends DeviceRequest {
    Departure() {
      super(progress);
    }

    @Override
    Status status() {
      return new Status();
    }
  }

  private final Job job;
  private final Progress progress;
  private final Matcher matcher = new Matcher();
  private final FailureNotifier failures;
  private final Queue<Integer> leaving = new ConcurrentLinkedQueue<>();
  private volatile Runnable whenLeaving = () -> {};
  private final DeviceLog log = new DeviceLog();
  private final Connector connector = new Connector(this);
  private final Acceptor acceptor = new Acceptor(this);
  private final Connection[] connections;
  private final RankId[] ids;
  private ServerSocketChannel server;
  private ServerSocketChannel unixServer;
  private volatile Departure departure;

  Endpoint(Job job, FailureNotifier failures) throws IOException {
    this.job = job;
    this.failures = failures;
    progress = new Progress("mpipool-device-" + job.rank(), this::breakDown);
    connections = new Connection[job.size()];
    ids = new RankId[job.size()];
    for (int r = 0; r < connections.length; r++) {
      ids[r] = new RankId(r);
      connections[r] = r == job.rank() ? null : new Connection(this, r);
    }
  }

  /** Exchanges addresses with the other ranks. From here on they can connect. */
  void start() throws IOException {
    SharedMemory.sweep();
    job.meet(this::listen);
    if (!job.hasSecret() && job.rank() == 0 && job.size() > 1) {
      log.noSecret();
    }
    server.configureBlocking(false);
    server.register(progress.selector(), SelectionKey.OP_ACCEPT, acceptor);
    if (unixServer != null) {
      unixServer.configureBlocking(false);
      unixServer.register(progress.selector(), SelectionKey.OP_ACCEPT, acceptor);
    }
    progress.start();
    LauncherLink.current().ifPresent(link -> link.onExit(this::leaveSelectOften));
  }

  /** See {@link LauncherLink#onExit}. */
  private void leaveSelectOften() {
    progress.schedule(LOOK_MILLIS, this::leaveSelectOften);
  }

  private int listen(InetAddress local) throws IOException {
    server = ServerSocketChannel.open();
    server.bind(new InetSocketAddress(local, 0), BACKLOG);
    int port = ((InetSocketAddress) server.getLocalAddress()).getPort();
    unixServer = Unix.listen(local, port);
    return port;
  }

  @Override
  public Job job() {
    return job;
  }

  @Override
  public Progress progress() {
    return progress;
  }

  @Override
  public Matcher matcher() {
    return matcher;
  }

  @Override
  public void connect(Connection connection) {
    connector.connect(connection);
  }

  DeviceLog log() {
    return log;
  }

  RankId[] ids() {
    return ids;
  }

  Connection connection(int rank) {
    return connections[rank];
  }

  SocketAddress unixAddress(int rank) {
    return Unix.address(job.host(rank), job.port(rank));
  }

  // ---- operations, on user threads

  /** Streams is allowed only if the caller waits until the send is done. */
  SendRequest send(
      Buffer buffer, int to, int tag, long context, boolean synchronous, boolean streams) {
    boolean far = to != job.rank();
    SendRequest send =
        new SendRequest(progress, job.rank(), buffer, tag, context, synchronous, streams && far);
    if (to == job.rank()) {
      sendToSelf(send);
    } else if (!connections[to].send(send)) {
      throw matcher.lossOf(to);
    }
    return send;
  }

  /** Sends a long message to another rank from memory that belongs to no mpjbuf buffer. */
  SendRequest sendFrom(ByteBuffer bytes, int to, int tag, long context) {
    SendRequest send = new SendRequest(progress, job.rank(), bytes, tag, context);
    if (!connections[to].send(send)) {
      throw matcher.lossOf(to);
    }
    return send;
  }

  /** The offset of the message in the memory for {@link #sendBytes}. */
  static final int BYTES = Frame.HEADER + Buffer.SECTION_OVERHEAD;

  /**
   * Sends a short message to another rank: the memory from {@link #BYTES} on. The memory belongs to
   * the device from now on.
   */
  SendRequest sendBytes(ByteBuffer memory, int to, int tag, long context) {
    SendRequest send = SendRequest.ofBytes(progress, job.rank(), memory, tag, context);
    if (!connections[to].send(send)) {
      throw matcher.lossOf(to);
    }
    return send;
  }

  MemoryReceive receiveInto(ByteBuffer place, int source, int tag, long context) {
    MemoryReceive recv = new MemoryReceive(progress, ids, place, source, tag, context);
    post(recv);
    return recv;
  }

  /** Returns a send that has succeeded, without sending. */
  SendRequest drop(Buffer buffer, int tag, long context) {
    SendRequest send = new SendRequest(progress, job.rank(), buffer, tag, context, false, false);
    send.succeed();
    return send;
  }

  private void sendToSelf(SendRequest send) {
    boolean keep = send.synchronous || send.envelope.length() > job.eagerLimit();
    UnexpectedMessage a =
        new UnexpectedMessage(send.envelope, null, Frame.EAGER, 0, keep ? send : null);
    if (!keep) {
      a.storeFrom(send);
      a.complete = true;
    }
    RecvRequest recv = matcher.arrive(a);
    if (recv != null) {
      deliverOwn(a, recv);
    }
    if (!keep) {
      send.succeed();
    }
  }

  /** The matcher has removed both, so this has to complete them, whatever memory there is. */
  private void deliverOwn(UnexpectedMessage a, RecvRequest recv) {
    long pause = 0;
    while (true) {
      try {
        receiveOwn(a, recv);
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  private void receiveOwn(UnexpectedMessage a, RecvRequest recv) {
    MPIException tooLong = recv.begin(a.envelope);
    if (tooLong != null) {
      recv.fail(tooLong);
    } else {
      a.copyTo(recv);
      recv.received();
    }
    if (a.own != null) {
      a.own.succeed();
    }
  }

  /** A receive that streams may complete while the bytes are still at the sender. */
  RecvRequest receive(
      Buffer buffer, int source, int tag, long context, Status status, boolean streams) {
    RecvRequest recv =
        new RecvRequest(progress, ids, buffer, source, tag, context, status, streams);
    post(recv);
    return recv;
  }

  /** Posts a receive, and delivers its message if that has arrived. */
  void post(RecvRequest recv) {
    UnexpectedMessage a = matcher.post(recv);
    if (a != null) {
      deliver(a, recv);
    }
  }

  /** Receives a message that has arrived already. Returns null if there is none. */
  RecvRequest receiveIfThere(Buffer buffer, int source, int tag, long context) {
    progress.poll();
    Status status = new Status(null, tag, -1);
    RecvRequest recv = new RecvRequest(progress, ids, buffer, source, tag, context, status, false);
    UnexpectedMessage a = matcher.poll(recv);
    if (a == null) {
      return null;
    }
    if (a.claimant == null) {
      deliver(a, recv);
    }
    return recv;
  }

  private void deliver(UnexpectedMessage a, RecvRequest recv) {
    if (a.origin == null) {
      deliverOwn(a, recv);
    } else {
      a.origin.deliver(a, recv);
    }
  }

  Status probe(int source, int tag, long context) {
    RecvRequest probe = probeFor(source, tag, context);
    matcher.probe(probe);
    probe.await();
    return probe.status();
  }

  /** Returns null if no message has arrived. */
  Status iprobe(int source, int tag, long context) {
    RecvRequest probe = probeFor(source, tag, context);
    Envelope found = matcher.find(probe);
    if (found == null) {
      progress.poll();
      found = matcher.find(probe);
    }
    if (found == null) {
      if (source >= 0 && matcher.isGone(source)) {
        throw matcher.lossOf(source);
      }
      return null;
    }
    probe.begin(found);
    return probe.status();
  }

  private RecvRequest probeFor(int source, int tag, long context) {
    return new RecvRequest(
        progress, ids, null, source, tag, context, new Status(null, tag, -1), false);
  }

  // ---- loss of other ranks, on the leader

  @Override
  public void lose(int rank) {
    Connection connection = connections[rank];
    long pause = 0;
    while (connection != null && !connection.isShut()) {
      try {
        matcher.lose(rank);
        failures.lost(rank);
        connection.shut(Connection.State.LOST, () -> new RankLostException(rank));
        checkFinish();
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  /**
   * The launcher has reported that a rank's process has ended. If there is a connection, its end
   * decides: messages may still be in it.
   */
  void endedElsewhere(int rank) {
    progress.execute(
        () -> {
          if (connections[rank] != null && connections[rank].state() != Connection.State.OPEN) {
            lose(rank);
          }
        });
  }

  /** The leader has failed, of memory perhaps: all ranks are lost, and all operations fail. */
  private void breakDown(Throwable why) {
    for (int rank = 0; rank < connections.length; rank++) {
      lose(rank);
    }
    matcher.close(() -> new MPIException("The device is broken: " + why));
  }

  @Override
  public void leaving(int rank) {
    matcher.leave(rank);
    leaving.add(rank);
    whenLeaving.run();
  }

  /**
   * Sets what is called, on a thread of the device, when there is a rank to {@link #nextLeaving}.
   */
  void onLeaving(Runnable listener) {
    whenLeaving = listener;
  }

  /** Whether messages have gone to a rank, or have come from it. */
  boolean isConnected(int rank) {
    Connection connection = connections[rank];
    return connection != null && connection.state() == Connection.State.OPEN;
  }

  /** A rank that is in MPI.Finalize, each once; null if there is none. */
  Integer nextLeaving() {
    return leaving.poll();
  }

  @Override
  public void left(Connection connection) {
    matcher.lose(connection.peer());
    connection.shut(Connection.State.LEFT, () -> RankLostException.left(connection.peer()));
    checkFinish();
  }

  @Override
  public void lossReported(int rank) {
    if (rank >= 0 && rank < connections.length) {
      lose(rank);
    }
  }

  // ---- the end of this rank

  /** Sends BYE to all connected ranks, waits for theirs, and closes everything. */
  void finish() {
    Departure leaving = new Departure();
    progress.execute(
        () -> {
          departure = leaving;
          for (Connection connection : connections) {
            if (connection != null && connection.state() == Connection.State.OPEN) {
              connection.outbox().control(Frame.BYE, 0, 0);
            }
          }
          checkFinish();
        });
    leaving.await();
    Departure left = new Departure();
    progress.execute(
        () -> {
          failAll();
          left.succeed();
        });
    left.await();
    progress.close(this::close);
  }

  /** Fails the operations that other threads of this rank wait for. */
  private void failAll() {
    matcher.close(Endpoint::finalized);
    for (Connection connection : connections) {
      if (connection != null) {
        connection.shut(Connection.State.LEFT, Endpoint::finalized);
      }
    }
  }

  /** The failure of operations that wait while MPI.Finalize is called. */
  static MPIException finalized() {
    return new MPIException("MPI.Finalize was called while this operation was waiting");
  }

  @Override
  public boolean isLeaving() {
    return departure != null;
  }

  @Override
  public void checkFinish() {
    Departure waiting = departure;
    if (waiting == null) {
      return;
    }
    for (Connection connection : connections) {
      if (connection != null && connection.isConnecting() && !connection.isOver()) {
        return;
      }
    }
    waiting.succeed();
  }

  private void close() {
    acceptor.close();
    Unix.close(unixServer);
    try {
      server.close();
    } catch (IOException e) {
      // It is as closed as it can be.
    }
  }
}
