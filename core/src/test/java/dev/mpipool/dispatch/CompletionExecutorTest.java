package dev.mpipool.dispatch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.LocalCommunicator;
import dev.mpipool.comm.Message;
import dev.mpipool.comm.MessageTooLongException;
import dev.mpipool.dispatch.CompletionExecutor.Item;
import dev.mpipool.protocol.ReceiveLoop;
import dev.mpipool.testing.PoolThreads;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class CompletionExecutorTest {

  private final PoolThreads poolThreads = new PoolThreads();
  private final Dispatcher dispatcher = new Desk(1).dispatcher;
  private final CompletionExecutor executor = new CompletionExecutor();
  private final CountDownLatch testEnds = new CountDownLatch(1);
  private final Set<Thread> threads = ConcurrentHashMap.newKeySet();

  @AfterEach
  void unblock() {
    testEnds.countDown();
    executor.close();
  }

  private TaskFuture<Object> future() {
    TaskFuture<Object> future = TaskFuture.of(dispatcher, new Desk.Job("job"), "job");
    future.thenRun(() -> threads.add(Thread.currentThread()));
    return future;
  }

  private List<TaskFuture<Object>> futures(int count) {
    return IntStream.range(0, count).mapToObj(i -> future()).toList();
  }

  private static Item item(TaskFuture<Object> future, Object value) {
    return new Item(future, () -> future.succeed(value));
  }

  private void block() {
    try {
      testEnds.await(30, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Without get, which runs callbacks in the thread that waits. */
  private static void awaitDone(List<TaskFuture<Object>> futures) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    for (TaskFuture<Object> future : futures) {
      while (!future.isDone()) {
        assertThat(System.nanoTime()).isLessThan(deadline);
        LockSupport.parkNanos(50_000);
      }
    }
  }

  private void awaitThreadsGone() {
    await().untilAsserted(() -> assertThat(threads).noneMatch(Thread::isAlive));
  }

  @Test
  void itemsAreCompletedInOrder() throws Exception {
    List<Integer> order = new CopyOnWriteArrayList<>();
    List<TaskFuture<Object>> futures = futures(500);
    List<Item> items = new ArrayList<>();
    for (int i = 0; i < futures.size(); i++) {
      int number = i;
      futures.get(i).thenRun(() -> order.add(number));
      items.add(item(futures.get(i), i));
    }
    executor.add(items.subList(0, 100));
    executor.add(items.subList(100, 500));

    Desk.result(futures.get(499));
    await().untilAsserted(() -> assertThat(order).hasSize(500));
    assertThat(order).isSorted();
  }

  @Test
  void aCallbackThatNeverReturnsDelaysNoOtherResult() throws Exception {
    List<TaskFuture<Object>> futures = futures(20);
    for (int i = 0; i < 20; i += 4) {
      futures.get(i).thenRun(this::block);
    }
    executor.add(futures.stream().map(future -> item(future, 1)).toList());
    awaitDone(futures);

    TaskFuture<Object> later = future();
    executor.add(List.of(item(later, 2)));
    assertThat(Desk.result(later)).isEqualTo(2);
  }

  @Test
  void aCallbackMayWaitForAFutureThatIsCompletedAfterIt() throws Exception {
    TaskFuture<Object> first = future();
    TaskFuture<Object> second = future();
    CompletableFuture<Object> dependent = first.thenApply(value -> second.join());
    executor.add(List.of(item(first, 1)));
    await().until(first::isDone);
    executor.add(List.of(item(second, 2)));

    assertThat(dependent.get(20, TimeUnit.SECONDS)).isEqualTo(2);
  }

  @Test
  void asLongAsNoneBlocksOneThreadRunsAllCallbacks() {
    // A machine can stop a thread for longer than the executor's patience: not at every one of
    // these.
    await()
        .pollInSameThread()
        .untilAsserted(
            () -> {
              threads.clear();
              List<TaskFuture<Object>> futures = futures(200);
              for (TaskFuture<Object> future : futures) {
                executor.add(List.of(item(future, 1)));
              }
              CompletableFuture.allOf(futures.toArray(CompletableFuture[]::new))
                  .get(20, TimeUnit.SECONDS);
              assertThat(threads).hasSize(1);
            });
  }

  @Test
  void threadsThatBlockedDoNotPileUp() throws Exception {
    for (int round = 0; round < 5; round++) {
      CountDownLatch go = new CountDownLatch(1);
      List<TaskFuture<Object>> futures = futures(6);
      futures.forEach(
          future ->
              future.thenRun(
                  () -> {
                    try {
                      go.await(20, TimeUnit.SECONDS);
                    } catch (InterruptedException e) {
                      throw new IllegalStateException(e);
                    }
                  }));
      executor.add(futures.stream().map(future -> item(future, 1)).toList());
      awaitDone(futures);
      go.countDown();
    }
    await()
        .untilAsserted(
            () -> assertThat(threads.stream().filter(Thread::isAlive)).hasSizeLessThanOrEqualTo(2));
  }

  @Test
  void closingEndsTheThreadsWhenTheQueueIsEmpty() throws Exception {
    List<TaskFuture<Object>> futures = futures(50);
    executor.add(futures.stream().map(future -> item(future, 1)).toList());
    executor.close();

    awaitDone(futures);
    assertThat(futures).allMatch(future -> Integer.valueOf(1).equals(future.getNow(null)));
    awaitThreadsGone();
    await().untilAsserted(() -> assertThat(poolThreads.alive()).isEmpty());
  }

  @Test
  void aCompletionThatThrowsFailsItsFutureAndNoOther() throws Exception {
    TaskFuture<Object> bad = future();
    TaskFuture<Object> good = future();
    Item throwing =
        new Item(
            bad,
            () -> {
              throw new AssertionError("staged");
            });
    executor.add(List.of(throwing, item(good, 1)));

    assertThat(Desk.failure(bad)).isInstanceOf(AssertionError.class).hasMessage("staged");
    assertThat(Desk.result(good)).isEqualTo(1);
  }

  @Test
  void anInterruptThatACallbackLeavesBehindEndsWithIt() throws Exception {
    TaskFuture<Object> first = future();
    TaskFuture<Object> second = future();
    first.thenRun(() -> Thread.currentThread().interrupt());
    CompletableFuture<Boolean> seen =
        second.thenApply(value -> Thread.currentThread().isInterrupted());
    executor.add(List.of(item(first, 1), item(second, 2)));

    assertThat(seen.get(20, TimeUnit.SECONDS)).isFalse();
  }

  @Test
  void whatWasAddedBeforeIsWaitedFor() throws Exception {
    TaskFuture<Object> first = future();
    first.thenRun(this::block);
    TaskFuture<Object> second = future();
    CountDownLatch go = new CountDownLatch(1);
    Item slow =
        new Item(
            second,
            () -> {
              try {
                go.await(20, TimeUnit.SECONDS);
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
              second.succeed(2);
            });
    executor.add(List.of(item(first, 1), slow));
    CompletableFuture<Void> all = executor.allAddedDone();
    assertThat(all).isNotDone();
    go.countDown();

    all.get(20, TimeUnit.SECONDS);
    assertThat(second).isCompletedWithValue(2);
  }

  @Test
  void anIdleThreadEndsWhenTheExecutorIsClosed() throws Exception {
    TaskFuture<Object> future = future();
    executor.add(item(future, 1));
    await().until(() -> !threads.isEmpty());
    Thread thread = threads.iterator().next();
    await().until(() -> thread.getState() == Thread.State.WAITING);
    executor.close();
    thread.join(20_000);
    assertThat(thread.isAlive()).isFalse();
  }

  @Test
  void closingIsTheRestThatIsWaitedFor() throws Exception {
    Thread waiting = new Thread(this::awaitRest);
    waiting.start();
    await().until(() -> waiting.getState() == Thread.State.WAITING);
    executor.close();
    waiting.join(20_000);
    assertThat(waiting.isAlive()).isFalse();
  }

  @Test
  void aCompletionAtWorkIsWaitedFor() throws Exception {
    TaskFuture<Object> future = future();
    CountDownLatch began = new CountDownLatch(1);
    executor.add(
        new Item(
            future,
            () -> {
              began.countDown();
              block();
              future.succeed(1);
            }));
    assertThat(began.await(20, TimeUnit.SECONDS)).isTrue();
    CompletableFuture<Void> all = executor.allAddedDone();
    assertThat(all).isNotDone();
    testEnds.countDown();
    all.get(20, TimeUnit.SECONDS);
    assertThat(future).isDone();
  }

  @Test
  void everyThreadHasAnotherName() throws Exception {
    TaskFuture<Object> first = future();
    first.thenRun(this::block);
    TaskFuture<Object> second = future();
    executor.add(List.of(item(first, 1), item(second, 2)));
    await().until(second::isDone);
    testEnds.countDown();
    await().until(() -> threads.size() == 2);
    assertThat(threads)
        .extracting(Thread::getName)
        .containsExactlyInAnyOrder("mpipool-callbacks-0", "mpipool-callbacks-1");
    executor.close(); // one of them dozes
    awaitThreadsGone();
  }

  /** Some thousand short lives of a executor, with callbacks that block until the run's own end. */
  @Test
  void whateverBlocksAllIsCompletedAndAllThreadsEnd() throws Exception {
    Random random = new Random(8);
    for (int run = 0; run < 2_000; run++) {
      CompletionExecutor own = new CompletionExecutor();
      CompletableFuture<Void> runEnds = new CompletableFuture<>();
      List<TaskFuture<Object>> futures = futures(1 + random.nextInt(6));
      List<Item> items = new ArrayList<>();
      for (TaskFuture<Object> future : futures) {
        if (random.nextInt(40) == 0) {
          future.thenRun(runEnds::join);
        }
        items.add(item(future, run));
      }
      boolean closeEarly = random.nextBoolean();
      while (!items.isEmpty()) {
        int count = 1 + random.nextInt(items.size());
        own.add(List.copyOf(items.subList(0, count)));
        items.subList(0, count).clear();
      }
      if (closeEarly) {
        own.close();
      }
      awaitDone(futures);
      own.close();
      runEnds.complete(null);
    }
    awaitThreadsGone();
    await().untilAsserted(() -> assertThat(poolThreads.alive()).isEmpty());
  }

  /** As when workers' answers, and what others do, complete futures while the leader receives. */
  @Test
  void whileTheLeaderReceivesNothingThatOthersAddIsForgotten() {
    Random random = new Random(252);
    for (int run = 0; run < 1_000; run++) {
      CompletionExecutor own = new CompletionExecutor();
      List<Communicator> ranks = LocalCommunicator.create(2);
      List<Item> byMessage = new CopyOnWriteArrayList<>();
      ReceiveLoop receiveLoop =
          new ReceiveLoop(ranks.get(0), "listener", new Adding(own, byMessage));
      own.receiveAt(receiveLoop);
      for (int round = 0; round < 4; round++) {
        List<TaskFuture<Object>> futures = futures(4);
        for (TaskFuture<Object> future : futures) {
          if (random.nextInt(3) == 0) {
            byMessage.add(item(future, run));
            ranks.get(1).send(0, 0, ByteBuffer.allocate(Integer.BYTES).putInt(0, 1));
          } else {
            own.add(List.of(item(future, run)));
          }
        }
        awaitDone(futures);
      }
      own.close();
      ranks.get(1).send(0, 0, ByteBuffer.allocate(Integer.BYTES));
      assertThat(receiveLoop.awaitEnd(10_000)).as("run %d", run).isTrue();
    }
    awaitThreadsGone();
  }

  @Test
  void theThreadThatCompletesFuturesReceivesWhatMakesMoreOfThem() throws Exception {
    List<Communicator> ranks = LocalCommunicator.create(2);
    List<Item> byMessage = new CopyOnWriteArrayList<>();
    Adding handler = new Adding(executor, byMessage);
    ReceiveLoop receiveLoop = new ReceiveLoop(ranks.get(0), "listener", handler);
    executor.receiveAt(receiveLoop);
    for (int i = 0; i < 200; i++) {
      TaskFuture<Object> future = future();
      byMessage.add(item(future, i));
      ranks.get(1).send(0, 0, ByteBuffer.allocate(Integer.BYTES).putInt(0, 1));
      awaitDone(List.of(future));
    }
    executor.close();
    ranks.get(1).send(0, 0, ByteBuffer.allocate(Integer.BYTES));
    assertThat(receiveLoop.awaitEnd(10_000)).isTrue();
    assertThat(handler.receivers.stream().filter(name -> name.startsWith("mpipool-callbacks")))
        .hasSizeGreaterThan(20);
  }

  @Test
  void aReceiverThatFailsInAnUnforeseenWayGoesOnCompletingFutures() throws Exception {
    List<Communicator> ranks = LocalCommunicator.create(2);
    List<Thread> failed = new CopyOnWriteArrayList<>();
    ReceiveLoop receiveLoop =
        new ReceiveLoop(
            ranks.get(0),
            "listener",
            new Adding(executor, List.of()) {
              @Override
              public void failed(Throwable failure) {
                failed.add(Thread.currentThread());
                throw new AssertionError("staged", failure);
              }
            });
    executor.receiveAt(receiveLoop);
    int sent = 0;
    while (failed.stream().noneMatch(threads::contains)) {
      TaskFuture<Object> future = future();
      executor.add(item(future, 1));
      awaitDone(List.of(future));
      ranks.get(1).send(0, 0, ByteBuffer.allocate(Integer.BYTES).putInt(0, 1)); // for no item
      sent++;
      // each failure costs its receiver a pause, and many unread messages would cost many
      await().pollInterval(Duration.ofMillis(1)).until(failed::size, Predicate.isEqual(sent));
    }
    List<TaskFuture<Object>> more = futures(3);
    executor.add(more.stream().map(future -> item(future, 1)).toList());
    awaitDone(more);
    executor.close();
    ranks.get(1).send(0, 0, ByteBuffer.allocate(Integer.BYTES));
    assertThat(receiveLoop.awaitEnd(10_000)).isTrue();
    awaitThreadsGone();
  }

  /** Completes one more item with every message, until a zero comes. */
  private static class Adding implements ReceiveLoop.Handler {
    private final CompletionExecutor executor;
    private final List<Item> items;
    private final List<String> receivers = new CopyOnWriteArrayList<>();
    private boolean over;

    Adding(CompletionExecutor executor, List<Item> items) {
      this.executor = executor;
      this.items = items;
    }

    @Override
    public boolean handle(Message message) {
      over = message.data().getInt() == 0;
      if (!over) {
        receivers.add(Thread.currentThread().getName());
        executor.add(List.of(items.remove(0)));
      }
      return !over;
    }

    @Override
    public boolean handleTooLong(MessageTooLongException message) {
      throw message;
    }

    @Override
    public void failed(Throwable failure) {
      throw new AssertionError(failure);
    }

    @Override
    public boolean isOver() {
      return over;
    }
  }

  @Test
  void itIsAtRestWhenNothingIsQueuedAndNoCallbackRuns() throws Exception {
    assertThat(executor.isAtRest()).isTrue();
    TaskFuture<Object> first = future();
    first.thenRun(this::block);
    executor.add(List.of(item(first, 1)));
    await().until(first::isDone);
    assertThat(executor.isAtRest()).as("while a callback runs").isFalse();
    executor.close();
    CompletableFuture<Void> resting = CompletableFuture.runAsync(this::awaitRest);

    testEnds.countDown();
    resting.get(20, TimeUnit.SECONDS);
    assertThat(executor.isAtRest()).isTrue();
  }

  private void awaitRest() {
    try {
      executor.awaitRest();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void whatIsQueuedIsNoRest() throws Exception {
    TaskFuture<Object> blocking = future();
    TaskFuture<Object> next = future();
    List<Boolean> atRest = new CopyOnWriteArrayList<>();
    blocking.thenRun(() -> executor.add(List.of(item(next, 2))));
    next.thenRun(() -> atRest.add(executor.isAtRest()));
    executor.add(List.of(item(blocking, 1)));
    assertThat(Desk.result(next)).isEqualTo(2);

    await().untilAsserted(() -> assertThat(atRest).containsExactly(false));
    executor.close();
    executor.awaitRest();
  }

  @Test
  void callbacksRunInDaemonsThatFindTheProgramsClasses() throws Exception {
    ClassLoader loader = Thread.currentThread().getContextClassLoader();
    TaskFuture<Object> future = future();
    CompletableFuture<List<Object>> seen =
        future.thenApply(
            value -> {
              Thread thread = Thread.currentThread();
              return List.of(thread.isDaemon(), thread.getContextClassLoader());
            });
    Thread adding = new Thread(() -> executor.add(List.of(item(future, 1))));
    adding.setDaemon(false);
    adding.setContextClassLoader(null);
    adding.start();
    await().until(seen::isDone);
    assertThat(seen.join()).containsExactly(true, loader);
    assertThat(threads).extracting(Thread::getName).containsExactly("mpipool-callbacks-0");
  }
}
