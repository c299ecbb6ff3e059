package dev.mpipool.comm;

import static dev.mpipool.comm.Communicator.ANY_SOURCE;
import static dev.mpipool.comm.Communicator.ANY_TAG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.mpipool.testing.Ranks;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class LocalCommunicatorTest {

  private static ByteBuffer number(int value) {
    return ByteBuffer.allocate(4).putInt(0, value);
  }

  private static int number(Message message) {
    return message.data().getInt(message.data().position());
  }

  @Test
  void ranksAreNumberedFromZero() {
    List<Communicator> ranks = LocalCommunicator.create(3);

    assertThat(ranks).extracting(Communicator::rank).containsExactly(0, 1, 2);
    assertThat(ranks).extracting(Communicator::size).containsOnly(3);
  }

  @Test
  void messagesOfOneSourceAndTagKeepTheirOrder() throws Exception {
    int count = 2_000;
    List<List<Integer>> received =
        Ranks.onAll(
            3,
            own -> {
              List<Integer> numbers = new ArrayList<>();
              if (own.rank() != 0) {
                for (int i = 0; i < count; i++) {
                  own.send(0, i % 2, number(i));
                }
              } else {
                for (int i = 1; i < count; i += 2) {
                  numbers.add(number(own.receive(1, 1)));
                }
                for (int i = 0; i < count; i += 2) {
                  numbers.add(number(own.receive(1, 0)));
                }
                for (int i = 0; i < count; i++) {
                  Message message = own.receive(ANY_SOURCE, ANY_TAG);
                  assertThat(message.source()).isEqualTo(2);
                  assertThat(message.tag()).isEqualTo(i % 2);
                  assertThat(number(message)).isEqualTo(i);
                }
              }
              return numbers;
            });

    List<Integer> oddThenEven = new ArrayList<>();
    for (int first = 1; first >= 0; first--) {
      for (int i = first; i < count; i += 2) {
        oddThenEven.add(i);
      }
    }
    assertThat(received.get(0)).isEqualTo(oddThenEven);
  }

  @Test
  void eachOfSeveralReceivingThreadsGetsTheMessagesItAsksFor() throws Exception {
    List<Communicator> ranks = LocalCommunicator.create(2);
    int count = 500;
    List<FutureTask<Integer>> receivers = new ArrayList<>();
    for (int tag = 0; tag < 4; tag++) {
      int mine = tag;
      receivers.add(
          Ranks.start(
              "test-receiver-" + tag,
              () -> {
                int sum = 0;
                for (int i = 0; i < count; i++) {
                  sum += number(ranks.get(1).receive(0, mine));
                }
                return sum;
              }));
    }
    for (int i = 0; i < 4 * count; i++) {
      ranks.get(0).send(1, i % 4, number(i % 4));
    }

    for (int tag = 0; tag < 4; tag++) {
      assertThat(Ranks.result(receivers.get(tag))).isEqualTo(tag * count);
    }
  }

  @Test
  void aMessageIsCopiedWhenItIsSentAndTheBufferStaysAsItWas() {
    List<Communicator> ranks = LocalCommunicator.create(2);
    ByteBuffer buffer = ByteBuffer.wrap(new byte[] {0, 1, 2, 3, 4}, 1, 3);
    ranks.get(0).send(1, 0, buffer);
    buffer.put(1, (byte) 99);

    assertThat(buffer.position()).isEqualTo(1);
    assertThat(buffer.limit()).isEqualTo(4);
    ByteBuffer received = ranks.get(1).receive(0, 0).data();
    assertThat(received).isEqualTo(ByteBuffer.wrap(new byte[] {1, 2, 3}));
  }

  @Test
  void aRankMaySendToItselfAndMessagesMayBeEmpty() {
    Communicator alone = LocalCommunicator.create(1).get(0);
    alone.send(0, 3, ByteBuffer.allocate(0));

    assertThat(alone.receive(ANY_SOURCE, 3).data().remaining()).isZero();
  }

  @Test
  void argumentsOutOfRangeAreNamed() {
    Communicator own = LocalCommunicator.create(2).get(0);
    ByteBuffer empty = ByteBuffer.allocate(0);

    assertThatIllegalArgumentException()
        .isThrownBy(() -> own.send(2, 0, empty))
        .withMessage("No destination 2 among 2 ranks");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> own.send(-1, 0, empty))
        .withMessageContaining("-1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> own.send(1, -1, empty))
        .withMessageContaining("-1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> own.receive(2, 0))
        .withMessage("No source 2 among 2 ranks");
    assertThatIllegalArgumentException().isThrownBy(() -> own.receive(-2, 0));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> own.receive(0, -2))
        .withMessageContaining("-2");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> own.broadcast(new byte[0], 2))
        .withMessage("No root 2 among 2 ranks");
    assertThatIllegalArgumentException().isThrownBy(() -> own.gather(new byte[0], -1));
    assertThatIllegalArgumentException().isThrownBy(() -> own.scatter(List.of(), 2));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> own.scatter(List.of(new byte[0]), 0))
        .withMessage("There are 1 values for 2 ranks");
    assertThatIllegalArgumentException().isThrownBy(() -> own.split(-1, 0));
    assertThatIllegalArgumentException().isThrownBy(() -> LocalCommunicator.create(0));
  }

  @Test
  void nullIsRefused() {
    Communicator own = LocalCommunicator.create(2).get(0);

    assertThatNullPointerException().isThrownBy(() -> own.send(1, 0, null));
    assertThatNullPointerException().isThrownBy(() -> own.broadcast(null, 0));
    assertThatNullPointerException().isThrownBy(() -> own.gather(null, 1));
    assertThatNullPointerException().isThrownBy(() -> own.scatter(null, 0));
    assertThatNullPointerException().isThrownBy(() -> own.onRankLost(null));
  }

  @Test
  void closingWakesAThreadThatWaits() throws Exception {
    List<Communicator> ranks = LocalCommunicator.create(2);
    FutureTask<Message> waiting =
        Ranks.start("test-receiver", () -> ranks.get(1).receive(ANY_SOURCE, ANY_TAG));
    await().until(LocalCommunicatorTest::receiverWaits);
    ranks.get(1).close();
    ranks.get(1).close();

    assertThatThrownBy(() -> Ranks.result(waiting))
        .isInstanceOf(CommunicatorException.class)
        .hasMessageContaining("closed");
  }

  private static boolean receiverWaits() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("test-receiver"))
        .anyMatch(thread -> thread.getState() == Thread.State.TIMED_WAITING);
  }
}
