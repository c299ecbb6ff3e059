package dev.mpipool.device;

import java.io.IOException;
import java.util.function.IntConsumer;
import mpi.MPIException;
import mpjbuf.Buffer;
import mpjdev.Request;
import mpjdev.Status;
import mpjdev.javampjdev.MPJDev;
import xdev.Device;
import xdev.ProcessID;

/**
 * A device for MPJ Express with one JVM for each rank. The loss of a rank affects operations on
 * that rank only, interrupts break nothing, a message that is too long fails its receive only, and
 * connections from outside the job are refused.
 *
 * <p>{@link #install} puts it in place, before {@code MPI.Init}. Programs need no change. The
 * device promises, beyond what MPJ Express does:
 *
 * <ul>
 *   <li>Operations on a lost rank, begun before or after its loss, throw an {@code MPIException}
 *       with a {@link RankLostException} among its causes. All other traffic goes on, {@code
 *       MPI.ANY_SOURCE} included, and {@code MPI.Finalize} completes among the living. A message
 *       that had arrived completely can still be received.
 *   <li>A receive that is too short for its message throws with a {@link MessageTruncatedException}
 *       among the causes.
 *   <li>Threads may be interrupted at any time: calls go on, and the interrupt status stays set.
 *   <li>Every method may be called by any number of threads at once.
 * </ul>
 *
 * <p>The parts are documented in their classes: {@link Progress} (threads and reading), {@link
 * Outbox} (writing), {@link Matcher}, {@link Frame} (the protocol), {@link Handshake}
 * (authentication).
 */
public final class TcpDevice implements Device {

  private static volatile TcpDevice current;

  private final FailureNotifier failures = new FailureNotifier();
  private volatile Endpoint endpoint;

  /** Whether MPI is initialized, as far as the device hears of it. */
  private volatile boolean initialized;

  /** Whether a {@link TcpTransport} has opened the endpoint, and therefore closes it. */
  private boolean kept;

  private TcpDevice() {}

  /**
   * Makes the next {@code MPI.Init} of this JVM use a {@code TcpDevice}. Does nothing if a device
   * is in place already, or if the system property {@code mpipool.device} is {@code niodev}.
   */
  @SuppressWarnings(
      "LockOnNonEnclosingClassLiteral") // the lock that MPJ Express takes to look for its device
  public static void install() {
    synchronized (MPJDev.class) {
      if (MPJDev.dev == null && !"niodev".equals(System.getProperty("mpipool.device"))) {
        TcpDevice device = new TcpDevice();
        current = device;
        MPJDev.dev = device;
      }
    }
  }

  /**
   * Returns the device that {@link #install} has put in place last.
   *
   * @return the device, or null if there is none
   */
  public static TcpDevice current() {
    return current;
  }

  /**
   * Whether this rank has joined its job, by {@code MPI.Init} or by a {@link TcpTransport}, and has
   * not left it.
   *
   * @return true while it is in the job
   */
  public boolean isOpen() {
    return endpoint != null;
  }

  /**
   * Whether {@code MPI.Init} has been called, and {@code MPI.Finalize} has not.
   *
   * @return true while MPI can be used
   */
  public boolean isInitialized() {
    return initialized;
  }

  /**
   * Registers a listener for lost ranks. It is called once for every lost rank, also for those lost
   * before. All listeners are called on one thread of the device: a listener that blocks delays the
   * others, but no message.
   *
   * @param listener gets the rank in {@code MPI.COMM_WORLD}
   */
  public void onRankLost(IntConsumer listener) {
    failures.add(listener);
  }

  /**
   * Whether a rank is known to be lost: its process has ended without {@code MPI.Finalize}.
   *
   * @param rank a rank in {@code MPI.COMM_WORLD}
   * @return true from the moment on that operations on it fail
   */
  public boolean isLost(int rank) {
    return failures.isLost(rank);
  }

  @Override
  public ProcessID[] init(String[] args) {
    Endpoint e = open(args);
    StreamedBuffers.install(e.job().eagerLimit());
    initialized = true;
    return e.ids().clone();
  }

  private synchronized Endpoint open(String[] args) {
    try {
      if (endpoint == null) {
        Endpoint e = new Endpoint(Job.parse(args), failures);
        e.start();
        endpoint = e;
      }
      return endpoint;
    } catch (IOException e) {
      throw new MPIException(e);
    }
  }

  /**
   * Returns the endpoint to a transport. MPI and the transport share it; the first of the two opens
   * it, and closes it as well.
   */
  synchronized Endpoint share(String[] args) {
    kept |= endpoint == null;
    return open(args);
  }

