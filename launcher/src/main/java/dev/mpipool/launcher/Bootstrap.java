package dev.mpipool.launcher;

import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Semaphore;
import java.util.function.IntFunction;

/**
 * Introduces the ranks of niodev and tcpdev to each other, as MPJ Express's own starter does: each
 * rank tells the two ports on which it listens and its rank; once all have, each is told about all.
 *
 * <pre>
 *   rank -&gt; server   UTF "Sending Info" | write port (int) | read port (int) | rank (int)
 *   server -&gt; rank   UTF "#Peer Information" and for each rank ";host@read port@write port@rank"
 * </pre>
 *
 * <p>The protocol has no room for a secret. So a rank is believed only if it comes from the address
 * where that rank's authenticated link comes from, and only once.
 */
final class Bootstrap implements Closeable {
  private static final int OPENING = 15_000;
  private static final int STRANGERS = 64;
  private static final byte[] GREETING = greeting();

  private final ServerSocket server;
  private final int np;
  private final IntFunction<Optional<InetAddress>> addressOf;
  private final Runnable onWaiting;
  private final Semaphore opening;
  private final Map<Integer, Peer> peers = new TreeMap<>();

  private record Peer(Socket socket, int writePort, int readPort, int rank) {
    String introduction() {
      return ";"
          + socket.getInetAddress().getHostAddress()
          + "@"
          + readPort
          + "@"
          + writePort
          + "@"
          + rank;
    }
  }

  Bootstrap(
      ServerSocket server,
      int np,
      IntFunction<Optional<InetAddress>> addressOf,
      Runnable onWaiting) {
    this.server = server;
    this.np = np;
    this.addressOf = addressOf;
    this.onWaiting = onWaiting;
    this.opening = new Semaphore(np + STRANGERS);
  }

  void start() {
    Threads.daemon("mpipool-bootstrap", this::accept);
  }

  /** The configuration that a rank hands to {@code MPI.Init}. */
  String configuration(String launcherHost, int switchLimit) {
    return String.join(
        ";",
        "#temp",
        "#Number of Processes",
        Integer.toString(np),
        "#Protocol Switch Limit",
        Integer.toString(switchLimit),
        "#Server Name",
        launcherHost,
        "#Server Port",
        Integer.toString(server.getLocalPort()));
  }

  /** Whether some ranks wait for others to arrive, and this one is not among them. */
  synchronized boolean isMissed(int rank) {
    return !server.isClosed() && !peers.isEmpty() && !peers.containsKey(rank);
  }

  @Override
  public synchronized void close() throws IOException {
    server.close();
    for (Peer peer : peers.values()) {
      peer.socket().close();
    }
  }

  private void accept() {
    while (!server.isClosed()) {
      try {
        Socket socket = server.accept();
        if (opening.tryAcquire()) {
          Threads.daemon("mpipool-bootstrap-peer", () -> serve(socket));
        } else {
          socket.close();
        }
      } catch (IOException e) {
        if (!server.isClosed()) {
          Threads.pause(100);
        }
      }
    }
  }

  private void serve(Socket socket) {
    Runnable cancel = Threads.later(OPENING, () -> closeQuietly(socket));
    try {
      register(read(socket));
    } catch (IOException e) {
      closeQuietly(socket);
    } finally {
      cancel.run();
      opening.release();
    }
  }

  private Peer read(Socket socket) throws IOException {
    DataInputStream in = new DataInputStream(socket.getInputStream());
    byte[] greeting = in.readNBytes(GREETING.length);
    int writePort = in.readInt();
    int readPort = in.readInt();
    int rank = in.readInt();
    if (!Arrays.equals(greeting, GREETING)
        || !isPort(writePort)
        || !isPort(readPort)
        || rank < 0
        || rank >= np) {
      throw new IOException("not a rank");
    }
    if (!addressOf.apply(rank).equals(Optional.of(socket.getInetAddress()))) {
      throw new IOException("not from where the rank is");
    }
    return new Peer(socket, writePort, readPort, rank);
  }

  private synchronized void register(Peer peer) throws IOException {
    if (server.isClosed() || peers.putIfAbsent(peer.rank(), peer) != null) {
      throw new IOException("not expected");
    }
    if (peers.size() < np) {
      onWaiting.run();
      return;
    }
    StringBuilder all = new StringBuilder("#Peer Information");
    peers.values().forEach(each -> all.append(each.introduction()));
    for (Peer each : peers.values()) {
      try {
        DataOutputStream out =
            new DataOutputStream(new BufferedOutputStream(each.socket().getOutputStream()));
        out.writeUTF(all.toString());
        out.flush();
      } catch (IOException e) {
        // This rank is gone, and its process tells.
      }
    }
    close();
  }

  private static boolean isPort(int port) {
    return port > 0 && port < 1 << 16;
  }

  private static byte[] greeting() {
    byte[] text = "Sending Info".getBytes(java.nio.charset.StandardCharsets.UTF_8);
    byte[] greeting = new byte[2 + text.length];
    greeting[1] = (byte) text.length;
    System.arraycopy(text, 0, greeting, 2, text.length);
    return greeting;
  }

  private static void closeQuietly(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      // It is of no use any more either way.
    }
  }
}
