package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Where the failure of a task of execute goes, which has no future. */
@Timeout(60)
@ExtendWith(LocalPools.class)
class UncaughtTest {

  private final List<Throwable> told = new CopyOnWriteArrayList<>();
  private final List<String> tellers = new CopyOnWriteArrayList<>();
  private Thread.UncaughtExceptionHandler before;

  /** Is not what it promises to be. */
  private static final class Unserializable extends RuntimeException {
    private static final long serialVersionUID = 1;

    @SuppressWarnings("unused")
    private final Object lock = new Object();

    Unserializable(String message) {
      super(message);
    }
  }

  @BeforeEach
  void noteFailures() {
    before = Thread.getDefaultUncaughtExceptionHandler();
    Thread.setDefaultUncaughtExceptionHandler(
        (thread, failure) -> {
          tellers.add(thread.getName());
          told.add(failure);
        });
  }

  @AfterEach
  void restore() {
    Thread.setDefaultUncaughtExceptionHandler(before);
  }

  private static void fail() {
    throw new IllegalStateException("bad star");
  }

  @Test
  void theDefaultHandlerIsToldBeforeThePoolIsClosed() {
    try (MPIExecutor executor = new MPIExecutor()) {
      executor.execute(UncaughtTest::fail);
      executor.execute(() -> {});
      Runnable plain = (Runnable & java.io.Serializable) UncaughtTest::fail;
      executor.execute(plain);
    }
    assertThat(told)
        .hasSize(2)
        .allSatisfy(
            e ->
                assertThat(e)
                    .isExactlyInstanceOf(IllegalStateException.class)
                    .hasMessage("bad star"));
    assertThat(tellers).allMatch(name -> name.startsWith("mpipool-callbacks-"));
  }

  @Test
  void anExceptionThatCannotTravelIsToldByItsText() {
    try (MPIExecutor executor = new MPIExecutor()) {
      executor.execute(
          () -> {
            throw new Unserializable("no way");
          });
    }
    assertThat(told)
        .singleElement()
        .isInstanceOf(RemoteTaskException.class)
        .asString()
        .contains("no way");
  }

  @Test
  void aPoolThatBreaksIsTold() {
    try (MPIExecutor executor =
        MPIExecutor.builder()
            .initializer(
                () -> {
                  throw new IllegalStateException("no licence");
                })
            .open()) {
      int gate = Gate.make();
      try {
        executor.execute(() -> Gate.pass(gate));
      } catch (BrokenExecutorException e) {
        return; // it broke before that
      }
    }
    assertThat(told).singleElement().isInstanceOf(BrokenExecutorException.class);
  }

  @Test
  void withoutAHandlerItIsPrintedWithTaskAndRank() throws Exception {
    Thread.setDefaultUncaughtExceptionHandler(null);
    PrintStream err = System.err;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    System.setErr(new PrintStream(printed, true, StandardCharsets.UTF_8));
    try (MPIExecutor executor = new MPIExecutor()) {
      executor.execute(UncaughtTest::fail);
      executor.shutdown();
      assertThat(executor.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
    } finally {
      System.setErr(err);
    }
    assertThat(printed.toString(StandardCharsets.UTF_8))
        .containsPattern(
            "Exception in task \"dev.mpipool.UncaughtTest.fail\" on rank [12]"
                + " java.lang.IllegalStateException: bad star\\R"
                + "\\s+at dev.mpipool.UncaughtTest.fail");
  }

  @Test
  void aHandlerThatBlocksKeepsNobodyWaiting() throws Exception {
    CountDownLatch blocking = new CountDownLatch(1);
    CountDownLatch blocked = new CountDownLatch(1);
    Thread.setDefaultUncaughtExceptionHandler(
        (thread, failure) -> {
          blocked.countDown();
          try {
            blocking.await();
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
        });
    try (MPIExecutor executor = new MPIExecutor()) {
      executor.execute(UncaughtTest::fail);
      assertThat(blocked.await(20, TimeUnit.SECONDS)).isTrue();
      for (int i = 0; i < 20; i++) {
        assertThat(executor.submit(() -> 1).get(20, TimeUnit.SECONDS)).isEqualTo(1);
      }
    }
    blocking.countDown();
  }

  @Test
  void aHandlerThatThrowsHarmsNothing() throws Exception {
    Thread.setDefaultUncaughtExceptionHandler(
        (thread, failure) -> {
          told.add(failure);
          throw new IllegalStateException("of the handler");
        });
    try (MPIExecutor executor = new MPIExecutor()) {
      for (int i = 0; i < 20; i++) {
        executor.execute(UncaughtTest::fail);
      }
      assertThat(executor.submit(() -> 1).get(20, TimeUnit.SECONDS)).isEqualTo(1);
    }
    assertThat(told).hasSize(20);
  }

  @Test
  void aHandlerMayCloseThePool() throws Exception {
    MPIExecutor executor = new MPIExecutor();
    CompletableFuture<Void> closed = new CompletableFuture<>();
    Thread.setDefaultUncaughtExceptionHandler(
        (thread, failure) -> {
          executor.close();
          closed.complete(null);
        });
    executor.execute(UncaughtTest::fail);
    closed.get(20, TimeUnit.SECONDS);
    assertThat(executor.isTerminated()).isTrue();
  }

  @Test
  void whatShutdownNowReturnsHasNotFailed() throws Exception {
    LocalPools.workers(1);
    try (MPIExecutor executor = new MPIExecutor()) {
      int gate = Gate.make();
      CompletableFuture<Integer> running = executor.submit(() -> Gate.pass(gate));
      Gate.awaitEntered(gate);
      executor.execute(UncaughtTest::fail);
      executor.shutdownNow();
      await().atMost(20, TimeUnit.SECONDS).until(running::isDone);
    }
    assertThat(told).isEmpty();
  }

  @Test
  void aFutureTellsOfItsOwnFailure() {
    try (MPIExecutor executor = new MPIExecutor()) {
      CompletableFuture<?> failed = executor.submit(UncaughtTest::fail);
      await().atMost(20, TimeUnit.SECONDS).until(failed::isDone);
    }
    assertThat(told).isEmpty();
  }
}
