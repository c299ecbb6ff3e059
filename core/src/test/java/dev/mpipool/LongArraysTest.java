package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.FaultyCommunicator;
import dev.mpipool.testing.Ranks;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Long byte[]s, which are copied as seldom as they may: not more seldom. */
@Timeout(60)
@ExtendWith(LocalPools.class)
class LongArraysTest {

  private static final int LONG = 1 << 20;

  /** What a task keeps, and others find. */
  private static volatile byte[] kept;

  private static final AtomicInteger ATTEMPTS = new AtomicInteger();

  private static volatile FaultyCommunicator.World world;

  @BeforeEach
  void nothingIsKept() {
    kept = null;
    ATTEMPTS.set(0);
  }

  private static byte[] random(int length) {
    byte[] array = new byte[length];
    new Random(length).nextBytes(array);
    return array;
  }

  private static <T> T get(Future<T> future) throws Exception {
    return future.get(30, TimeUnit.SECONDS);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1_000, (256 << 10) - 1, 256 << 10, LONG, 20_000_000})
  void theyArriveAsTheyAreThereAndBack(int length) throws Exception {
    byte[] array = random(length);
    try (MPIExecutor executor = new MPIExecutor()) {
      byte[] argument = get(executor.submit(a -> a, array));
      assertThat(argument).isEqualTo(array).isNotSameAs(array);
      byte[] captured = get(executor.submit(() -> array));
      assertThat(captured).isEqualTo(array).isNotSameAs(array);
      List<byte[]> several = get(executor.submit((a, b) -> List.of(a, b, array), array, array));
      assertThat(several).hasSize(3).allSatisfy(each -> assertThat(each).isEqualTo(array));
      assertThat(get(executor.submitGroup(2, all -> array.length))).containsOnly(length);
      assertThat(get(executor.submitToAll(() -> array)))
          .hasSize(2)
          .allSatisfy(each -> assertThat(each).isEqualTo(array));
      assertThat(executor.map(a -> a, List.of(array, array)))
          .allSatisfy(each -> assertThat(each).isEqualTo(array));
    }
  }

  @Test
  void theyAreAsTheyWereAtSubmitAndAtReturn() throws Exception {
    byte[] array = random(LONG);
    try (MPIExecutor executor = new MPIExecutor()) {
      CompletableFuture<byte[]> argument = executor.submit(a -> a, array);
      CompletableFuture<byte[]> captured = executor.submit(() -> array);
      Arrays.fill(array, (byte) 0);
      assertThat(get(argument)).isEqualTo(random(LONG));
      assertThat(get(captured)).isEqualTo(random(LONG));

      byte[] result = get(executor.submit(LongArraysTest::keep, LONG));
      Arrays.fill(kept, (byte) 0);
      assertThat(result).isEqualTo(random(LONG));
    }
  }

  private static byte[] keep(int length) {
    kept = random(length);
    return kept;
  }

  @Test
  void aWorkerThatChangesItsArgumentChangesNobodyElses() throws Exception {
    byte[] array = random(LONG);
    try (MPIExecutor executor = new MPIExecutor()) {
      List<Integer> changed =
          get(
              executor.submitToAll(
                  () -> {
                    int before = Arrays.hashCode(array);
                    Arrays.fill(array, (byte) 0);
                    return before;
                  }));
      assertThat(changed).hasSize(2).containsOnly(Arrays.hashCode(array));
    }
    assertThat(array).isEqualTo(random(LONG));
  }

  @Test
  void aSecondAttemptGetsTheArrayAsItWasAtSubmit() throws Exception {
    world = new FaultyCommunicator.World(3, List.of(), 0);
    List<Communicator> ranks = world.ranks();
    List<FutureTask<Object>> workers =
        ranks.subList(1, 3).stream()
            .map(rank -> Ranks.start("test-worker", () -> serve(rank)))
            .toList();
    try (MPIExecutor executor = MPIExecutor.builder().communicator(ranks.get(0)).open()) {
      CompletableFuture<Integer> task =
          executor.submit(
              a -> {
                int before = Arrays.hashCode(a);
                Arrays.fill(a, (byte) 0);
                if (ATTEMPTS.incrementAndGet() == 1) {
                  world.kill(MPIExecutor.currentRank());
                }
                return before;
              },
              random(LONG));
      assertThat(get(task)).isEqualTo(Arrays.hashCode(random(LONG)));
      assertThat(ATTEMPTS).hasValue(2);
    } finally {
      world.end();
    }
    for (FutureTask<Object> worker : workers) {
      Ranks.result(worker);
    }
  }

  private static Object serve(Communicator rank) {
    try {
      MPIExecutor.builder().communicator(rank).open();
    } catch (RuntimeException e) {
      // it is the one that was killed
    }
    return null;
  }
}