  /** The transport no longer needs the endpoint. */
  void release() {
    boolean last;
    synchronized (this) {
      last = kept;
      kept = false;
    }
    if (last) {
      close();
    }
  }

  @Override
  public ProcessID id() {
    return endpoint().ids()[endpoint().job().rank()];
  }

  /** Room for a frame's header before a message, so that both are sent in one write, uncopied. */
  @Override
  public int getSendOverhead() {
    return Frame.HEADER;
  }

  @Override
  public int getRecvOverhead() {
    return 0;
  }

  @Override
  public Request isend(Buffer buffer, ProcessID to, int tag, int context) {
    return send(buffer, to, tag, context, false, false);
  }

  @Override
  public void send(Buffer buffer, ProcessID to, int tag, int context) {
    send(buffer, to, tag, context, false, true).await();
  }

  @Override
  public Request issend(Buffer buffer, ProcessID to, int tag, int context) {
    return send(buffer, to, tag, context, true, false);
  }

  @Override
  public void ssend(Buffer buffer, ProcessID to, int tag, int context) {
    send(buffer, to, tag, context, true, true).await();
  }

  private SendRequest send(
      Buffer buffer, ProcessID to, int tag, int context, boolean synchronous, boolean streams) {
    try {
      return endpoint().send(buffer, rank(to), tag, unsigned(context), synchronous, streams);
    } catch (RankLostException lost) {
      if (FinalBarrier.isHere()) {
        return endpoint().drop(buffer, tag, unsigned(context));
      }
      throw lost;
    }
  }

  @Override
  public Status recv(Buffer buffer, ProcessID from, int tag, int context) {
    Status status = new Status(from.uuid(), tag, -1);
    RecvRequest recv = endpoint().receive(buffer, rank(from), tag, unsigned(context), status, true);
    try {
      recv.await();
    } catch (RankLostException lost) {
      if (FinalBarrier.isHere()) {
        return FinalBarrier.receive(buffer, from.uuid(), tag);
      }
      throw lost;
    }
    return recv.status();
  }

  @Override
  public Request irecv(Buffer buffer, ProcessID from, int tag, int context, Status status) {
    return endpoint().receive(buffer, rank(from), tag, unsigned(context), status, false);
  }

  @Override
  public Status probe(ProcessID from, int tag, int context) {
    return endpoint().probe(rank(from), tag, unsigned(context));
  }

  @Override
  public Status iprobe(ProcessID from, int tag, int context) {
    return endpoint().iprobe(rank(from), tag, unsigned(context));
  }

  /** The destination is always this rank, since MPJ Express's hybrid device is not supported. */
  @Override
  public Status iprobe(ProcessID from, ProcessID to, int tag, int context) {
    return iprobe(from, tag, context);
  }

  @Override
  public Status iprobeAndFetch(ProcessID from, ProcessID to, int tag, int context, Buffer buffer) {
    // Another thread may receive the message in between. Then this must not wait for the next one.
    RecvRequest recv = endpoint().receiveIfThere(buffer, rank(from), tag, unsigned(context));
    if (recv == null) {
      return null;
    }
    recv.await();
    return recv.status();
  }

  @Override
  public Request peek() {
    return endpoint().progress().completed().removeFirst();
  }

  /**
   * Waits until all living ranks that are connected to this one have called it too, then closes all
   * connections; does neither if a transport still needs them.
   */
  @Override
  public void finish() {
    StreamedBuffers.uninstall();
    initialized = false;
    boolean last;
    synchronized (this) {
      last = !kept;
    }
    if (last) {
      close();
    }
  }

  private void close() {
    Endpoint e = endpoint;
    if (e != null) {
      e.finish();
      endpoint = null;
    }
  }

  /** The context of an MPJ Express communicator, which has 32 bits. */
  private static long unsigned(int context) {
    return Integer.toUnsignedLong(context);
  }

  private Endpoint endpoint() {
    Endpoint e = endpoint;
    if (e == null) {
      throw new MPIException("MPI is not initialized, or is finalized");
    }
    return e;
  }

  private int rank(ProcessID id) {
    if (id instanceof RankId known) {
      return known.rank;
    }
    if (id == ANY_SRC || id.uuid().equals(ANY_SRC.uuid())) {
      return RecvRequest.ANY;
    }
    for (RankId known : endpoint().ids()) {
      if (known.uuid().equals(id.uuid())) {
        return known.rank;
      }
    }
    throw new MPIException("no process of this job has the id " + id.uuid());
  }
}
