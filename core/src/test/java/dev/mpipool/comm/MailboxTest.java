package dev.mpipool.comm;

import static dev.mpipool.comm.Communicator.ANY_SOURCE;
import static dev.mpipool.comm.Communicator.ANY_TAG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.mpipool.testing.Ranks;
import java.nio.ByteBuffer;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class MailboxTest {

  private static final int COLLECTIVE = -2;

  private static Message message(int source, int tag, int content) {
    return new Message(source, tag, ByteBuffer.allocate(4).putInt(0, content));
  }

  private static int content(Message message) {
    return message.data().getInt(0);
  }

  @Test
  void givesTheEarliestMessageThatFits() {
    Mailbox mailbox = new Mailbox(2, null);
    mailbox.deliver(message(1, 5, 10));
    mailbox.deliver(message(2, 5, 20));
    mailbox.deliver(message(2, 6, 30));
    mailbox.deliver(message(1, 5, 40));

    assertThat(content(mailbox.take(ANY_SOURCE, 6))).isEqualTo(30);
    assertThat(content(mailbox.take(2, ANY_TAG))).isEqualTo(20);
    assertThat(content(mailbox.take(1, 5))).isEqualTo(10);
    assertThat(content(mailbox.take(ANY_SOURCE, ANY_TAG))).isEqualTo(40);
  }

  @Test
  void anyTagLeavesMessagesOfCollectivesAlone() {
    Mailbox mailbox = new Mailbox(2, null);
    mailbox.deliver(message(1, COLLECTIVE, 1));
    mailbox.deliver(message(1, 0, 2));

    assertThat(content(mailbox.take(ANY_SOURCE, ANY_TAG))).isEqualTo(2);
    assertThat(content(mailbox.take(1, COLLECTIVE))).isEqualTo(1);
  }

  @Test
  void aWaitingThreadIsWokenByItsMessageAndKeepsItsInterrupt() throws Exception {
    Mailbox mailbox = new Mailbox(2, null);
    AtomicInteger interrupted = new AtomicInteger(-1);
    FutureTask<Message> taking =
        Ranks.start(
            "test-taker",
            () -> {
              Thread.currentThread().interrupt();
              Message taken = mailbox.take(1, 7);
              interrupted.set(Thread.currentThread().isInterrupted() ? 1 : 0);
              return taken;
            });
    mailbox.deliver(message(1, 8, 1));
    mailbox.deliver(message(1, 7, 2));

    assertThat(content(Ranks.result(taking))).isEqualTo(2);
    assertThat(interrupted).hasValue(1);
  }

  @Test
  void closingWakesAllThatWaitAndLeavesWhatHasArrived() throws Exception {
    Mailbox mailbox = new Mailbox(2, null);
    mailbox.deliver(message(1, 1, 1));
    FutureTask<Message> first = Ranks.start("test-taker-1", () -> mailbox.take(1, 2));
    FutureTask<Message> second = Ranks.start("test-taker-2", () -> mailbox.take(1, 3));
    mailbox.close();

    assertThatThrownBy(() -> Ranks.result(first)).isInstanceOf(CommunicatorException.class);
    assertThatThrownBy(() -> Ranks.result(second)).isInstanceOf(CommunicatorException.class);
    assertThat(content(mailbox.take(1, 1))).isEqualTo(1);
    assertThatThrownBy(() -> mailbox.take(1, 1)).hasMessageContaining("closed");
  }

  @Test
  void oneThreadPullsForAllAndOnlyOneAtATime() throws Exception {
    BlockingQueue<Message> below = new LinkedBlockingQueue<>();
    AtomicInteger inside = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    Mailbox mailbox =
        new Mailbox(
            2,
            () -> {
              most.accumulateAndGet(inside.incrementAndGet(), Math::max);
              try {
                return below.poll(20, TimeUnit.SECONDS);
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              } finally {
                inside.decrementAndGet();
              }
            });
    FutureTask<Message> one = Ranks.start("test-taker-1", () -> mailbox.take(ANY_SOURCE, 1));
    FutureTask<Message> two = Ranks.start("test-taker-2", () -> mailbox.take(ANY_SOURCE, 2));
    FutureTask<Message> three = Ranks.start("test-taker-3", () -> mailbox.take(ANY_SOURCE, 3));
    await().until(() -> inside.get() == 1);
    for (int tag : new int[] {3, 2, 1}) {
      below.add(message(0, tag, tag * 10));
    }

    assertThat(content(Ranks.result(one))).isEqualTo(10);
    assertThat(content(Ranks.result(two))).isEqualTo(20);
    assertThat(content(Ranks.result(three))).isEqualTo(30);
    assertThat(most).hasValue(1);
  }

  @Test
  void aFailedPullFailsOneThreadAndAnotherTakesOver() throws Exception {
    BlockingQueue<Message> below = new LinkedBlockingQueue<>();
    AtomicInteger pulls = new AtomicInteger();
    Mailbox mailbox =
        new Mailbox(
            2,
            () -> {
              pulls.incrementAndGet();
              try {
                Message next = below.take();
                if (next.tag() == 99) {
                  throw new CommunicatorException("staged", null);
                }
                return next;
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
            });
    FutureTask<Message> first = Ranks.start("test-taker-1", () -> mailbox.take(0, 1));
    await().until(() -> pulls.get() == 1);
    FutureTask<Message> second = Ranks.start("test-taker-2", () -> mailbox.take(0, 1));
    below.add(message(0, 99, 0));
    below.add(message(0, 1, 5));

    assertThatThrownBy(() -> Ranks.result(first)).hasMessage("staged");
    assertThat(content(Ranks.result(second))).isEqualTo(5);
  }

  @Test
  void aCollectiveCallEndsWhenAnyRankIsLostWhileOthersAreWaitedFor() {
    Mailbox mailbox = new Mailbox(3, null);
    mailbox.deliver(message(1, COLLECTIVE, 7));
    mailbox.lose(2, "killed");

    assertThat(content(mailbox.take(1, COLLECTIVE))).isEqualTo(7);
    assertThatThrownBy(() -> mailbox.take(1, COLLECTIVE))
        .isInstanceOf(RankLostException.class)
        .hasMessageContaining("rank 2: killed");
  }
}
