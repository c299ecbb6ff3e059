package dev.mpipool.link;

import dev.mpipool.memory.Memory;
import dev.mpipool.signal.Termination;
import java.io.BufferedOutputStream;
import java.io.ByteArrayInputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The line between the process of a rank and the launcher that started it.
 *
 * <p>Through it ranks introduce themselves to each other, a rank learns which others were lost, and
 * the launcher how the rank's {@code main} ended. It is also what ties the process to its job: when
 * the launcher is gone, in whatever way, the process halts.
 *
 * <p>The launcher opens the link before the program's {@code main} starts. A process that was not
 * started by the launcher has none. All methods may be called from any thread.
 */
public final class LauncherLink implements Closeable {
  /** Launcher to rank: another rank was lost. Its number (int) and the reason (UTF) follow. */
  public static final int LOST = 1;

  /** Launcher to rank: the job is over, leave. Nothing follows. */
  public static final int LEAVE = 2;

  /** Rank to launcher: the program ended. The name of an {@link Ending} follows (UTF). */
  public static final int ENDED = 3;

  /**
   * Rank to launcher: the rank is in {@code MPI.Init}. The two ports on which it listens follow
   * (int), the one to write to first.
   */
  public static final int JOIN = 4;

  /** Launcher to rank: all ranks have joined. Where they listen follows: bytes (int), UTF-8. */
  public static final int PEERS = 5;

  /**
   * Launcher to rank: the job is asked to end, or will be soon. Whether it is now follows
   * (boolean); then it has to leave, too, and {@link #LEAVE} comes.
   */
  public static final int TERMINATION = 6;

  /** Launcher to rank: that the program has ended is noted. Nothing follows. */
  public static final int NOTED = 7;

  /** Milliseconds between looks for messages while the process is about to exit. */
  private static final int LOOK = 10;

  /** The largest silence, in milliseconds, while the link is being opened. */
  private static final int OPENING = 10_000;

  private static volatile LauncherLink current;

  /** Of a loss, as it was written. */
  private final byte[] reason = new byte[Short.BYTES + (1 << Short.SIZE)];

  private final Socket socket;
  private final DataOutputStream out;
  private final Runnable onLeave;
  private final Map<Integer, String> lost = new LinkedHashMap<>();
  private final List<LostRankListener> listeners = new ArrayList<>();
  private final BlockingQueue<Runnable> news = new LinkedBlockingQueue<>();
  private final CompletableFuture<String> peers = new CompletableFuture<>();
  private final AtomicBoolean joined = new AtomicBoolean();

  /** Completed when nothing but its shutdown hooks keeps the process from exiting. */
  private final CompletableFuture<Void> exiting = new CompletableFuture<>();

  private LauncherLink(Socket socket, DataOutputStream out, Runnable onLeave) {
    this.socket = socket;
    this.out = out;
    this.onLeave = onLeave;
  }

  /** Is told about ranks that died. */
  @FunctionalInterface
  public interface LostRankListener {
    /**
     * A rank is gone and will not come back. Called once for each lost rank, on a daemon thread of
     * the link that does nothing else: a listener that blocks delays only further news.
     *
     * @param rank the rank in the world of the job
     * @param reason how it ended, for people
     */
    void rankLost(int rank, String reason);
  }

  /** How a rank's program came to its end. */
  public enum Ending {
    /** {@code main} returned, and a pool that was shut down still runs tasks. */
    POOL_RUNS,
    /** After {@link #POOL_RUNS}: the pool has ended. How the program ends follows. */
    POOL_ENDED,
    /** The program ended by itself, and MPI was finalized or never used. */
    FINISHED,
    /** The program ended by itself, without {@code MPI.Finalize}. */
    UNFINISHED,
    /** {@code main} threw. */
    THREW,
    /** {@code System.exit} was called, and MPI was finalized or never used. */
    EXITED,
    /** {@code System.exit} was called without {@code MPI.Finalize}. */
    EXITED_UNFINISHED;

    /** Whether the process exits without being asked to. */
    private boolean isExit() {
      return this != POOL_RUNS && this != POOL_ENDED && this != UNFINISHED;
    }
  }

  /**
   * The link of this process.
   *
   * @return the link, or nothing where the launcher did not start this process
   */
  public static Optional<LauncherLink> current() {
    return Optional.ofNullable(current);
  }

