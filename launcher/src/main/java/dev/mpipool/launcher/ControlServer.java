package dev.mpipool.launcher;

import dev.mpipool.device.LauncherLink;
import dev.mpipool.device.LauncherLink.Ending;
import dev.mpipool.device.LinkHandshake;
import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;

/**
 * The launcher's end of all {@link LauncherLink}s of a job. Whoever connects without knowing the
 * secret is sent away; who says nothing has a few seconds.
 */
final class ControlServer implements Closeable {
  private static final int OPENING = 15_000;
  private static final int STRANGERS = 64;

  private final ServerSocket server;
  private final byte[] secret;
  private final int np;
  private final BiConsumer<Integer, Ending> onEnded;
  private final Semaphore opening;
  private final Map<Integer, Link> links = new ConcurrentHashMap<>();

  private record Link(Socket socket, DataOutputStream out, CountDownLatch ended) {}

  private interface Writing {
    void to(DataOutputStream out) throws IOException;
  }

  ControlServer(ServerSocket server, byte[] secret, int np, BiConsumer<Integer, Ending> onEnded) {
    this.server = server;
    this.secret = secret;
    this.np = np;
    this.onEnded = onEnded;
    this.opening = new Semaphore(np + STRANGERS);
  }

  void start() {
    Threads.daemon("mpipool-links", this::accept);
  }

  int port() {
    return server.getLocalPort();
  }

  /** Where a rank's link comes from. */
  Optional<InetAddress> address(int rank) {
    return Optional.ofNullable(links.get(rank)).map(link -> link.socket().getInetAddress());
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
    server.close();
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

  private void accept() {
    while (!server.isClosed()) {
      try {
        Socket socket = server.accept();
        if (opening.tryAcquire()) {
          Threads.daemon("mpipool-link", () -> serve(socket));
        } else {
          close(socket);
        }
      } catch (IOException e) {
        if (!server.isClosed()) {
          Threads.pause(100); // out of file descriptors, perhaps: better later than never
        }
      }
    }
  }

  private void serve(Socket socket) {
    try (socket) {
      DataInputStream in = new DataInputStream(socket.getInputStream());
      int rank;
      try {
        rank = open(socket, in);
      } finally {
        opening.release();
      }
      try {
        read(rank, in);
      } finally {
        links.get(rank).ended().countDown();
      }
    } catch (IOException | IllegalArgumentException e) {
      // A stranger, or a rank that is gone: its process tells.
    }
  }

  private void read(int rank, DataInputStream in) throws IOException {
    while (in.readByte() == LauncherLink.ENDED) {
      onEnded.accept(rank, Ending.valueOf(in.readUTF()));
    }
  }

  private int open(Socket socket, DataInputStream in) throws IOException {
    // A bound for the whole handshake, which a stranger that sends a byte now and then would
    // stretch.
    Runnable cancel = Threads.later(OPENING, () -> close(socket));
    try {
      socket.setTcpNoDelay(true);
      LauncherLink.keepAlive(socket);
      DataOutputStream out =
          new DataOutputStream(new BufferedOutputStream(socket.getOutputStream()));
      Link link = new Link(socket, out, new CountDownLatch(1));
      try {
        return LinkHandshake.asLauncher(
            in,
            out,
            secret,
            rank -> rank >= 0 && rank < np && links.putIfAbsent(rank, link) == null);
      } catch (IOException e) {
        links.values().remove(link); // the rank was not welcomed, and may try again
        throw e;
      }
    } finally {
      cancel.run();
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
