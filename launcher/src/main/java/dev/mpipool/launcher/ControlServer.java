package dev.mpipool.launcher;

import dev.mpipool.link.LauncherLink;
import dev.mpipool.link.LauncherLink.Ending;
import dev.mpipool.link.LinkHandshake;
import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * The launcher's end of all {@link LauncherLink}s of a job. A connection that does not know the
 * secret is sent away, and once each process has its link, the port is closed.
 */
final class ControlServer implements Closeable {
  private final Acceptor acceptor;
  private final byte[] secret;
  private final int processes;
  private final Listener listener;
  private final Set<Integer> taken = ConcurrentHashMap.newKeySet();
  private final Map<Integer, Link> links = new ConcurrentHashMap<>();

  /** Is told what ranks say, on any thread. */
  interface Listener {
    void linked(int rank);

    void joins(int rank, InetAddress from, int writePort, int readPort);

    void ended(int rank, Ending ending);

    /** No rank can be linked any more. */
    void failed(String reason);
  }

  private record Link(Socket socket, DataOutputStream out, CountDownLatch ended) {}

  private interface Writing {
    void to(DataOutputStream out) throws IOException;
  }

  ControlServer(ServerSocket server, byte[] secret, int processes, Listener listener) {
    this.acceptor = new Acceptor(server, "mpipool-link", this::serve, listener::failed);
    this.secret = secret;
    this.processes = processes;
    this.listener = listener;
  }

  void start() {
    acceptor.start();
  }

  int port() {
    return acceptor.port();
  }

  /** Links no more ranks, and needs no further descriptor. */
  void stop() {
    acceptor.stop();
  }

  boolean isLinked(int rank) {
    return links.containsKey(rank);
  }

  void tellLost(int rank, int lost, String reason) {
    send(
        rank,
        out -> {
          out.writeByte(LauncherLink.LOST);
          out.writeInt(lost);
          out.writeUTF(reason);
        });
  }

  void tellLeave(int rank) {
    send(rank, out -> out.writeByte(LauncherLink.LEAVE));
  }

  void tellTermination(int rank, boolean now) {
    send(
        rank,
        out -> {
          out.writeByte(LauncherLink.TERMINATION);
          out.writeBoolean(now);
        });
  }

  void tellPeers(int rank, String peers) {
    byte[] bytes = peers.getBytes(StandardCharsets.UTF_8);
    send(
        rank,
        out -> {
          out.writeByte(LauncherLink.PEERS);
          out.writeInt(bytes.length);
          out.write(bytes);
        });
  }

  /** Waits a moment until all is read that a rank, whose process has ended, has said. */
  void drained(int rank) throws InterruptedException {
    Link link = links.get(rank);
    if (link != null) {
      link.ended().await(1, TimeUnit.SECONDS);
    }
  }

  /** Cuts the link, upon which the rank halts. */
  void cut(int rank) {
    Link link = links.get(rank);
    if (link != null) {
      close(link.socket());
    }
  }

  @Override
  public void close() throws IOException {
    acceptor.close();
    links.keySet().forEach(this::cut);
  }

  private void send(int rank, Writing message) {
    Link link = links.get(rank);
    if (link == null) {
      return;
    }
    synchronized (link) {
      try {
        message.to(link.out());
        link.out().flush();
      } catch (IOException e) {
        // The rank is gone; its process tells.
      }
    }
  }

  private void serve(Acceptor.Connection connection) throws IOException {
    Socket socket = connection.socket();
    socket.setTcpNoDelay(true);
    LauncherLink.keepAlive(socket);
    DataInputStream in = new DataInputStream(socket.getInputStream());
    DataOutputStream out = new DataOutputStream(new BufferedOutputStream(socket.getOutputStream()));
    int rank = welcome(connection, in, out);
    Link link = new Link(socket, out, new CountDownLatch(1));
    links.put(rank, link);
    try {
      listener.linked(rank);
      if (links.size() == processes) {
        acceptor.close();
      }
      read(rank, link, in);
    } finally {
      link.ended().countDown();
    }
  }

  private int welcome(Acceptor.Connection connection, DataInputStream in, DataOutputStream out)
      throws IOException {
    Set<Integer> mine = new HashSet<>();
    try {
      return LinkHandshake.asLauncher(
          in,
          out,
          secret,
          rank ->
              rank >= 0
                  && rank < processes
                  && connection.proven()
                  && taken.add(rank)
                  && mine.add(rank));
    } catch (IOException e) {
      taken.removeAll(mine); // the rank was not welcomed, and may try again
      throw e;
    }
  }

  private void read(int rank, Link link, DataInputStream in) throws IOException {
    while (true) {
      int message = in.readByte();
      if (message == LauncherLink.ENDED) {
        listener.ended(rank, Ending.valueOf(in.readUTF()));
        send(rank, out -> out.writeByte(LauncherLink.NOTED));
      } else if (message == LauncherLink.JOIN) {
        listener.joins(rank, link.socket().getInetAddress(), in.readInt(), in.readInt());
      } else {
        return;
      }
    }
  }

  private static void close(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      // It is of no use any more either way.
    }
  }
}
