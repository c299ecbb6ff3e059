package dev.mpipool.comm;

import static dev.mpipool.comm.Communicator.ANY_SOURCE;
import static dev.mpipool.comm.Communicator.ANY_TAG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.mpipool.testing.Ranks;
import dev.mpipool.transport.Receiver;
import dev.mpipool.transport.Transport;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class MessageRouterTest {

  private static final int COLLECTIVE = -2;
  private static final int FAILS = 99;
  private static final long OTHER = 0x7fff_0000_0007L;

  /** Rank 0 of three; what comes to it is put into a queue. */
  private static final class Below implements Transport {
    private final BlockingQueue<Runnable> coming = new LinkedBlockingQueue<>();
    private final AtomicInteger polling = new AtomicInteger();
    private final AtomicInteger mostPolling = new AtomicInteger();
    private volatile Receiver receiver;
    private volatile RankLostListener listener;

    void comes(long context, int source, int tag, int content) {
      ByteBuffer data = ByteBuffer.allocate(4).putInt(0, content);
      coming.add(
          () -> {
            if (tag == FAILS) {
              throw new CommunicatorException("staged", null);
            }
            receiver.received(source, context, tag, data, null, 0);
          });
    }

    @Override
    public int rank() {
      return 0;
    }

    @Override
    public int size() {
      return 3;
    }

    @Override
    public void start(Receiver to) {
      receiver = to;
    }

    @Override
    public void send(int to, long context, int tag, ByteBuffer data, ByteBuffer attachment) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void poll(long nanos) {
      mostPolling.accumulateAndGet(polling.incrementAndGet(), Math::max);
      boolean interrupted = Thread.interrupted();
      try {
        coming.poll(20, TimeUnit.SECONDS).run();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      } finally {
        polling.decrementAndGet();
        if (interrupted) {
          Thread.currentThread().interrupt();
        }
      }
    }

    @Override
    public void wake() {
      coming.add(() -> {});
    }

    @Override
    public Threads threads() {
      return Threads.ANY;
    }

    @Override
    public FailureModel failures() {
      return FailureModel.PER_RANK;
    }

    @Override
    public void onRankLost(RankLostListener lost) {
      listener = lost;
    }

    @Override
    public void sendDirect(int to, long context, int tag, ByteBuffer message) {
      throw new UnsupportedOperationException();
    }

    @Override
    public int receiveDirect(int source, long context, int tag, ByteBuffer place) {
      throw new UnsupportedOperationException();
    }

    @Override
    public boolean ranksAreProcesses() {
      return true;
    }

    @Override
    public boolean launcherEndsRanks() {
      return true;
    }

    @Override
    public void finish(boolean alone) {}

    @Override
    public void abort(int exitCode) {}
  }

  private final Below below = new Below();
  private final MessageCommunicator world = MessageCommunicator.world(below);

  private static int content(Message message) {
    return message.data().getInt(0);
  }

  private void comes(int source, int tag, int content) {
    below.comes(MessageRouter.ALL, source, tag, content);
  }

  @Test
  void givesTheEarliestMessageThatFits() {
    comes(1, 5, 10);
    comes(2, 5, 20);
    comes(2, 6, 30);
    comes(1, 5, 40);

    assertThat(content(world.receive(ANY_SOURCE, 6))).isEqualTo(30);
    assertThat(content(world.receive(2, ANY_TAG))).isEqualTo(20);
    assertThat(content(world.receive(1, 5))).isEqualTo(10);
    assertThat(content(world.receive(ANY_SOURCE, ANY_TAG))).isEqualTo(40);
  }

  @Test
  void anyTagLeavesMessagesOfCollectivesAlone() {
    comes(1, COLLECTIVE, 1);
    comes(1, 0, 2);

    assertThat(content(world.receive(ANY_SOURCE, ANY_TAG))).isEqualTo(2);
    assertThat(content(world.receiveMatch(1, COLLECTIVE))).isEqualTo(1);
  }

  @Test
  void aWaitingThreadKeepsItsInterrupt() throws Exception {
    FutureTask<Message> polling = Ranks.start("test-poller", () -> world.receive(2, 9));
    await().until(() -> below.polling.get() == 1);
    AtomicInteger interrupted = new AtomicInteger(-1);
    FutureTask<Message> waiting =
        Ranks.start(
            "test-taker",
            () -> {
              Thread.currentThread().interrupt();
              Message taken = world.receive(1, 7);
              interrupted.set(Thread.currentThread().isInterrupted() ? 1 : 0);
              return taken;
            });
    comes(1, 8, 1);
    comes(1, 7, 2);

    assertThat(content(Ranks.result(waiting))).isEqualTo(2);
    assertThat(interrupted).hasValue(1);
    comes(2, 9, 3);
    assertThat(content(Ranks.result(polling))).isEqualTo(3);
  }

  @Test
  void closingWakesAllThatWaitAndMessagesThatComeLaterAreDropped() throws Exception {
    MessageCommunicator part = world.part(OTHER, 1, 0);
    FutureTask<Message> first = Ranks.start("test-taker-1", () -> part.receive(0, 2));
    FutureTask<Message> second = Ranks.start("test-taker-2", () -> part.receive(0, 3));
    await().until(() -> below.polling.get() == 1);
    part.close();

    assertThatThrownBy(() -> Ranks.result(first)).hasMessageContaining("closed");
    assertThatThrownBy(() -> Ranks.result(second)).hasMessageContaining("closed");
    below.comes(OTHER, 1, 2, 5);
    comes(1, 2, 6);
    assertThat(content(world.receive(ANY_SOURCE, ANY_TAG))).isEqualTo(6);
  }

  @Test
  void oneThreadPollsForTheCommunicatorsOfAllContexts() throws Exception {
    MessageCommunicator part = world.part(OTHER, 2, 0);
    FutureTask<Message> one = Ranks.start("test-taker-1", () -> world.receive(ANY_SOURCE, 1));
    FutureTask<Message> two = Ranks.start("test-taker-2", () -> part.receive(ANY_SOURCE, 2));
    FutureTask<Message> three = Ranks.start("test-taker-3", () -> world.receive(ANY_SOURCE, 3));
    await().until(() -> below.polling.get() == 1);
    comes(1, 3, 30);
    below.comes(OTHER, 2, 2, 20);
    comes(1, 1, 10);

    assertThat(content(Ranks.result(one))).isEqualTo(10);
    assertThat(Ranks.result(two)).returns(0, Message::source).returns(2, Message::tag);
    assertThat(content(Ranks.result(three))).isEqualTo(30);
    assertThat(below.mostPolling).hasValue(1);
  }

  @Test
  void aMessageMayComeBeforeItsCommunicatorIsMade() {
    below.comes(OTHER, 2, 1, 20);
    comes(1, 1, 10);

    assertThat(content(world.receive(ANY_SOURCE, ANY_TAG))).isEqualTo(10);
    assertThat(content(world.part(OTHER, 2, 0).receive(0, 1))).isEqualTo(20);
  }

  @Test
  void aMessageToTheOwnRankWakesTheThreadThatWaitsForIt() throws Exception {
    FutureTask<Message> waiting = Ranks.start("test-taker", () -> world.receive(0, 1));
    await().until(() -> below.polling.get() == 1);
    world.send(0, 1, ByteBuffer.allocate(4).putInt(0, 3));

    assertThat(content(Ranks.result(waiting))).isEqualTo(3);
  }

  @Test
  void aFailedPollFailsOneThreadAndAnotherTakesOver() throws Exception {
    FutureTask<Message> first = Ranks.start("test-taker-1", () -> world.receive(1, 1));
    await().until(() -> below.polling.get() == 1);
    FutureTask<Message> second = Ranks.start("test-taker-2", () -> world.receive(1, 1));
    comes(1, FAILS, 0);
    comes(1, 1, 5);

    assertThatThrownBy(() -> Ranks.result(first)).hasMessage("staged");
    assertThat(content(Ranks.result(second))).isEqualTo(5);
  }

  @Test
  void whatWaitsForARankThatHasLeftFailsAndNothingElse() throws Exception {
    FutureTask<Message> ofItself = Ranks.start("test-taker-1", () -> world.receive(1, 1));
    FutureTask<Message> other =
        Ranks.start("test-taker-2", () -> world.receiveMatch(2, COLLECTIVE));
    comes(1, 5, 10);
    below.coming.add(() -> below.receiver.left(1));

    assertThatThrownBy(() -> Ranks.result(ofItself))
        .isInstanceOf(RankLostException.class)
        .hasMessage(
            "Nothing more comes from rank 1: it has left the job (MPIRuntime.finish or"
                + " MPI.Finalize)");
    assertThat(content(world.receive(1, 5))).isEqualTo(10);
    comes(2, COLLECTIVE, 20);
    assertThat(content(Ranks.result(other))).isEqualTo(20);
  }

  @Test
  void aCollectiveCallEndsWhenAnyRankIsLostWhileOthersAreWaitedFor() throws Exception {
    FutureTask<Message> waiting =
        Ranks.start("test-taker", () -> world.receiveMatch(1, COLLECTIVE));
    await().until(() -> below.polling.get() == 1);
    below.listener.rankLost(2, "killed");

    assertThatThrownBy(() -> Ranks.result(waiting))
        .isInstanceOf(RankLostException.class)
        .hasMessageContaining("rank 2: killed");
  }

  @Test
  void aLostRankHasItsNumberInTheCommunicatorThatIsUsed() {
    MessageCommunicator part = world.part(OTHER, 2, 0);
    below.listener.rankLost(2, "killed");
    AtomicInteger heard = new AtomicInteger(-1);
    part.onRankLost((rank, reason) -> heard.set(rank));

    assertThat(heard).hasValue(0);
    assertThatThrownBy(() -> part.receive(0, 1))
        .isInstanceOfSatisfying(RankLostException.class, e -> assertThat(e.rank()).isZero());
    below.listener.rankLost(1, "killed");
    assertThatThrownBy(() -> world.receive(ANY_SOURCE, 1)).hasMessageContaining("All other ranks");
  }

  @Test
  void whatWaitsForAnyRankFailsOnceAllOthersAreLostOrHaveLeft() throws Exception {
    below.listener.rankLost(2, "killed");
    comes(1, 5, 10);
    below.coming.add(() -> below.receiver.left(1));

    assertThat(content(world.receive(ANY_SOURCE, 5))).isEqualTo(10);
    assertThatThrownBy(() -> world.receive(ANY_SOURCE, 5))
        .isInstanceOf(RankLostException.class)
        .hasMessage("All other ranks are lost or have left the job");
  }

  @Test
  void servicesWaitForRanksThatHaveLeftAndNotForLostOnes() throws Exception {
    world.markServed();
    below.coming.add(() -> below.receiver.left(1));
    below.coming.add(() -> below.receiver.left(2));
    comes(1, 5, 10);
    comes(2, 5, 20);

    assertThat(content(world.receive(1, 5))).isEqualTo(10);
    assertThat(content(world.receive(ANY_SOURCE, 5))).isEqualTo(20);
    below.listener.rankLost(1, "killed");
    assertThatThrownBy(() -> world.receive(1, 5)).isInstanceOf(RankLostException.class);
  }

  @Test
  void actionsRunWhenTheRankLeavesUnlessTheyAreRemoved() {
    List<String> ran = new ArrayList<>();
    world.onLeaving(() -> ran.add("kept"));
    world.onLeaving(() -> ran.add("removed")).run();
    world.leaving();

    assertThat(ran).containsExactly("kept");
  }
}
