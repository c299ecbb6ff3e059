package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.CommunicatorException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Tasks that several local workers run together. */
@Timeout(60)
@ExtendWith(LocalPools.class)
class GroupTest {

  private static final AtomicInteger INSIDE = new AtomicInteger();
  private static volatile CountDownLatch reached;

  @BeforeEach
  void fourWorkers() {
    LocalPools.workers(4);
  }

  private static <T> T get(CompletableFuture<T> future) throws Exception {
    return future.get(30, TimeUnit.SECONDS);
  }

  @Test
  void membersSendToEachOtherAndCallCollectives() throws Exception {
    try (MPIExecutor executor = new MPIExecutor()) {
      List<String> all =
          get(
              executor.submitGroup(
                  3,
                  own -> {
                    int right = (own.rank() + 1) % own.size();
                    own.send(right, 5, ByteBuffer.wrap(new byte[] {(byte) own.rank()}));
                    int left = own.receive(Communicator.ANY_SOURCE, 5).data().get();
                    own.barrier();
                    double[] sum = own.allReduce(new double[] {own.rank(), 1}, Double::sum);
                    long[] most = own.allReduce(new long[] {own.rank()}, Math::max);
                    byte[] word =
                        own.reduce(new byte[] {(byte) ('a' + own.rank())}, GroupTest::join, 2);
                    Communicator part = own.split(own.rank() == 1 ? 1 : 0, -own.rank());
                    int gathered = part.gather(new byte[2], 0).size();
                    return "%d %s %s %s %s %d/%d %d"
                        .formatted(
                            left,
                            sum[0],
                            sum[1],
                            most[0],
                            word == null ? "-" : new String(word, StandardCharsets.UTF_8),
                            part.rank(),
                            part.size(),
                            gathered);
                  }));
      assertThat(all)
          .containsExactly("2 3.0 3.0 2 - 1/2 0", "0 3.0 3.0 2 - 0/1 1", "1 3.0 3.0 2 abc 0/2 2");
    }
  }

  private static byte[] join(byte[] one, byte[] other) {
    return ByteBuffer.allocate(one.length + other.length).put(one).put(other).array();
  }

  @Test
  void groupsOfAllSizesNeverWaitForEachOther() throws Exception {
    Random random = new Random(4711);
    try (MPIExecutor executor = MPIExecutor.builder().threadsPerWorker(2).open()) {
      List<CompletableFuture<List<Integer>>> groups = new ArrayList<>();
      List<Integer> sizes = new ArrayList<>();
      List<CompletableFuture<Integer>> singles = new ArrayList<>();
      for (int i = 0; i < 300; i++) {
        int size = 1 + random.nextInt(4);
        sizes.add(size);
        groups.add(
            executor.submitGroup(
                size,
                own -> {
                  own.barrier();
                  return (int) own.allReduce(new long[] {own.rank()}, Long::sum)[0];
                }));
        singles.add(executor.submit(x -> x, i));
      }
      for (int i = 0; i < 300; i++) {
        int size = sizes.get(i);
        assertThat(get(groups.get(i))).hasSize(size).containsOnly(size * (size - 1) / 2);
        assertThat(get(singles.get(i))).isEqualTo(i);
      }
      assertThat(get(executor.submitToAll(() -> 1))).hasSize(4);
    }
  }

  @Test
  void allBeginOrNone() throws Exception {
    LocalPools.workers(2);
    try (MPIExecutor executor = new MPIExecutor()) {
      int gate = Gate.make();
      int before = INSIDE.get();
      CompletableFuture<Integer> busy = executor.submit(() -> Gate.pass(gate));
      Gate.awaitEntered(gate);
      CompletableFuture<List<Integer>> pair =
          executor.submitGroup(2, own -> INSIDE.incrementAndGet());
      CompletableFuture<Integer> behind = executor.submit(() -> INSIDE.get());
      Gate.open(gate);
      assertThat(get(busy)).isEqualTo(gate);
      assertThat(get(pair)).containsExactlyInAnyOrder(before + 1, before + 2);
      assertThat(get(behind)).isGreaterThan(before);
    }
  }

  @Test
  void cancellingAGroupThatGathersFreesTheWorkersItKept() throws Exception {
    LocalPools.workers(2);
    try (MPIExecutor executor = new MPIExecutor()) {
      int gate = Gate.make();
      CompletableFuture<Integer> busy = executor.submit(() -> Gate.pass(gate));
      Gate.awaitEntered(gate);
      CompletableFuture<List<Integer>> pair = executor.submitGroup(2, own -> 1);
      CompletableFuture<Integer> behind = executor.submit(() -> 2);
      assertThat(behind).isNotDone();
      assertThat(pair.cancel(true)).isTrue();
      assertThat(get(behind)).isEqualTo(2);
      Gate.open(gate);
      assertThat(get(busy)).isEqualTo(gate);
    }
  }

