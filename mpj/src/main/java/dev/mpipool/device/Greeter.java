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
 * Accepts connections and finds out who they are, on the leader and without blocking it. Whoever
 * has not proven to be a rank of this job costs a socket and a hundred bytes, for {@link
 * #PATIENCE_MILLIS} at most, and there are at most {@link #VISITORS} of them: a new one takes the
 * place of the oldest. A rank that lost its place in that way calls again.
 */
final class Greeter implements Progress.Ready {

  private static final int VISITORS = 256;

  /** Accepted in a row; then the ranks have their turn. */
  private static final int AT_ONCE = 8;

  private static final long PATIENCE_MILLIS = 10_000;

  private final Endpoint endpoint;
  private final Set<Visitor> visitors = new LinkedHashSet<>();

  Greeter(Endpoint endpoint) {
    this.endpoint = endpoint;
  }

  /** A server socket has visitors. */
  @Override
  public void ready(SelectionKey key) {
    try {
      for (int i = 0; i < AT_ONCE; i++) {
        SocketChannel channel = ((ServerSocketChannel) key.channel()).accept();
        if (channel == null) {
          return;
        }
        welcome(channel);
      }
    } catch (IOException | OutOfMemoryError e) {
      // Out of file descriptors: the oldest visitor makes room, and the queue is looked at again.
      dropOldest();
    }
  }

  private void welcome(SocketChannel channel) {
    if (visitors.size() >= VISITORS) {
      dropOldest();
    }
    Visitor visitor = new Visitor(channel);
    visitors.add(visitor);
    try {
      channel.configureBlocking(false);
      channel.register(endpoint.progress().selector(), SelectionKey.OP_READ, visitor);
      channel.write(Handshake.challenge(visitor.nonce));
      endpoint.progress().schedule(PATIENCE_MILLIS, visitor::turnAwayIfStillHere);
    } catch (IOException | OutOfMemoryError e) {
      visitor.turnAway(null);
    }
  }

  private void dropOldest() {
    if (!visitors.isEmpty()) {
      visitors.iterator().next().turnAway("more than " + VISITORS + " of them at once");
    }
  }

  void close() {
    Set.copyOf(visitors).forEach(visitor -> visitor.turnAway(null));
  }

  /** A connection that has not proven anything yet. */
  private final class Visitor implements Progress.Ready {

    private final SocketChannel channel;
    private final byte[] nonce = Handshake.nonce();
    private final ByteBuffer in = ByteBuffer.allocate(Handshake.HELLO_LENGTH);

    Visitor(SocketChannel channel) {
      this.channel = channel;
    }

    @Override
    public void ready(SelectionKey key) {
      try {
        if (channel.read(in) < 0) {
          turnAway("it left without a word of proof");
        } else if (in.position() >= 8 && in.getLong(0) != Handshake.MAGIC) {
          turnAway("it does not speak this protocol");
        } else if (!in.hasRemaining()) {
          judge();
        }
      } catch (IOException | OutOfMemoryError e) {
        turnAway("its connection broke");
      }
    }

    private void judge() throws IOException {
      Job job = endpoint.job();
      int caller = in.getInt(8);
      int called = in.getInt(12);
      byte[] callersNonce = Handshake.bytes(in, 16, Handshake.NONCE);
      byte[] proof = Handshake.bytes(in, 16 + Handshake.NONCE, Handshake.MAC);
      byte[] expected = Handshake.callersProof(job.key(), caller, called, callersNonce, nonce);
      if (!MessageDigest.isEqual(expected, proof)
          || called != job.rank()
          || caller < 0
          || caller >= job.size()
          || caller == job.rank()) {
        turnAway("it does not know the secret of this job");
        return;
      }
      Link link = endpoint.link(caller);
      boolean mine = link.state() == Link.State.CALLING && job.rank() < caller;
      if (link.state() == Link.State.NEW || (link.state() == Link.State.CALLING && !mine)) {
        channel.write(welcome(Handshake.WELCOME, caller, callersNonce));
        visitors.remove(this);
        if (Unix.isUnix(channel)) {
          Unix.prepare(channel);
        } else {
          channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
          channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
        }
        link.open(channel);
      } else {
        channel.write(welcome(Handshake.BUSY, caller, callersNonce));
        turnAway(null);
      }
    }

    private ByteBuffer welcome(long verdict, int caller, byte[] callersNonce) {
      Job job = endpoint.job();
      return Handshake.welcome(job.key(), verdict, caller, job.rank(), callersNonce, nonce);
    }

    private void turnAwayIfStillHere() {
      if (visitors.contains(this)) {
        turnAway("it said nothing for " + PATIENCE_MILLIS / 1000 + " s");
      }
    }

    private void turnAway(String why) {
      visitors.remove(this);
      try {
        channel.close();
      } catch (IOException e) {
        // It is as closed as it can be.
      }
      if (why != null) {
        endpoint.log().stranger("a connection from outside the job was refused: " + why);
      }
    }
  }
}
