package dev.mpipool.link;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class LinkHandshakeTest {
  private final byte[] secret = LinkHandshake.newSecret();
  private final ExecutorService pool = Executors.newCachedThreadPool();
  private DataInputStream atRank;
  private DataInputStream atLauncher;
  private DataOutputStream fromRank;
  private DataOutputStream fromLauncher;

  @BeforeEach
  void connect() throws IOException {
    PipedOutputStream up = new PipedOutputStream();
    PipedOutputStream down = new PipedOutputStream();
    atLauncher = new DataInputStream(new PipedInputStream(up));
    atRank = new DataInputStream(new PipedInputStream(down));
    fromRank = new DataOutputStream(up);
    fromLauncher = new DataOutputStream(down);
  }

  @AfterEach
  void close() {
    pool.shutdownNow();
  }

  @Test
  void bothSidesAgreeWhenBothKnowTheSecret() throws Exception {
    Future<Integer> launcher = launcher(secret, rank -> rank == 3);
    LinkHandshake.asRank(atRank, fromRank, 3, secret);
    assertThat(launcher.get()).isEqualTo(3);
  }

  @Test
  void theRankRefusesALauncherWithAnotherSecret() {
    launcher(LinkHandshake.newSecret(), rank -> true);
    assertThatThrownBy(() -> LinkHandshake.asRank(atRank, fromRank, 3, secret))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("not the launcher");
  }

  @Test
  void theLauncherRefusesARankThatOnlyEchoesItsProof() throws Exception {
    Future<Integer> launcher = launcher(secret, rank -> true);
    fromRank.writeInt(0x4d50_4c31);
    fromRank.writeInt(3);
    fromRank.write(new byte[32]);
    atRank.readFully(new byte[32]);
    byte[] proof = atRank.readNBytes(32);
    fromRank.write(proof);
    fromRank.flush();
    assertThatThrownBy(launcher::get)
        .isInstanceOf(ExecutionException.class)
        .hasMessageContaining("refused");
  }

  @Test
  void theLauncherRefusesARankThatIsNotExpected() {
    Future<Integer> launcher = launcher(secret, rank -> false);
    assertThatThrownBy(() -> LinkHandshake.asRank(atRank, fromRank, 3, secret))
        .isInstanceOf(IOException.class);
    assertThatThrownBy(launcher::get).hasMessageContaining("refused");
  }

  @Test
  void noiseIsRefusedAtTheFirstWord() throws IOException {
    Future<Integer> launcher = launcher(secret, rank -> true);
    fromRank.writeBytes("GET / HTTP/1.1\r\n");
    fromRank.flush();
    assertThatThrownBy(launcher::get).hasMessageContaining("not a rank");
  }

  /** Its side of the pipe is closed when it ends, as a socket would be. */
  private Future<Integer> launcher(byte[] known, IntPredicate accepted) {
    return pool.submit(
        () -> {
          try (DataOutputStream out = fromLauncher) {
            return LinkHandshake.asLauncher(atLauncher, out, known, accepted);
          }
        });
  }
}
