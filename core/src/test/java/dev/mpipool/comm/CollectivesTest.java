package dev.mpipool.comm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.testing.Ranks;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class CollectivesTest {

  private static byte[] bytes(int... values) {
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) values[i];
    }
    return bytes;
  }

  /** Of a different length on each rank, empty on rank 0. */
  private static byte[] valueOf(int rank) {
    byte[] value = new byte[rank * 3];
    new Random(rank).nextBytes(value);
    return value;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8, 9})
  void broadcastGivesTheRootsValueToAll(int size) throws Exception {
    for (int root = 0; root < size; root++) {
      int from = root;
      List<byte[]> got =
          Ranks.onAll(size, own -> own.broadcast(own.rank() == from ? bytes(from, 7) : null, from));

      assertThat(got).hasSize(size).allSatisfy(v -> assertThat(v).isEqualTo(bytes(from, 7)));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8, 9})
  void gatherBringsAllValuesToTheRootByRank(int size) throws Exception {
    for (int root = 0; root < size; root++) {
      int to = root;
      List<List<byte[]>> got = Ranks.onAll(size, own -> own.gather(valueOf(own.rank()), to));

      for (int rank = 0; rank < size; rank++) {
        if (rank != root) {
          assertThat(got.get(rank)).isEmpty();
        } else {
          assertValuesOfAll(got.get(rank), size);
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8, 9})
  void allGatherBringsAllValuesToAll(int size) throws Exception {
    List<List<byte[]>> got = Ranks.onAll(size, own -> own.allGather(valueOf(own.rank())));

    got.forEach(values -> assertValuesOfAll(values, size));
  }

  private static void assertValuesOfAll(List<byte[]> values, int size) {
    assertThat(values).hasSize(size);
    for (int rank = 0; rank < size; rank++) {
      assertThat(values.get(rank)).isEqualTo(valueOf(rank));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8, 9})
  void scatterGivesEachRankItsOwn(int size) throws Exception {
    List<byte[]> values = IntStream.range(0, size).mapToObj(CollectivesTest::valueOf).toList();
    for (int root = 0; root < size; root++) {
      int from = root;
      List<byte[]> got =
          Ranks.onAll(size, own -> own.scatter(own.rank() == from ? values : null, from));

      assertValuesOfAll(got, size);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8, 9})
  void nobodyLeavesABarrierBeforeAllHaveCome(int size) throws Exception {
    AtomicInteger come = new AtomicInteger();
    Ranks.onAll(
        size,
        own -> {
          for (int round = 1; round <= 50; round++) {
            come.incrementAndGet();
            own.barrier();
            assertThat(come.get()).isGreaterThanOrEqualTo(round * size);
          }
          return null;
        });
  }

  @Test
  void aBarrierWaitsForTheLast() throws Exception {
    List<Communicator> ranks = LocalCommunicator.create(5);
    for (int late = 0; late < 5; late++) {
      int last = late;
      CountDownLatch others = new CountDownLatch(4);
      List<FutureTask<Void>> waiting =
          ranks.stream()
              .filter(own -> own.rank() != last)
              .map(
                  own ->
                      Ranks.<Void>start(
                          "test-rank-" + own.rank(),
                          () -> {
                            others.countDown();
                            own.barrier();
                            return null;
                          }))
              .toList();
      assertThat(others.await(20, TimeUnit.SECONDS)).isTrue();
      assertThat(waiting).noneMatch(FutureTask::isDone);
      ranks.get(late).barrier();
      for (FutureTask<Void> rank : waiting) {
        Ranks.result(rank);
      }
    }
  }

  @Test
  void collectivesInARowNeverMixWithEachOtherOrWithMessages() throws Exception {
    int rounds = 200;
    List<Integer> sums =
        Ranks.onAll(
            4,
            own -> {
              int sum = 0;
              for (int round = 0; round < rounds; round++) {
                int root = round % 4;
                own.send((own.rank() + 1) % 4, 0, ByteBuffer.wrap(bytes(1)));
                sum += own.broadcast(bytes(round & 0x7f), root)[0] - (round & 0x7f);
                own.gather(bytes(round & 0x7f), root).forEach(v -> assertThat(v).hasSize(1));
                sum += own.allGather(bytes(own.rank())).get(3)[0] - 3;
                sum += own.receive(Communicator.ANY_SOURCE, Communicator.ANY_TAG).data().get();
              }
              return sum;
            });

    assertThat(sums).containsOnly(rounds);
  }

  @Test
  void splitOrdersByKeyAndThenByOldRank() throws Exception {
    List<String> places =
        Ranks.onAll(
            6,
            own -> {
              int key = own.rank() < 4 ? -own.rank() : 5;
              Communicator part = own.split(own.rank() % 2, key);
              List<byte[]> olds = part.allGather(bytes(own.rank()));
              StringBuilder text = new StringBuilder(part.rank() + "/" + part.size() + ":");
              olds.forEach(old -> text.append(old[0]));
              return text.toString();
            });

    assertThat(places)
        .containsExactly("1/3:204", "1/3:315", "0/3:204", "0/3:315", "2/3:204", "2/3:315");
  }

  @Test
  void splitPartsAndTheOriginalExchangeMessagesSideBySide() throws Exception {
    Ranks.onAll(
        4,
        own -> {
          Communicator part = own.split(own.rank() / 2, own.rank());
          int other = 1 - part.rank();
          part.send(other, 0, ByteBuffer.wrap(bytes(10 + own.rank())));
          own.send((own.rank() + 2) % 4, 0, ByteBuffer.wrap(bytes(20 + own.rank())));
          int mate = own.rank() / 2 * 2 + other;
          assertThat(part.receive(Communicator.ANY_SOURCE, 0).data().get())
              .isEqualTo((byte) (10 + mate));
          Message across = own.receive(Communicator.ANY_SOURCE, 0);
          assertThat(across.data().get()).isEqualTo((byte) (20 + (own.rank() + 2) % 4));
          part.close();
          own.barrier();
          return null;
        });
  }

  @Test
  void aDuplicateIsIndependentOfItsOriginal() throws Exception {
    Ranks.onAll(
        3,
        own -> {
          Communicator copy = own.duplicate();
          assertThat(copy.rank()).isEqualTo(own.rank());
          assertThat(copy.size()).isEqualTo(3);
          int next = (own.rank() + 1) % 3;
          own.send(next, 0, ByteBuffer.wrap(bytes(1)));
          copy.send(next, 0, ByteBuffer.wrap(bytes(2)));
          assertThat(copy.receive(Communicator.ANY_SOURCE, 0).data().get()).isEqualTo((byte) 2);
          copy.close();
          assertThat(own.receive(Communicator.ANY_SOURCE, 0).data().get()).isEqualTo((byte) 1);
          own.barrier();
          return null;
        });
  }
}
