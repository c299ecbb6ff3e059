package dev.mpipool.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.LocalCommunicator;
import dev.mpipool.comm.Message;
import dev.mpipool.comm.MessageTooLongException;
import dev.mpipool.memory.Uninterruptibles;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ReceiveLoopTest {

  private final List<Communicator> ranks = LocalCommunicator.create(2);
  private final Log log = new Log();
  private final ReceiveLoop receiveLoop = new ReceiveLoop(ranks.get(0), "fallback", log);

  /** What has come, and in which thread it was handled. A negative number is the last. */
  private final class Log implements ReceiveLoop.Handler {
    private final List<Integer> numbers = new CopyOnWriteArrayList<>();
    private final LinkedBlockingQueue<Thread> threads = new LinkedBlockingQueue<>();
    private final AtomicInteger waited = new AtomicInteger();
    private final AtomicInteger inVain = new AtomicInteger();
    private volatile boolean waitsForOthers;
    private volatile boolean over;

    /** As a handler whose lock another thread holds while that begins to be idle. */
    private void waitForOthers() {
      if (waitsForOthers) {
        Thread other =
            new Thread(
                () -> {
                  receiveLoop.beginIdle();
                  receiveLoop.endIdle();
                });
        other.start();
        if (!Uninterruptibles.join(other, 5_000)) {
          inVain.incrementAndGet();
        }
        waited.incrementAndGet();
      }
    }

    @Override
    public boolean handle(Message message) {
      waitForOthers();
      int number = message.data().getInt();
      numbers.add(number);
      threads.add(Thread.currentThread());
      over = number < 0;
      return true;
    }

    @Override
    public boolean handleTooLong(MessageTooLongException message) {
      throw message;
    }

    @Override
    public void failed(Throwable failure) {
      over = true;
    }

    @Override
    public boolean isOver() {
      waitForOthers();
      return over;
    }

    Thread nextThread() throws InterruptedException {
      return threads.poll(20, TimeUnit.SECONDS);
    }
  }

  private void send(int number) {
    ranks.get(1).send(0, 0, ByteBuffer.allocate(Integer.BYTES).putInt(0, number));
  }

  @AfterEach
  void end() {
    send(-1);
    assertThat(receiveLoop.awaitEnd(10_000)).isTrue();
    assertThat(receiveLoop.receive()).isFalse();
  }

  /** Gets the fallback thread to leave the receiving to the test's thread. */
  private void takeOver() throws InterruptedException {
    await().until(() -> !receiveLoop.receive()); // the fallback thread has the role
    receiveLoop.beginIdle();
    send(0);
    assertThat(log.nextThread().getName()).isEqualTo("fallback");
    receiveLoop.endIdle();
  }

  @Test
  void whoHasNothingToRunReceivesInItsOwnThread() throws Exception {
    Thread receiver = null;
    for (int round = 0; receiver != Thread.currentThread() && round < 1000; round++) {
      takeOver();
      send(1); // unless the fallback thread is quicker
      receiveLoop.receive();
      receiver = log.nextThread();
    }
    assertThat(receiver).isSameAs(Thread.currentThread());
  }

  @Test
  void theHandlerIsCalledWithNoLockHeld() throws Exception {
    log.waitsForOthers = true;
    for (int number = 1; number <= 3; number++) {
      send(number);
      assertThat(log.nextThread()).isNotNull();
    }
    await().until(() -> log.waited.get() >= 6);
    log.waitsForOthers = false;
    assertThat(log.inVain).hasValue(0);
  }

  @Test
  void nobodyIsMissedForLong() throws Exception {
    takeOver();
    for (int round = 1; round <= 50; round++) {
      send(round);
      assertThat(log.nextThread()).as("round %d", round).isNotNull();
    }
  }

  @Test
  void theFallbackThreadWakesUpAfterALongQuiet() throws Exception {
    takeOver();
    Thread idle = new Thread(receiveLoop::receive);
    idle.start();
    CountDownLatch quiet = new CountDownLatch(1);
    assertThat(quiet.await(200, TimeUnit.MILLISECONDS)).isFalse(); // it sleeps after 20 ms
    send(1);
    send(2); // the other thread has taken one and does not come back
    assertThat(log.nextThread()).isNotNull();
    assertThat(log.nextThread()).isNotNull();
    idle.join(10_000);
    assertThat(log.numbers).containsExactly(0, 1, 2);
  }

  @Test
  void whereOnlyOneThreadMayReceiveTheFallbackThreadDoesItAll() {
    Communicator strict = mock(Communicator.class);
    CountDownLatch asked = new CountDownLatch(1);
    CountDownLatch end = new CountDownLatch(1);
    when(strict.receive(Communicator.ANY_SOURCE, Communicator.ANY_TAG))
        .then(
            call -> {
              asked.countDown();
              end.await(20, TimeUnit.SECONDS);
              return new Message(1, 0, ByteBuffer.allocate(Integer.BYTES).putInt(0, -1));
            });
    ReceiveLoop alone = new ReceiveLoop(strict, "alone", new Log());
    await().until(() -> asked.getCount() == 0);
    assertThat(alone.receive()).isFalse();
    end.countDown();
    assertThat(alone.awaitEnd(10_000)).isTrue();
  }

  @Test
  void everyMessageIsHandledOnceAndInOrderWhateverTheThreadsDo() throws Exception {
    for (long seed = 1; seed <= 20; seed++) {
      everyMessageIsHandledOnce(seed);
    }
  }

  private void everyMessageIsHandledOnce(long seed) throws Exception {
    List<Communicator> ranks = LocalCommunicator.create(2);
    Log log = new Log();
    ReceiveLoop receiveLoop = new ReceiveLoop(ranks.get(0), "fallback", log);
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      Random random = new Random(seed * 31 + i);
      threads.add(new Thread(() -> takeTurns(receiveLoop, log, random)));
    }
    threads.forEach(Thread::start);
    Random random = new Random(seed);
    List<Integer> sent = new ArrayList<>();
    for (int number = 0; number <= 1000; number++) {
      sent.add(number == 1000 ? -1 : number);
      ByteBuffer message = ByteBuffer.allocate(Integer.BYTES).putInt(0, sent.get(number));
      ranks.get(1).send(0, 0, message);
      if (random.nextInt(100) == 0) {
        TimeUnit.MICROSECONDS.sleep(random.nextInt(2_000));
      }
    }
    assertThat(receiveLoop.awaitEnd(20_000)).as("seed %d", seed).isTrue();
    for (Thread thread : threads) {
      thread.join(10_000);
      assertThat(thread.isAlive()).as("seed %d", seed).isFalse();
    }
    assertThat(log.numbers).as("seed %d", seed).isEqualTo(sent);
  }

  private static void takeTurns(ReceiveLoop receiveLoop, Log log, Random random) {
    while (!log.isOver()) {
      if (!receiveLoop.receive() || random.nextInt(50) == 0) {
        try {
          TimeUnit.MICROSECONDS.sleep(random.nextInt(3_000));
        } catch (InterruptedException e) {
          return;
        }
      }
    }
  }
}