  @Test
  void cancelTrueFreesEveryMember() throws Exception {
    try (MPIExecutor executor = new MPIExecutor()) {
      reached = new CountDownLatch(4);
      CompletableFuture<List<Integer>> stuck =
          executor.submitGroup(
              4,
              own -> {
                reached.countDown();
                if (own.rank() == 0) {
                  Thread.sleep(60_000);
                }
                own.barrier();
                return 1;
              });
      assertThat(reached.await(20, TimeUnit.SECONDS)).isTrue();
      assertThat(stuck.cancel(true)).isTrue();
      assertThatThrownBy(stuck::get).isInstanceOf(CancellationException.class);
      assertThat(get(executor.submitToAll(() -> MPIExecutor.currentRank()))).hasSize(4);
    }
  }

  @Test
  void aFailingMemberFailsTheGroupAndFreesTheOthers() throws Exception {
    try (MPIExecutor executor = new MPIExecutor()) {
      CompletableFuture<List<Integer>> failing =
          executor.submitGroup(
              3,
              own -> {
                if (own.rank() == 1) {
                  throw new IllegalArgumentException("member one");
                }
                own.barrier();
                return 1;
              });
      assertThatThrownBy(() -> get(failing))
          .isInstanceOf(ExecutionException.class)
          .cause()
          .isExactlyInstanceOf(IllegalArgumentException.class)
          .hasMessage("member one");
      assertThat(get(executor.submitGroup(4, Communicator::rank))).containsExactly(0, 1, 2, 3);
    }
  }

  @Test
  void aMessageThatNobodyHasReceivedDoesNoHarm() throws Exception {
    try (MPIExecutor executor = new MPIExecutor()) {
      for (int i = 0; i < 50; i++) {
        List<Integer> ranks =
            get(
                executor.submitGroup(
                    2,
                    own -> {
                      own.send(1 - own.rank(), 1, ByteBuffer.allocate(100));
                      return own.rank();
                    }));
        assertThat(ranks).containsExactly(0, 1);
      }
      assertThatThrownBy(
              () ->
                  get(
                      executor.submitGroup(
                          2,
                          own -> {
                            own.send(2, 0, ByteBuffer.allocate(0));
                            return 1;
                          })))
          .hasCauseInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void aGroupLargerThanThePoolIsRefused() throws Exception {
    try (MPIExecutor executor = new MPIExecutor()) {
      assertThatThrownBy(() -> executor.submitGroup(5, Communicator::rank))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("there are 4");
      assertThatThrownBy(() -> executor.submitGroup(0, Communicator::rank))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> executor.submitGroup(1, null))
          .isInstanceOf(NullPointerException.class);
    }
  }

  @Test
  void theCommunicatorEndsWithTheTask() throws Exception {
    try (MPIExecutor executor = new MPIExecutor()) {
      List<String> outcomes =
          get(
              executor.submitGroup(
                  2,
                  own -> {
                    KEPT.set(own.rank(), own);
                    return "kept";
                  }));
      assertThat(outcomes).containsOnly("kept");
      assertThatThrownBy(KEPT.get(0)::barrier).isInstanceOf(CommunicatorException.class);
    }
  }

  private static final List<Communicator> KEPT = new ArrayList<>(Arrays.asList(null, null));

  @Test
  void shutdownLetsAWaitingGroupRunAndShutdownNowCancelsIt() throws Exception {
    LocalPools.workers(2);
    MPIExecutor executor = new MPIExecutor();
    int gate = Gate.make();
    executor.submit(() -> Gate.pass(gate));
    Gate.awaitEntered(gate);
    CompletableFuture<List<Integer>> pair = executor.submitGroup(2, Communicator::rank);
    executor.shutdown();
    Gate.open(gate);
    assertThat(get(pair)).containsExactly(0, 1);
    executor.close();

    MPIExecutor other = new MPIExecutor();
    int closed = Gate.make();
    other.submit(() -> Gate.pass(closed));
    Gate.awaitEntered(closed);
    CompletableFuture<List<Integer>> never = other.submitGroup(2, Communicator::rank);
    assertThat(other.shutdownNow()).hasSize(1);
    assertThatThrownBy(() -> get(never)).isInstanceOf(CancellationException.class);
    other.close();
  }

  @Test
  void cancelFalseLetsAGroupRunOfWhichOneMemberHasBegun() throws Exception {
    LocalPools.workers(2);
    int gate = Gate.make();
    reached = new CountDownLatch(1);
    MPIExecutor executor =
        MPIExecutor.builder()
            .initializer(
                () -> {
                  if (MPIExecutor.currentRank() == 2) {
                    Gate.pass(gate);
                  }
                })
            .open();
    CompletableFuture<List<Integer>> group =
        executor.submitGroup(
            2,
            own -> {
              reached.countDown();
              own.barrier();
              return 1;
            });
    assertThat(reached.await(20, TimeUnit.SECONDS)).isTrue();
    assertThat(group.cancel(false)).isTrue();
    executor.shutdown();
    Gate.open(gate);
    assertThat(executor.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
    executor.close();
  }
}
