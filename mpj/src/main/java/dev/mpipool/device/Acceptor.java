package dev.mpipool.device;

import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.security.MessageDigest;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * Accepts connections and authenticates them as ranks of this job ({@link Handshake}). It runs on
 * the leader, does not block it, and needs no lock.
 *
 * <p>A connection that has not been authenticated costs a socket and some hundred bytes, for {@link
 * #PATIENCE_MILLIS} at most. There are at most {@link #MOST_PENDING} such connections: a further
 * one displaces the oldest. A rank whose connection was displaced connects again.
 */
final class Acceptor implements Progress.Ready {

  private static final int MOST_PENDING = 256;

  /** How many connections are accepted before the leader serves the ranks again. */
  private static final int AT_ONCE = 8;

  private static final long PATIENCE_MILLIS = 10_000;

  private final Endpoint endpoint;
  private final Set<PendingConnection> pending = new LinkedHashSet<>();

  Acceptor(Endpoint endpoint) {
    this.endpoint = endpoint;
  }

  /** A server socket has connections to accept. */
  @Override
  public void ready(SelectionKey key) {
    try {
      for (int i = 0; i < AT_ONCE; i++) {
        SocketChannel channel = ((ServerSocketChannel) key.channel()).accept();
        if (channel == null) {
          return;
        }
        authenticate(channel);
      }
    } catch (IOException | OutOfMemoryError e) {
      // Out of file descriptors: the oldest pending connection makes room, and the queue is looked
      // at again.
      dropOldest();
    }
  }

  private void authenticate(SocketChannel channel) {
    if (pending.size() >= MOST_PENDING) {
      dropOldest();
    }
    PendingConnection added = new PendingConnection(channel);
    pending.add(added);
    try {
      channel.configureBlocking(false);
      channel.register(endpoint.progress().selector(), SelectionKey.OP_READ, added);
      channel.write(Handshake.challenge(added.nonce));
      endpoint.progress().schedule(PATIENCE_MILLIS, added::rejectIfPending);
    } catch (IOException | OutOfMemoryError e) {
      added.reject(null);
    }
  }

  private void dropOldest() {
    if (!pending.isEmpty()) {
      pending.iterator().next().reject("more than " + MOST_PENDING + " of them at once");
    }
  }

  void close() {
    Set.copyOf(pending).forEach(each -> each.reject(null));
  }

  /** A connection that has not been authenticated yet. */
  private final class PendingConnection implements Progress.Ready {

    private final SocketChannel channel;
    private final byte[] nonce = Handshake.nonce();
    private final ByteBuffer in = ByteBuffer.allocate(Handshake.HELLO_LENGTH);

    PendingConnection(SocketChannel channel) {
      this.channel = channel;
    }

    @Override
    public void ready(SelectionKey key) {
      try {
        if (channel.read(in) < 0) {
          reject("it left without a word of proof");
        } else if (in.position() >= 8 && in.getLong(0) != Handshake.MAGIC) {
          reject("it does not speak this protocol");
        } else if (!in.hasRemaining()) {
          judgeHello();
        }
      } catch (IOException | OutOfMemoryError e) {
        reject("its connection broke");
      }
    }

    private void judgeHello() throws IOException {
      Job job = endpoint.job();
      int connector = in.getInt(8);
      int acceptor = in.getInt(12);
      byte[] connectorNonce = Handshake.bytes(in, 16, Handshake.NONCE);
      byte[] proof = Handshake.bytes(in, 16 + Handshake.NONCE, Handshake.MAC);
      byte[] expected =
          Handshake.connectorProof(job.key(), connector, acceptor, connectorNonce, nonce);
      if (!MessageDigest.isEqual(expected, proof)
          || acceptor != job.rank()
          || connector < 0
          || connector >= job.size()
          || connector == job.rank()) {
        reject("it does not know the secret of this job");
        return;
      }
      Connection connection = endpoint.connection(connector);
      Connection.State state = connection.state();
      boolean oursCounts = state == Connection.State.CONNECTING && job.rank() < connector;
      if (state == Connection.State.NEW || (state == Connection.State.CONNECTING && !oursCounts)) {
        channel.write(welcome(Handshake.WELCOME, connector, connectorNonce));
        pending.remove(this);
        if (Unix.isUnix(channel)) {
          Unix.prepare(channel);
        } else {
          channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
          channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
        }
        connection.open(channel);
      } else {
        channel.write(welcome(Handshake.BUSY, connector, connectorNonce));
        reject(null);
      }
    }

    private ByteBuffer welcome(long verdict, int connector, byte[] connectorNonce) {
      Job job = endpoint.job();
      return Handshake.welcome(job.key(), verdict, connector, job.rank(), connectorNonce, nonce);
    }

    private void rejectIfPending() {
      if (pending.contains(this)) {
        reject("it said nothing for " + PATIENCE_MILLIS / 1000 + " s");
      }
    }

    private void reject(String why) {
      pending.remove(this);
      try {
        channel.close();
      } catch (IOException e) {
        // It is as closed as it can be.
      }
      if (why != null) {
        endpoint.log().warnOnce("a connection from outside the job was refused: " + why);
      }
    }
  }
}
