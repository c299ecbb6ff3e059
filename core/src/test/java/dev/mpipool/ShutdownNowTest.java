package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.testing.Ranks;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** What shutdownNow returns of the tasks that workers hold and have not begun. */
@Timeout(60)
@ExtendWith(LocalPools.class)
class ShutdownNowTest {

  private static final AtomicInteger BEGUN = new AtomicInteger();
  private static final int TASKS = 200;

  private MPIExecutor executor;

  /** Short tasks have workers hold many, of which they begin one each. */
  @BeforeEach
  void open() throws Exception {
    BEGUN.set(0);
    executor = new MPIExecutor();
    List<CompletableFuture<Integer>> shortTasks = new ArrayList<>();
    for (int i = 0; i < 2_000; i++) {
      shortTasks.add(executor.submit(() -> 1));
    }
    for (CompletableFuture<Integer> task : shortTasks) {
      task.get(20, TimeUnit.SECONDS);
    }
  }

  @AfterEach
  void close() {
    executor.shutdownNow();
    executor.close();
  }

  private static int begin(int gate) throws InterruptedException {
    BEGUN.incrementAndGet();
    return Gate.pass(gate);
  }

  private List<CompletableFuture<Integer>> submitMany(int gate) throws Exception {
    List<CompletableFuture<Integer>> futures = new ArrayList<>();
    for (int i = 0; i < TASKS; i++) {
      futures.add(executor.submit(() -> begin(gate)));
    }
    Gate.awaitEntered(gate);
    return futures;
  }

  private void assertAllOver(List<CompletableFuture<Integer>> futures, int returned)
      throws Exception {
    assertThat(executor.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
    assertThat(returned).isPositive().isEqualTo(TASKS - BEGUN.get());
    assertThat(futures.stream().filter(CompletableFuture::isCancelled)).hasSize(returned);
    assertThat(futures).allMatch(CompletableFuture::isDone);
  }

  @Test
  void whatWasExecutedAndNotBegunComesBackInOrder() throws Exception {
    int gate = Gate.make();
    List<Runnable> all = new ArrayList<>();
    for (int i = 0; i < TASKS; i++) {
      Runnable task = (Runnable & Serializable) new Executed(gate)::run;
      all.add(task);
      executor.execute(task);
    }
    Gate.awaitEntered(gate);
    List<Runnable> never = executor.shutdownNow();

    assertThat(executor.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
    assertThat(never).hasSize(TASKS - BEGUN.get()).isNotEmpty();
    List<Runnable> expected = new ArrayList<>(all);
    expected.removeIf(task -> !never.contains(task));
    assertThat(never).containsExactlyElementsOf(expected);
  }

  private record Executed(int gate) implements Serializable {
    void run() {
      try {
        begin(gate);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  @Test
  void futuresOfWhatCameBackAreCancelledWhenItReturns() throws Exception {
    List<CompletableFuture<Integer>> futures = submitMany(Gate.make());
    int returned = executor.shutdownNow().size();
    long cancelled = futures.stream().filter(CompletableFuture::isCancelled).count();

    assertThat(cancelled).isEqualTo(returned);
    assertAllOver(futures, returned);
  }

  @Test
  void whatCameBackCanBeRunHere() throws Exception {
    int gate = Gate.make();
    submitMany(gate);
    List<Runnable> never = executor.shutdownNow();
    assertThat(executor.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
    int begun = BEGUN.get();
    Gate.open(gate);
    never.forEach(Runnable::run);

    assertThat(BEGUN).hasValue(TASKS).hasValueGreaterThan(begun);
  }

  @Test
  void whatTheUserHasCancelledDoesNotComeBack() throws Exception {
    List<CompletableFuture<Integer>> futures = submitMany(Gate.make());
    futures.get(TASKS / 2).cancel(false);
    int returned = executor.shutdownNow().size();

    assertThat(executor.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
    assertThat(returned).isEqualTo(TASKS - BEGUN.get() - 1);
  }

  @Test
  void aCallbackMayCallIt() throws Exception {
    int gate = Gate.make();
    CompletableFuture<Integer> first = executor.submit(() -> Gate.pass(gate));
    CountDownLatch submitted = new CountDownLatch(1);
    CompletableFuture<Integer> returned =
        first.thenApply(
            value -> {
              try {
                assertThat(submitted.await(20, TimeUnit.SECONDS)).isTrue();
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
              return executor.shutdownNow().size();
            });
    int other = Gate.make();
    List<CompletableFuture<Integer>> futures = new ArrayList<>();
    for (int i = 0; i < TASKS; i++) {
      futures.add(executor.submit(() -> begin(other)));
    }
    Gate.open(gate);
    Gate.awaitEntered(other);
    submitted.countDown();

    assertAllOver(futures, returned.get(20, TimeUnit.SECONDS));
  }

  @Test
  void eachTaskComesBackToOneOfSeveralThreads() throws Exception {
    List<CompletableFuture<Integer>> futures = submitMany(Gate.make());
    List<FutureTask<List<Runnable>>> stopping = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      stopping.add(Ranks.start("test-stopper-" + i, executor::shutdownNow));
    }
    List<Runnable> never = new ArrayList<>();
    for (FutureTask<List<Runnable>> one : stopping) {
      never.addAll(Ranks.result(one));
    }

    assertThat(never).doesNotHaveDuplicates();
    assertAllOver(futures, never.size());
  }

  @Test
  void anInterruptEndsNoWaitAndIsKept() throws Exception {
    List<CompletableFuture<Integer>> futures = submitMany(Gate.make());
    Thread.currentThread().interrupt();
    int returned = executor.shutdownNow().size();

    assertThat(Thread.interrupted()).isTrue();
    assertAllOver(futures, returned);
  }

  @Test
  void aPoolWithBatchesGroupsAndTasksForAllReturnsWholeTasksOnly() throws Exception {
    int gate = Gate.make();
    Batch<Integer> batch =
        executor.batch().chunkSize(1).submit(x -> begin(gate), List.of(1, 2, 3, 4, 5, 6, 7, 8));
    Gate.awaitEntered(gate);
    CompletableFuture<List<Integer>> group = executor.submitGroup(2, members -> members.rank());
    CompletableFuture<List<Integer>> everywhere = executor.submitToAll(() -> 2);
    CompletableFuture<Integer> task = executor.submit(() -> 3);
    List<Runnable> never = executor.shutdownNow();

    assertThat(executor.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
    assertThat(List.of(group, everywhere, task)).allMatch(CompletableFuture::isCancelled);
    assertThat(batch.finished()).isTrue();
    assertThat(never).hasSize(4); // the group, the task for all on two workers, the task
  }
}
