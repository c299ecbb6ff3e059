package dev.mpipool.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mpipool.comm.RankLostException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Direct messages between ranks that are threads, one of which leaves. */
@Timeout(30)
class ThreadTransportTest {

  private static final int LONG = 1 << 20;

  private final List<Transport> ranks = ThreadTransport.create(2);

  private static final class Deaf implements Receiver {
    @Override
    public void received(
        int source, long context, int tag, ByteBuffer data, byte[] attachment, int missing) {}

    @Override
    public void left(int rank) {}

    @Override
    public void broken(String reason) {}
  }

  @BeforeEach
  void start() {
    ranks.forEach(rank -> rank.start(new Deaf()));
  }

  private static <T> FutureTask<T> inThread(Callable<T> call) {
    FutureTask<T> task = new FutureTask<>(call);
    Thread thread = new Thread(task, "test-rank");
    thread.setDaemon(true);
    thread.start();
    return task;
  }

  private int receive() {
    return ranks.get(0).receiveDirect(1, 5, 6, ByteBuffer.allocate(LONG));
  }

  private Void send() {
    ranks.get(0).sendDirect(1, 5, 6, ByteBuffer.allocate(LONG));
    return null;
  }

  @Test
  void aReceiveFromARankThatLeavesFails() {
    FutureTask<Integer> waiting = inThread(this::receive);
    ranks.get(1).finish(false);

    assertThatThrownBy(waiting::get)
        .isInstanceOf(ExecutionException.class)
        .hasCauseInstanceOf(RankLostException.class)
        .hasMessageContaining("Rank 1 has left the job");
    assertThatThrownBy(this::receive).isInstanceOf(RankLostException.class);
  }

  @Test
  void aSendToARankThatLeavesFails() {
    FutureTask<Void> waiting = inThread(this::send);
    ranks.get(1).finish(false);

    assertThatThrownBy(waiting::get)
        .isInstanceOf(ExecutionException.class)
        .hasCauseInstanceOf(RankLostException.class);
    assertThatThrownBy(this::send).isInstanceOf(RankLostException.class);
  }

  @Test
  void whatARankSentBeforeItLeftIsReceived() {
    ranks.get(1).sendDirect(0, 5, 6, ByteBuffer.allocate(7));
    ranks.get(1).finish(false);

    assertThat(receive()).isEqualTo(7);
  }
}
