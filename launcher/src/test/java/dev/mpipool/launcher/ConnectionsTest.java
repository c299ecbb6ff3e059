package dev.mpipool.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.mpipool.device.LinkHandshake;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Strangers at the launcher's two ports, and ranks that misbehave. */
@Timeout(60)
class ConnectionsTest {
  private static final InetAddress HERE = InetAddress.getLoopbackAddress();

  private final byte[] secret = LinkHandshake.newSecret();
  private final List<String> events = new ArrayList<>();
  private final List<Socket> sockets = new ArrayList<>();
  private ControlServer control;
  private Bootstrap bootstrap;
  private int bootstrapPort;

  @BeforeEach
  void listen() throws IOException {
    control =
        new ControlServer(
            new ServerSocket(0, 50, HERE),
            secret,
            2,
            (rank, ending) -> events.add(rank + " " + ending));
    control.start();
    ServerSocket server = new ServerSocket(0, 50, HERE);
    bootstrapPort = server.getLocalPort();
    bootstrap = new Bootstrap(server, 2, control::address, () -> {});
    bootstrap.start();
  }

  @AfterEach
  void close() throws IOException {
    bootstrap.close();
    control.close();
    for (Socket socket : sockets) {
      socket.close();
    }
  }

  @Test
  void strangersAreSentAwayAndRanksAreServedAmongThem() throws IOException {
    for (int i = 0; i < 20; i++) {
      connect(control.port()); // says nothing
      connect(bootstrapPort);
      connect(control.port())
          .getOutputStream()
          .write("GET / HTTP/1.0\r\n\r\n".getBytes(StandardCharsets.UTF_8));
      connect(bootstrapPort).getOutputStream().write(new byte[200]);
    }
    link(0);
    link(1);
    Socket zero = introduce(0, 4000, 4001);
    Socket one = introduce(1, 5000, 5001);
    String host = HERE.getHostAddress();
    String all = "#Peer Information;" + host + "@4001@4000@0;" + host + "@5001@5000@1";
    assertThat(new DataInputStream(zero.getInputStream()).readUTF()).isEqualTo(all);
    assertThat(new DataInputStream(one.getInputStream()).readUTF()).isEqualTo(all);
  }

  @Test
  void aStrangerThatSaysNothingIsSentAway() throws IOException {
    Socket silent = connect(control.port());
    Socket trickling = connect(bootstrapPort);
    trickling.getOutputStream().write(0);
    assertThat(silent.getInputStream().read()).isEqualTo(-1);
    assertThat(trickling.getInputStream().read()).isEqualTo(-1);
  }

  @Test
  void aRankIsIntroducedOnlyOnceLinkedOnlyOnceAndOnlyWithSaneValues() throws IOException {
    assertThat(refused(introduce(0, 4000, 4001))).as("not linked").isTrue();
    link(0);
    assertThat(refused(introduce(0, 0, 4001))).as("no port").isTrue();
    assertThat(refused(introduce(0, 70_000, 4001))).as("no port").isTrue();
    assertThat(refused(introduce(-1, 4000, 4001))).as("no rank").isTrue();
    assertThat(refused(introduce(2, 4000, 4001))).as("no rank").isTrue();
    introduce(0, 4000, 4001);
    await().until(() -> bootstrap.isMissed(1));
    assertThat(refused(introduce(0, 4000, 4001))).as("a second time").isTrue();
    assertThat(bootstrap.isMissed(0)).isFalse();
  }

  @Test
  void aSecondProcessCannotBeARankThatIsTaken() throws IOException {
    link(1);
    Socket second = connect(control.port());
    boolean refused = false;
    try {
      LinkHandshake.asRank(
          new DataInputStream(second.getInputStream()),
          new DataOutputStream(second.getOutputStream()),
          1,
          secret);
    } catch (IOException e) {
      refused = true;
    }
    assertThat(refused).isTrue();
    assertThat(control.address(1)).isEqualTo(Optional.of(HERE));
  }

  private void link(int rank) throws IOException {
    Socket socket = connect(control.port());
    LinkHandshake.asRank(
        new DataInputStream(socket.getInputStream()),
        new DataOutputStream(socket.getOutputStream()),
        rank,
        secret);
  }

  private Socket introduce(int rank, int writePort, int readPort) throws IOException {
    Socket socket = connect(bootstrapPort);
    DataOutputStream out = new DataOutputStream(socket.getOutputStream());
    out.writeUTF("Sending Info");
    out.writeInt(writePort);
    out.writeInt(readPort);
    out.writeInt(rank);
    out.flush();
    return socket;
  }

  private Socket connect(int port) throws IOException {
    Socket socket = new Socket(HERE, port);
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
