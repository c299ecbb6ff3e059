package dev.mpipool.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.mpipool.link.LauncherLink;
import dev.mpipool.link.LauncherLink.Ending;
import dev.mpipool.link.LinkHandshake;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Strangers at the launcher's port, and ranks that misbehave. */
@Timeout(90)
class ConnectionsTest {
  private static final InetAddress HERE = InetAddress.getLoopbackAddress();

  private final byte[] secret = LinkHandshake.newSecret();
  private final List<String> events = Collections.synchronizedList(new ArrayList<>());
  private final List<Socket> sockets = new ArrayList<>();
  private ControlServer control;

  private final class Events implements ControlServer.Listener {
    @Override
    public void linked(int rank) {
      events.add(rank + " is linked");
    }

    @Override
    public void joins(int rank, InetAddress from, int writePort, int readPort) {
      events.add(rank + " joins from " + from.getHostAddress() + " " + writePort + " " + readPort);
    }

    @Override
    public void ended(int rank, Ending ending) {
      events.add(rank + " " + ending);
    }

    @Override
    public void failed(String reason) {
      events.add("failed: " + reason);
    }
  }

  @BeforeEach
  void listen() throws IOException {
    control = new ControlServer(new ServerSocket(0, 256, HERE), secret, 2, new Events());
    control.start();
  }

  @AfterEach
  void close() throws IOException {
    control.close();
    for (Socket socket : sockets) {
      socket.close();
    }
  }

