package dev.mpipool.device;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.security.MessageDigest;
import java.util.concurrent.TimeUnit;

/**
 * Connects to other ranks and proves to them that this is a rank of the job ({@link Handshake}). It
 * runs on the leader, does not block it, and needs no lock.
 *
 * <p>For a rank on the same host it tries the Unix domain socket first, then TCP. All ranks listen
 * before the first one learns an address, so a refused connection means that the rank is lost. A
 * connection that is accepted and then dropped is tried again: the {@link Acceptor} of a rank with
 * too many pending connections drops some.
 */
final class Connector {

  private static final long PAUSE_MILLIS = 20;

  /** For how long a rank is tried again that accepts connections and drops them. */
  private static final long PATIENCE_MILLIS = 60_000;

  private static final long UNIX_MILLIS = 1000;

  private final Endpoint endpoint;

  Connector(Endpoint endpoint) {
    this.endpoint = endpoint;
  }

  void connect(Connection connection) {
    boolean unix = endpoint.job().isOnThisHost(connection.peer());
    new Attempt(connection).start(unix ? endpoint.unixAddress(connection.peer()) : null);
  }

  /** The attempts to reach one rank, one after the other. */
  private final class Attempt implements Progress.Ready {

    private final Connection connection;
    private final byte[] nonce = Handshake.nonce();
    private final long begin = System.nanoTime();
    private SocketChannel channel;
    private boolean unix;
    private boolean connected;
    private ByteBuffer in;
    private byte[] acceptorNonce;

    Attempt(Connection connection) {
      this.connection = connection;
    }

    /** Tries the Unix address, or TCP if that is null. */
    void start(SocketAddress unixAddress) {
      if (connection.state() != Connection.State.CONNECTING) {
        return; // the other rank has connected meanwhile
      }
      Job job = endpoint.job();
      unix = unixAddress != null;
      connected = false;
      acceptorNonce = null;
      in = ByteBuffer.allocate(Handshake.CHALLENGE_LENGTH);
      try {
        SocketAddress address =
            unix
                ? unixAddress
                : new InetSocketAddress(job.host(connection.peer()), job.port(connection.peer()));
        channel = unix ? Unix.open() : SocketChannel.open();
        channel.configureBlocking(false);
        boolean now = channel.connect(address);
        SelectionKey key =
            channel.register(
                endpoint.progress().selector(),
                now ? SelectionKey.OP_READ : SelectionKey.OP_CONNECT,
                this);
        if (now) {
          connected(key);
        } else if (unix) {
          SocketChannel attempt = channel;
          endpoint.progress().schedule(UNIX_MILLIS, () -> giveUpUnix(attempt));
        }
      } catch (IOException | OutOfMemoryError e) {
        failed();
      }
    }

    /**
     * If the queue of a Unix domain socket is full, the connection stays pending, and its selection
     * key never becomes ready.
     */
    private void giveUpUnix(SocketChannel attempt) {
      if (channel == attempt && !connected) {
        failed();
      }
    }

    private void connected(SelectionKey key) throws IOException {
      connected = true;
      key.interestOps(SelectionKey.OP_READ);
      if (unix) {
        Unix.prepare(channel);
      } else {
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
      }
    }

    @Override
    public void ready(SelectionKey key) {
      try {
        if (!connected) {
          if (!channel.finishConnect()) {
            return;
          }
          connected(key);
        }
        int n = channel.read(in);
        if (n < 0) {
          failed();
        } else if (!in.hasRemaining()) {
          advance();
        }
      } catch (IOException | OutOfMemoryError e) {
        failed();
      }
    }

    private void advance() throws IOException {
      Job job = endpoint.job();
      if (in.getLong(0) == Handshake.MAGIC && acceptorNonce == null) {
        acceptorNonce = Handshake.bytes(in, 8, Handshake.NONCE);
        in = ByteBuffer.allocate(Handshake.WELCOME_LENGTH);
        // A fresh connection has room for so few bytes.
        channel.write(
            Handshake.hello(job.key(), job.rank(), connection.peer(), nonce, acceptorNonce));
        return;
      }
      long verdict = in.getLong(0);
      byte[] expected =
          acceptorNonce == null
              ? nonce
              : Handshake.acceptorProof(
                  job.key(), verdict, job.rank(), connection.peer(), nonce, acceptorNonce);
      if (!MessageDigest.isEqual(expected, Handshake.bytes(in, 8, in.capacity() - 8))) {
        endpoint
            .log()
            .warnOnce("the address of rank " + connection.peer() + " belongs to another process");
        failed();
      } else if (verdict == Handshake.WELCOME) {
        connection.open(channel);
      } else {
        close(); // both ranks connect, and the other one's connection counts
        endpoint.progress().schedule(PAUSE_MILLIS * 10, this::tryAgain);
      }
    }

    /** The attempt has failed: tries the next, or reports the rank as lost. */
    private void failed() {
      close();
      if (connection.state() != Connection.State.CONNECTING) {
        return;
      }
      if (unix) {
        start(null);
      } else if (!connected
          || System.nanoTime() - begin > TimeUnit.MILLISECONDS.toNanos(PATIENCE_MILLIS)) {
        endpoint.lose(connection.peer());
      } else {
        endpoint.progress().schedule(PAUSE_MILLIS, this::tryAgain);
      }
    }

    private void tryAgain() {
      start(null);
    }

    private void close() {
      try {
        if (channel != null) {
          channel.close();
        }
      } catch (IOException e) {
        // It is as closed as it can be.
      }
    }
  }
}
