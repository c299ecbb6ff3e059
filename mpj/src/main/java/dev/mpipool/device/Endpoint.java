package dev.mpipool.device;

import dev.mpipool.memory.Memory;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import mpi.MPIException;
import mpjbuf.Buffer;
import mpjdev.Status;

/** This rank's end of the job: its links to the other ranks and what they share. */
final class Endpoint implements Link.Owner {

  private static final int BACKLOG = 1024;

  /** Finalize waits for this. */
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
  private final Losses losses;
  private final DeviceLog log = new DeviceLog();
  private final Caller caller = new Caller(this);
  private final Greeter greeter = new Greeter(this);
  private final Link[] links;
  private final RankId[] ids;
  private ServerSocketChannel server;
  private ServerSocketChannel unixServer;
  private volatile Departure departure;

  Endpoint(Job job, Losses losses) throws IOException {
    this.job = job;
    this.losses = losses;
    progress = new Progress("mpipool-device-" + job.rank(), this::breakDown);
    links = new Link[job.size()];
    ids = new RankId[job.size()];
    for (int r = 0; r < links.length; r++) {
      ids[r] = new RankId(r);
      links[r] = r == job.rank() ? null : new Link(this, r);
    }
  }

  /** Meets the other ranks. From here on anybody can call. */
  void start() throws IOException {
    SharedMemory.sweep();
    job.meet(this::listen);
    if (!job.hasSecret() && job.rank() == 0 && job.size() > 1) {
      log.noSecret();
    }
    server.configureBlocking(false);
    server.register(progress.selector(), SelectionKey.OP_ACCEPT, greeter);
    if (unixServer != null) {
      unixServer.configureBlocking(false);
      unixServer.register(progress.selector(), SelectionKey.OP_ACCEPT, greeter);
    }
    progress.start();
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
  public void connect(Link link) {
    caller.call(link);
  }

  DeviceLog log() {
    return log;
  }

  RankId[] ids() {
    return ids;
  }

  Link link(int rank) {
    return links[rank];
  }

  SocketAddress unixAddress(int rank) {
    return Unix.address(job.host(rank), job.port(rank));
  }

  // ---- operations, on user threads

  /** A send that streams returns to its caller only when it is done. */
  SendRequest send(
      Buffer buffer, int to, int tag, long context, boolean synchronous, boolean streams) {
    boolean far = to != job.rank();
    SendRequest send =
        new SendRequest(progress, job.rank(), buffer, tag, context, synchronous, streams && far);
    if (to == job.rank()) {
      sendToSelf(send);
    } else if (!links[to].send(send)) {
      throw new RankLostException(to);
    }
    return send;
  }

  /** A long message to another rank out of memory that is no mpjbuf buffer's. */
  SendRequest sendFrom(ByteBuffer bytes, int to, int tag, long context) {
    SendRequest send = new SendRequest(progress, job.rank(), bytes, tag, context);
    if (!links[to].send(send)) {
      throw new RankLostException(to);
    }
    return send;
  }

  /** Where a message of so many bytes begins in the memory for {@link #sendBytes}. */
  static final int BYTES = Frame.HEADER + Buffer.SECTION_OVERHEAD;

  /**
   * A short message to another rank: what is in this memory from {@link #BYTES} on, which is the
   * device's from now on.
   */
  SendRequest sendBytes(ByteBuffer memory, int to, int tag, long context) {
    SendRequest send = SendRequest.ofBytes(progress, job.rank(), memory, tag, context);
    if (!links[to].send(send)) {
      throw new RankLostException(to);
    }
    return send;
  }

  MemoryReceive receiveInto(ByteBuffer place, int source, int tag, long context) {
    MemoryReceive recv = new MemoryReceive(progress, ids, place, source, tag, context);
    post(recv);
    return recv;
  }

  /** A send that succeeds and goes nowhere. */
  SendRequest drop(Buffer buffer, int tag, long context) {
    SendRequest send = new SendRequest(progress, job.rank(), buffer, tag, context, false, false);
    send.succeed();
    return send;
  }

  private void sendToSelf(SendRequest send) {
    boolean keep = send.synchronous || send.envelope.length() > job.eagerLimit();
    Arrival a = new Arrival(send.envelope, null, Frame.EAGER, 0, keep ? send : null);
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

  /** Neither of the two is anywhere else: the receive is done after this. */
  private void deliverOwn(Arrival a, RecvRequest recv) {
    long pause = 0;
    while (true) {
      try {
        takeOwn(a, recv);
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  private void takeOwn(Arrival a, RecvRequest recv) {
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

  /** A receive that streams may complete with a message that is still at its sender. */
  RecvRequest receive(
      Buffer buffer, int source, int tag, long context, Status status, boolean streams) {
    RecvRequest recv =
        new RecvRequest(progress, ids, buffer, source, tag, context, status, streams);
    post(recv);
    return recv;
  }

  /** A receive takes the first message that fits, now or later. */
  void post(RecvRequest recv) {
    Arrival a = matcher.post(recv);
    if (a != null) {
      deliver(a, recv);
    }
  }

  /** Receives a message that is there already. Returns null if there is none. */
  RecvRequest receiveIfThere(Buffer buffer, int source, int tag, long context) {
    progress.poll();
    Status status = new Status(null, tag, -1);
    RecvRequest recv = new RecvRequest(progress, ids, buffer, source, tag, context, status, false);
    Arrival a = matcher.fetch(recv);
    if (a == null) {
      return null;
    }
    if (a.claimant == null) {
      deliver(a, recv);
    }
    return recv;
  }

  private void deliver(Arrival a, RecvRequest recv) {
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

  /** Returns null if no message is there. */
  Status iprobe(int source, int tag, long context) {
    RecvRequest probe = probeFor(source, tag, context);
    Envelope found = matcher.find(probe);
    if (found == null) {
      progress.poll();
      found = matcher.find(probe);
    }
    if (found == null) {
      if (source >= 0 && matcher.isGone(source)) {
        throw new RankLostException(source);
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

  // ---- the end of others, on the leader

  /** A rank's process is gone. */
  @Override
  public void lose(int rank) {
    Link link = links[rank];
    long pause = 0;
    while (link != null && !link.isShut()) {
      try {
        matcher.lose(rank);
        losses.lost(rank);
        link.shut(Link.State.LOST, () -> new RankLostException(rank));
        someoneLeft();
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  /**
   * The launcher says that a rank's process has ended. Where there is a connection, what is on it
   * comes first, and its end.
   */
  void endedElsewhere(int rank) {
    progress.execute(
        () -> {
          if (links[rank] != null && links[rank].state() != Link.State.OPEN) {
            lose(rank);
          }
        });
  }

  /** The leader cannot go on, for want of memory perhaps: nothing can come or go any more. */
  private void breakDown(Throwable why) {
    for (int rank = 0; rank < links.length; rank++) {
      lose(rank);
    }
    matcher.close(() -> new MPIException("The device is broken: " + why));
  }

  /** A rank has closed its connection after MPI.Finalize. */
  @Override
  public void left(Link link) {
    matcher.lose(link.peer());
    link.shut(Link.State.LEFT, () -> new RankLostException(link.peer()));
    someoneLeft();
  }

  /** Another rank has noticed a loss. */
  @Override
  public void told(int rank) {
    if (rank >= 0 && rank < links.length) {
      lose(rank);
    }
  }

  // ---- the end of this rank

  /** Says good-bye, waits for that of all living ranks with a connection, and closes everything. */
  void finish() {
    Departure leaving = new Departure();
    progress.execute(
        () -> {
          departure = leaving;
          for (Link link : links) {
            if (link != null && link.state() == Link.State.OPEN) {
              link.outbox().control(Frame.BYE, 0, 0);
            }
          }
          someoneLeft();
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

  /** What waits in other threads of this rank would wait for ever. */
  private void failAll() {
    matcher.close(Endpoint::finalized);
    for (Link link : links) {
      if (link != null) {
        link.shut(Link.State.LEFT, Endpoint::finalized);
      }
    }
  }

  /** Why an operation fails that waits while MPI.Finalize is called. */
  static MPIException finalized() {
    return new MPIException("MPI.Finalize was called while this operation was waiting");
  }

  /** Whether this rank is in MPI.Finalize. */
  @Override
  public boolean isLeaving() {
    return departure != null;
  }

  @Override
  public void someoneLeft() {
    Departure waiting = departure;
    if (waiting == null) {
      return;
    }
    for (Link link : links) {
      if (link != null && link.isConnecting() && !link.isOver()) {
        return;
      }
    }
    waiting.succeed();
  }

  private void close() {
    greeter.close();
    Unix.close(unixServer);
    try {
      server.close();
    } catch (IOException e) {
      // It is as closed as it can be.
    }
  }
}
