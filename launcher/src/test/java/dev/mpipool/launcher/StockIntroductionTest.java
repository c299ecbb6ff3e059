package dev.mpipool.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The starter that MPJ Express's stock device meets within its own process. */
@Timeout(60)
class StockIntroductionTest {
  @TempDir Path folder;

  @Test
  void thisProcessIsIntroducedAndAnotherIsNot() throws Exception {
    Assumptions.assumeTrue(Files.isReadable(Path.of("/proc/self/net/tcp")), "Linux tells");
    List<String> joined = new CopyOnWriteArrayList<>();
    String words =
        StockIntroduction.start(
            (writePort, readPort) -> {
              joined.add(writePort + " " + readPort);
              return "#Peer Information;all";
            });
    assertThat(words).matches(";#Server Name;127\\.0\\.0\\.1;#Server Port;\\d+");
    int port = Integer.parseInt(words.substring(words.lastIndexOf(';') + 1));

    Path introduction = folder.resolve("introduction");
    try (DataOutputStream out = new DataOutputStream(Files.newOutputStream(introduction))) {
      introduce(out, 6666, 6667);
    }
    Process stranger =
        new ProcessBuilder(
                "bash",
                "-c",
                "exec 3<>/dev/tcp/127.0.0.1/" + port + "; cat " + introduction + " >&3; cat <&3")
            .start();
    assertThat(stranger.waitFor(40, TimeUnit.SECONDS)).isTrue();
    assertThat(stranger.getInputStream().readAllBytes()).as("what it learns").isEmpty();

    try (Socket device = new Socket(InetAddress.getLoopbackAddress(), port)) {
      introduce(new DataOutputStream(device.getOutputStream()), 4000, 4001);
      assertThat(new DataInputStream(device.getInputStream()).readUTF())
          .isEqualTo("#Peer Information;all");
    }
    assertThat(joined).containsExactly("4000 4001");
  }

  private static void introduce(DataOutputStream out, int writePort, int readPort)
      throws IOException {
    out.writeUTF("Sending Info");
    out.writeInt(writePort);
    out.writeInt(readPort);
    out.writeInt(0);
    out.flush();
  }
}
