package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.LocalCommunicator;
import dev.mpipool.shared.MPIShared;
import dev.mpipool.shared.SharedDoubles;
import dev.mpipool.testing.Ranks;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Communicators that a program has written: they have the methods of {@link Communicator} only. */
@Timeout(60)
class OwnCommunicatorTest {

  private static final String NODES = "mpipool.shared.nodes";

  private final List<Communicator> ranks =
      LocalCommunicator.create(3).stream().map(OwnCommunicatorTest::own).toList();

  /** One that hands every call on to another, and is nothing but a communicator. */
  private static Communicator own(Communicator real) {
    return (Communicator)
        Proxy.newProxyInstance(
            OwnCommunicatorTest.class.getClassLoader(),
            new Class<?>[] {Communicator.class},
            (proxy, method, arguments) -> {
              if (method.getDeclaringClass() == Object.class) {
                return method.getName().equals("equals")
                    ? proxy == arguments[0]
                    : method.invoke(real, arguments);
              }
              try {
                Object result = method.invoke(real, arguments);
                return result instanceof Communicator made ? own(made) : result;
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  @Test
  void aPoolRunsOnThem() throws Exception {
    List<FutureTask<Object>> workers =
        ranks.subList(1, 3).stream().map(OwnCommunicatorTest::serve).toList();
    byte[] array = new byte[1 << 20];
    new Random(1).nextBytes(array);
    try (MPIExecutor executor = MPIExecutor.builder().communicator(ranks.get(0)).open()) {
      assertThat(executor.size()).isEqualTo(2);
      assertThat(executor.map(x -> x * x, List.of(1, 2, 3))).containsExactly(1, 4, 9);
      assertThat(executor.submit(a -> a, array).get(20, TimeUnit.SECONDS)).isEqualTo(array);
      assertThat(
              executor
                  .submitGroup(2, all -> all.allReduce(new long[] {all.rank()}, Long::sum)[0])
                  .get(20, TimeUnit.SECONDS))
          .containsExactly(1L, 1L);
    }
    for (FutureTask<Object> worker : workers) {
      Ranks.result(worker);
    }
  }

  @Test
  void arraysOfSeveralNodesAreSharedOverThem() throws Exception {
    System.setProperty(NODES, "3");
    try {
      List<Double> seen =
          Ranks.onAll(
              ranks,
              rank -> {
                try (SharedDoubles shared = MPIShared.doubles(rank, 100_000)) {
                  double[] block = new double[100_000];
                  Arrays.fill(block, 7);
                  shared.set(rank.rank() == 1 ? block : null, new long[] {0}, 1);
                  return shared.get(99_999);
                }
              });
      assertThat(seen).containsExactly(7.0, 7.0, 7.0);
    } finally {
      System.clearProperty(NODES);
    }
  }

  private static FutureTask<Object> serve(Communicator rank) {
    return Ranks.start(
        "test-worker",
        () -> {
          MPIExecutor.builder().communicator(rank).open().close();
          return null;
        });
  }
}