  /**
   * Connects this process with its launcher; for the launcher's own code.
   *
   * @param launcher where the launcher listens
   * @param rank the rank that this process is
   * @param secret the secret of the job
   * @param patience for how long it is tried again while the launcher is there, but hangs up
   * @param onLeave run, on a thread of the link, when the launcher asks this process to leave
   * @return the link, which is also {@link #current()} from now on
   * @throws IOException if the launcher is not there or does not know the secret
   */
  public static LauncherLink open(
      InetSocketAddress launcher, int rank, byte[] secret, Duration patience, Runnable onLeave)
      throws IOException {
    long deadline = System.nanoTime() + patience.toNanos();
    while (true) {
      try {
        LauncherLink link = connect(launcher, rank, secret, onLeave);
        current = link;
        return link;
      } catch (ConnectException e) {
        throw e; // there is no listener any more
      } catch (EOFException | SocketException | SocketTimeoutException e) {
        if (System.nanoTime() > deadline) {
          throw e;
        }
        pause(); // the launcher is there, but too busy, or beset by strangers
      }
    }
  }

  private static LauncherLink connect(
      InetSocketAddress launcher, int rank, byte[] secret, Runnable onLeave) throws IOException {
    Socket socket = new Socket();
    try {
      socket.connect(launcher, OPENING);
      socket.setSoTimeout(OPENING);
      socket.setTcpNoDelay(true);
      keepAlive(socket);
      DataInputStream in = new DataInputStream(socket.getInputStream());
      DataOutputStream out =
          new DataOutputStream(new BufferedOutputStream(socket.getOutputStream()));
      LinkHandshake.asRank(in, out, rank, secret);
      socket.setSoTimeout(0);
      LauncherLink link = new LauncherLink(socket, out, onLeave);
      daemon("mpipool-launcher-link", () -> link.read(in));
      daemon("mpipool-launcher-news", link::tell);
      return link;
    } catch (IOException e) {
      socket.close();
      throw e;
    }
  }

  private static void pause() throws InterruptedIOException {
    try {
      Thread.sleep(100);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while reaching for the launcher");
    }
  }

  /**
   * Makes the kernel ask after a silent peer, so that also a host that vanished is noticed. Asked
   * is the kernel of the other host: a process that is merely stopped stays connected.
   *
   * @param socket either end of a link
   * @throws IOException if the socket is closed
   */
  public static void keepAlive(Socket socket) throws IOException {
    socket.setKeepAlive(true);
    if (socket.supportedOptions().contains(jdk.net.ExtendedSocketOptions.TCP_KEEPIDLE)) {
      socket.setOption(jdk.net.ExtendedSocketOptions.TCP_KEEPIDLE, 10);
      socket.setOption(jdk.net.ExtendedSocketOptions.TCP_KEEPINTERVAL, 5);
      socket.setOption(jdk.net.ExtendedSocketOptions.TCP_KEEPCOUNT, 4);
    }
  }

  /**
   * Registers a listener. It is told of ranks lost from now on, and of those lost before.
   *
   * @param listener called on the link's own thread
   */
  public void onRankLost(LostRankListener listener) {
    synchronized (lost) {
      listeners.add(listener);
      lost.forEach((rank, reason) -> news.add(() -> listener.rankLost(rank, reason)));
    }
  }

  /**
   * Whether a rank is known to be gone.
   *
   * @param rank in the world of the job
   * @return true from the moment the launcher said so
   */
  public boolean isLost(int rank) {
    synchronized (lost) {
      return lost.containsKey(rank);
    }
  }

  /**
   * Introduces this rank to the others, as {@code MPI.Init} does: tells the launcher where it
   * listens, and waits until all ranks have done so, or the process ends.
   *
   * @param writePort the port that others write to
   * @param readPort the port that others read from; may be the same
   * @return all ranks, in the words of MPJ Express's starter: {@code #Peer Information}, and for
   *     each rank {@code ;host@readPort@writePort@rank}
   * @throws IOException if the launcher is gone, or the process has joined its job before
   */
  public String join(int writePort, int readPort) throws IOException {
    if (!joined.compareAndSet(false, true)) {
      throw new IOException("this process has joined its job before");
    }
    synchronized (out) {
      out.writeByte(JOIN);
      out.writeInt(writePort);
      out.writeInt(readPort);
      out.flush();
    }
    return peers.join();
  }

