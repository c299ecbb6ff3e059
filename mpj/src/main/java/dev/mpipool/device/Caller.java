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
 * Connects to other ranks, on the leader and without blocking it. On one host it tries the Unix
 * domain socket first and then TCP. All ranks listen before the first one learns an address, so a
 * refused connection means a rank that is gone; a connection that is accepted and then dropped (a
 * rank under a flood of strangers does that) is tried again.
 */
final class Caller {

  private static final long PAUSE_MILLIS = 20;

  /** For how long a rank is called again that takes the call and hangs up. */
  private static final long PATIENCE_MILLIS = 60_000;

  private static final long UNIX_MILLIS = 1000;

  private final Endpoint endpoint;

  Caller(Endpoint endpoint) {
    this.endpoint = endpoint;
  }

  void call(Link link) {
    boolean unix = endpoint.job().isOnThisHost(link.peer());
    new Call(link).start(unix ? endpoint.unixAddress(link.peer()) : null);
  }

  /** One attempt after the other to reach one rank. */
  private final class Call implements Progress.Ready {

    private final Link link;
    private final byte[] nonce = Handshake.nonce();
    private final long begin = System.nanoTime();
    private SocketChannel channel;
    private boolean unix;
    private boolean connected;
    private ByteBuffer in;
    private byte[] calledNonce;

    Call(Link link) {
      this.link = link;
    }

    /** Tries the Unix address, or TCP if that is null. */
    void start(SocketAddress unixAddress) {
      if (link.state() != Link.State.CALLING) {
        return; // the other rank was quicker
      }
      Job job = endpoint.job();
      unix = unixAddress != null;
      connected = false;
      calledNonce = null;
      in = ByteBuffer.allocate(Handshake.CHALLENGE_LENGTH);
      try {
        SocketAddress address =
            unix
                ? unixAddress
                : new InetSocketAddress(job.host(link.peer()), job.port(link.peer()));
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
     * A full queue of a Unix socket looks like a connection that takes time, but nobody would tell
     * of its end.
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
      if (in.getLong(0) == Handshake.MAGIC && calledNonce == null) {
        calledNonce = Handshake.bytes(in, 8, Handshake.NONCE);
        in = ByteBuffer.allocate(Handshake.WELCOME_LENGTH);
        // A fresh connection has room for so few bytes.
        channel.write(Handshake.hello(job.key(), job.rank(), link.peer(), nonce, calledNonce));
        return;
      }
      long verdict = in.getLong(0);
      byte[] expected =
          calledNonce == null
              ? nonce
              : Handshake.calledProof(
                  job.key(), verdict, job.rank(), link.peer(), nonce, calledNonce);
      if (!MessageDigest.isEqual(expected, Handshake.bytes(in, 8, in.capacity() - 8))) {
        endpoint.log().stranger("the address of rank " + link.peer() + " belongs to somebody else");
        failed();
      } else if (verdict == Handshake.WELCOME) {
        link.open(channel);
      } else {
        close(); // both called: its call comes, or has come
        endpoint.progress().schedule(PAUSE_MILLIS * 10, this::callAgain);
      }
    }

    /** This attempt has come to nothing. */
    private void failed() {
      close();
      if (link.state() != Link.State.CALLING) {
        return;
      }
      if (unix) {
        start(null);
      } else if (!connected
          || System.nanoTime() - begin > TimeUnit.MILLISECONDS.toNanos(PATIENCE_MILLIS)) {
        endpoint.lose(link.peer());
      } else {
        endpoint.progress().schedule(PAUSE_MILLIS, this::callAgain);
      }
    }

    private void callAgain() {
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