  @Test
  void strangersAreSentAwayAndRanksAreServedAmongThem() throws IOException {
    for (int i = 0; i < 20; i++) {
      connect(); // says nothing
      connect().getOutputStream().write("GET / HTTP/1.0\r\n\r\n".getBytes(StandardCharsets.UTF_8));
      connect().getOutputStream().write(new byte[200]);
    }
    Socket zero = link(0);
    link(1);
    DataOutputStream out = new DataOutputStream(zero.getOutputStream());
    out.writeByte(LauncherLink.JOIN);
    out.writeInt(4000);
    out.writeInt(4001);
    await().until(() -> events.contains("0 joins from 127.0.0.1 4000 4001"));
    control.tellPeers(0, "all of them");
    DataInputStream in = new DataInputStream(zero.getInputStream());
    assertThat(in.readByte()).isEqualTo((byte) LauncherLink.PEERS);
    assertThat(new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8))
        .isEqualTo("all of them");
  }

  @Tag("slow")
  @Test
  void aStrangerThatSaysNothingIsSentAway() throws IOException {
    Socket silent = connect();
    Socket trickling = connect();
    trickling.getOutputStream().write(0);
    assertThat(silent.getInputStream().read()).isEqualTo(-1);
    assertThat(trickling.getInputStream().read()).isEqualTo(-1);
  }

  /** They come back as soon as they are sent away. */
  @Test
  void aThousandSilentStrangersKeepNoRankOut() throws Exception {
    CountDownLatch served = new CountDownLatch(1);
    CountDownLatch there = new CountDownLatch(300);
    Thread strangers = new Thread(() -> besiege(there, served), "strangers");
    strangers.start();
    try {
      assertThat(there.await(30, TimeUnit.SECONDS)).as("strangers are there").isTrue();
      linkPatiently(0);
      linkPatiently(1);
      // a rank's side of the handshake ends before the launcher's
      await().until(() -> events.size() == 2);
      assertThat(events).containsExactlyInAnyOrder("0 is linked", "1 is linked");
    } finally {
      served.countDown();
      strangers.join();
    }
  }

  @Test
  void thePortIsClosedOnceAllRanksAreLinked() throws IOException {
    Socket stranger = connect();
    link(0);
    link(1);
    assertThat(refused(stranger)).as("who was there before is sent away").isTrue();
    await()
        .until(
            () -> {
              try (Socket late = new Socket(HERE, control.port())) {
                return late.getInputStream().read() > 0;
              } catch (ConnectException e) {
                return true;
              } catch (SocketException e) {
                return false; // in the queue of the port when it was closed
              }
            });
  }

  @Test
  void aSecondProcessCannotBeARankThatIsTaken() throws IOException {
    link(1);
    Socket second = connect();
    boolean refused = false;
    try {
      handshake(second, 1);
    } catch (IOException e) {
      refused = true;
    }
    assertThat(refused).isTrue();
    assertThat(control.isLinked(1)).isTrue();
    assertThat(control.isLinked(0)).isFalse();
  }

  @Test
  void aPortThatCannotAcceptAnyMoreIsReported() throws IOException {
    ServerSocket broken =
        new ServerSocket(0, 50, HERE) {
          @Override
          public Socket accept() throws IOException {
            throw new SocketException("Too many open files");
          }
        };
    try (ControlServer other = new ControlServer(broken, secret, 2, new Events())) {
      other.start();
      await().until(() -> events.equals(List.of("failed: Too many open files")));
    }
  }

  @Test
  void theRosterIsCompleteOnceAllRanksAreInIt() {
    Roster roster = new Roster(2);
    assertThat(roster.isWaitedFor()).isFalse();
    assertThat(roster.enter(1, "b", 5000, 5001)).isEmpty();
    assertThat(roster.isWaitedFor()).isTrue();
    assertThat(roster.contains(0)).isFalse();
    assertThat(roster.enter(0, "a", 4000, 4001))
        .contains("#Peer Information;a@4001@4000@0;b@5001@5000@1");
    assertThat(roster.isWaitedFor()).isFalse();
  }

  private Socket link(int rank) throws IOException {
    Socket socket = connect();
    handshake(socket, rank);
    return socket;
  }

  private void handshake(Socket socket, int rank) throws IOException {
    LinkHandshake.asRank(
        new DataInputStream(socket.getInputStream()),
        new DataOutputStream(socket.getOutputStream()),
        rank,
        secret);
  }

  /** As a rank does it, which hears of nothing but a launcher that hangs up, or is busy. */
  private void linkPatiently(int rank) {
    await()
        .atMost(Duration.ofSeconds(40))
        .until(
            () -> {
              Socket socket = new Socket();
              sockets.add(socket);
              try {
                socket.connect(new InetSocketAddress(HERE, control.port()), 10_000);
                socket.setSoTimeout(10_000);
                handshake(socket, rank);
                return true;
              } catch (IOException e) {
                return false;
              }
            });
  }

  private void besiege(CountDownLatch there, CountDownLatch served) {
    List<SocketChannel> channels = new ArrayList<>();
    try (Selector selector = Selector.open()) {
      for (int i = 0; i < 1000; i++) {
        channels.add(besiege(selector));
      }
      while (served.getCount() > 0) {
        selector.select(100);
        for (SelectionKey key : selector.selectedKeys()) {
          SocketChannel channel = (SocketChannel) key.channel();
          try {
            if (key.isConnectable() && channel.finishConnect()) {
              key.interestOps(SelectionKey.OP_READ);
              there.countDown();
            } else if (channel.read(ByteBuffer.allocate(100)) < 0) {
              throw new IOException("sent away");
            }
          } catch (IOException e) {
            channel.close();
            channels.add(besiege(selector));
          }
        }
        selector.selectedKeys().clear();
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    } finally {
      channels.forEach(ConnectionsTest::close);
    }
  }

  private SocketChannel besiege(Selector selector) throws IOException {
    SocketChannel channel = SocketChannel.open();
    channel.configureBlocking(false);
    channel.register(selector, SelectionKey.OP_CONNECT);
    channel.connect(new InetSocketAddress(HERE, control.port()));
    return channel;
  }

  private static void close(SocketChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      // It is of no use any more either way.
    }
  }

  private Socket connect() throws IOException {
    Socket socket = new Socket(HERE, control.port());
    socket.setSoTimeout(40_000);
    sockets.add(socket);
    return socket;
  }

  private static boolean refused(Socket socket) {
    try {
      return socket.getInputStream().read() < 0;
    } catch (IOException e) {
      return e.getMessage().contains("reset");
    }
  }
}