  /**
   * The address by which this host reaches the launcher.
   *
   * @return an address of this host
   */
  public InetAddress localAddress() {
    return socket.getLocalAddress();
  }

  /**
   * Registers an action for the moment from which only shutdown hooks keep this process from
   * exiting. The JVM then waits, for 300 ms, until no thread is in a system call: threads that wait
   * in one should leave it every few milliseconds from now on.
   *
   * @param action must not block
   */
  public void onExit(Runnable action) {
    exiting.thenRun(action);
  }

  /**
   * Tells the launcher how the program ended; for the launcher's own code.
   *
   * @param ending how
   * @throws IOException if the launcher is gone
   */
  public void ended(Ending ending) throws IOException {
    if (ending.isExit()) {
      exiting.complete(null);
    }
    synchronized (out) {
      out.writeByte(ENDED);
      out.writeUTF(ending.name());
      out.flush();
    }
  }

  /**
   * Closes the link, upon which this process halts as it does when the launcher is gone; for tests.
   *
   * @throws IOException if the socket cannot be closed
   */
  @Override
  public void close() throws IOException {
    socket.close();
  }

  private void read(DataInputStream in) {
    try {
      while (true) {
        int message = next(in);
        if (message == LOST) {
          int rank = in.readInt();
          in.readFully(reason, 0, Short.BYTES);
          in.readFully(reason, Short.BYTES, ((reason[0] & 0xff) << Byte.SIZE) | (reason[1] & 0xff));
          lost(rank);
        } else if (message == LEAVE) {
          exiting.complete(null);
          leave();
        } else if (message == TERMINATION) {
          if (in.readBoolean()) {
            Termination.end();
          } else {
            Termination.announce();
          }
        } else if (message == PEERS) {
          peers.complete(new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8));
        } else if (message != NOTED) {
          break;
        }
      }
    } catch (IOException e) {
      // The launcher is gone: there is no process to report to.
    } finally {
      Runtime.getRuntime().halt(1);
    }
  }

  /**
   * Waits for the next message; while the process is about to exit, mostly outside system calls.
   */
  private int next(DataInputStream in) throws IOException {
    while (exiting.isDone()) {
      try {
        Thread.sleep(LOOK);
      } catch (InterruptedException e) {
        // not meant for this thread, whose end is that of the link
      }
      socket.setSoTimeout(1);
      try {
        return in.readByte();
      } catch (SocketTimeoutException e) {
        // no message yet
      } finally {
        socket.setSoTimeout(0);
      }
    }
    return in.readByte();
  }

  /** What has been read is not lost for want of memory. */
  private void lost(int rank) throws IOException {
    long pause = 0;
    while (true) {
      try {
        lost(rank, new DataInputStream(new ByteArrayInputStream(reason)).readUTF());
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  private void leave() {
    try {
      daemon("mpipool-launcher-leave", onLeave);
    } catch (OutOfMemoryError e) { // no thread to be had
      onLeave.run();
    }
  }

  private void lost(int rank, String reason) {
    synchronized (lost) {
      if (!lost.containsKey(rank)) {
        listeners.forEach(listener -> news.add(() -> listener.rankLost(rank, reason)));
        lost.put(rank, reason);
      }
    }
  }

  private void tell() {
    long pause = 0;
    Runnable next = null;
    while (true) {
      try {
        next = next == null ? news.take() : next;
        next.run();
        next = null;
        pause = 0;
      } catch (OutOfMemoryError e) { // the news is not lost
        pause = Memory.pause(pause);
      } catch (InterruptedException | RuntimeException | Error e) {
        next = null;
        tell(e);
      }
    }
  }

  private static void tell(Throwable failure) {
    try {
      Thread thread = Thread.currentThread();
      thread.getUncaughtExceptionHandler().uncaughtException(thread, failure);
    } catch (RuntimeException | Error e) {
      // There is no way to tell it.
    }
  }

  private static void daemon(String name, Runnable task) {
    Thread thread = new Thread(task, name);
    thread.setDaemon(true);
    thread.start();
  }
}
