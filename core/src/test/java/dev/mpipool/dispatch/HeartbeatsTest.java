package dev.mpipool.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.memory.ForgetsShortMemory;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Who counts as silent, on a clock of the test's own. */
@ExtendWith(ForgetsShortMemory.class)
@Timeout(30)
class HeartbeatsTest implements Heartbeats.Care {

  private static final long SECOND = 1_000_000_000L;

  private final WorkerState one = new WorkerState(1, 1);
  private final WorkerState two = new WorkerState(2, 1);
  private final List<WorkerState> living = new ArrayList<>(List.of(one, two));
  private final Map<WorkerState, Long> heard = new HashMap<>();
  private final List<Integer> pinged = new ArrayList<>();
  private long now = Long.MAX_VALUE - 5 * SECOND; // the clock may begin anywhere
  private final Heartbeats heartbeats = new Heartbeats(this, 10 * SECOND, () -> now);

  @Override
  public List<WorkerState> living() {
    return List.copyOf(living);
  }

  @Override
  public long lastHeard(WorkerState worker) {
    return heard.getOrDefault(worker, Long.MAX_VALUE - 5 * SECOND);
  }

  @Override
  public void ping(WorkerState worker) {
    pinged.add(worker.rank);
  }

  private List<WorkerState> lookAfter(double seconds) {
    now += (long) (seconds * SECOND);
    return heartbeats.look();
  }

  private void isHeard(WorkerState worker) {
    heard.put(worker, now);
  }

  @Test
  void whoAnswersIsPingedAndKept() {
    int pings = 0;
    for (int i = 0; i < 100; i++) {
      assertThat(lookAfter(1)).isEmpty();
      pinged.forEach(rank -> isHeard(rank == 1 ? one : two));
      pings += pinged.size();
      pinged.clear();
    }
    assertThat(pings).isBetween(90, 110); // each of the two at every other look
  }

  @Test
  void whoTalksIsNotPinged() {
    for (int i = 0; i < 100; i++) {
      now += SECOND / 2;
      isHeard(one);
      isHeard(two);
      assertThat(lookAfter(0.5)).isEmpty();
    }
    assertThat(pinged).isEmpty();
  }

  @Test
  void whoIsSilentIsPingedAndGivenUpWithinTheTimeoutButNotMuchSooner() {
    double silent = 0;
    List<WorkerState> givenUp = List.of();
    while (givenUp.isEmpty()) {
      now += SECOND / 2;
      isHeard(two);
      givenUp = lookAfter(0.5);
      silent++;
    }
    assertThat(givenUp).containsExactly(one);
    assertThat(silent).isBetween(8.9, 10.0);
    assertThat(pinged).hasSizeBetween(8, 10).containsOnly(1);
  }

  @Test
  void aWorkerThatNeverSaidAnythingIsPingedAtEachLookAndGivenUpAtTheNinth() {
    for (int look = 1; look <= 8; look++) {
      assertThat(lookAfter(1)).isEmpty();
      assertThat(pinged).hasSize(2 * look);
    }
    assertThat(lookAfter(1)).containsExactly(one, two);
  }

  @Test
  void ofManyWorkersAQuarterIsPingedAtEachLookAndAllThatAreSilentAreGivenUp() {
    living.clear();
    IntStream.rangeClosed(1, 2_000).forEach(rank -> living.add(new WorkerState(rank, 1)));
    Heartbeats many = new Heartbeats(this, 10 * SECOND, () -> now);
    for (int look = 1; look <= 8; look++) {
      now += SECOND;
      assertThat(many.look()).isEmpty();
      assertThat(pinged).hasSize(500 * look);
    }
    assertThat(pinged).filteredOn(rank -> rank == 1_234).hasSize(2);
    now += SECOND;
    assertThat(many.look()).hasSize(2_000);
  }

  @Test
  void ofManyWorkersNoneIsGivenUpThatWasPingedLessThanHalfTheTimeoutAgo() {
    living.clear();
    IntStream.rangeClosed(1, 2_000).forEach(rank -> living.add(new WorkerState(rank, 1)));
    Heartbeats many = new Heartbeats(this, 10 * SECOND, () -> now);
    Map<Integer, Long> firstPing = new HashMap<>();
    int givenUp = 0;
    for (int look = 1; givenUp < 2_000; look++) {
      now += 2 * SECOND; // main is late at each look
      for (WorkerState worker : many.look()) {
        assertThat(now - firstPing.get(worker.rank)).isGreaterThan(4 * SECOND);
        living.remove(worker);
        givenUp++;
      }
      pinged.forEach(rank -> firstPing.putIfAbsent(rank, now));
      assertThat(look).isLessThan(10);
    }
  }

  @Test
  void aWorkerThatAnswersIsKeptHoweverShortTheTimeout() {
    Heartbeats hasty = new Heartbeats(this, SECOND / 1000, () -> now);
    now += SECOND / 1000;
    isHeard(one);
    assertThat(hasty.look()).containsExactly(two);
  }

  @Test
  void silenceBeginsWithTheLastSignAndNotWithTheLookThatSawIt() {
    now += SECOND / 10;
    isHeard(one);
    isHeard(two);
    lookAfter(0.9);
    for (int i = 0; i < 8; i++) {
      assertThat(lookAfter(1)).isEmpty();
    }
    assertThat(lookAfter(1)).containsExactly(one, two); // 9.9 s after the last sign
  }

  @Test
  void whenMainWasStoppedItGivesEverybodyTimeToAnswerAgain() {
    lookAfter(1);
    isHeard(one);
    isHeard(two);
    assertThat(lookAfter(3600)).isEmpty();
    pinged.clear();
    assertThat(lookAfter(1)).isEmpty();
    assertThat(pinged).containsExactly(1, 2); // after main woke, and then they have time
    pinged.clear();
    for (int i = 0; i < 5; i++) {
      assertThat(lookAfter(1)).isEmpty();
    }
    isHeard(two);
    for (int i = 0; i < 2; i++) {
      lookAfter(1);
    }
    assertThat(lookAfter(1)).containsExactly(one);
  }

  @Test
  void whenMainIsStoppedAgainAndAgainAPingIsStillGivenTime() {
    isHeard(one);
    isHeard(two);
    for (int i = 0; i < 4; i++) {
      assertThat(lookAfter(600)).isEmpty();
    }
  }

  @Test
  void theDeadAreNotLookedAt() {
    living.remove(one);
    for (int i = 0; i < 20; i++) {
      now += SECOND / 2;
      isHeard(two);
      assertThat(lookAfter(0.5)).isEmpty();
    }
    assertThat(pinged).isEmpty();
  }

  @Test
  void looksGoOnAfterAFailureAndUntilTheyAreTold() throws InterruptedException {
    Heartbeats quick = new Heartbeats(this, SECOND / 100, System::nanoTime);
    CountDownLatch third = new CountDownLatch(3);
    AtomicReference<Thread> looking = new AtomicReference<>();
    quick.start(
        () -> {
          looking.set(Thread.currentThread());
          third.countDown();
          if (third.getCount() == 1) {
            throw new OutOfMemoryError("as in a full heap");
          }
          Thread.currentThread().interrupt();
          return true;
        });
    assertThat(third.await(20, TimeUnit.SECONDS)).isTrue();
    quick.stop();
    looking.get().join(); // the class has a limit
  }

  @Test
  void interruptsMakeNoMoreLooksAndWaitingTakesNoProcessorTime() throws InterruptedException {
    long begin = System.nanoTime();
    AtomicInteger looks = new AtomicInteger();
    CompletableFuture<Thread> looking = new CompletableFuture<>();
    Heartbeats steady = new Heartbeats(this, SECOND, System::nanoTime);
    steady.start(
        () -> {
          looks.incrementAndGet();
          return looking.complete(Thread.currentThread()) || looks.get() < 1000;
        });
    Thread thread = looking.join();
    while (System.nanoTime() - begin < SECOND / 2) {
      thread.interrupt();
      LockSupport.unpark(thread);
      Thread.sleep(5);
    }
    long used = ManagementFactory.getThreadMXBean().getThreadCpuTime(thread.getId());
    steady.stop();
    thread.join();

    long elapsed = System.nanoTime() - begin;
    assertThat(looks.get()).isLessThanOrEqualTo((int) (elapsed / (SECOND / 10)));
    assertThat(used).isLessThan(elapsed / 20);
  }

  @Test
  void nothingIsLookedForWhenAllIsOver() throws InterruptedException {
    AtomicInteger looks = new AtomicInteger();
    CompletableFuture<Thread> looking = new CompletableFuture<>();
    new Heartbeats(this, SECOND / 100, System::nanoTime)
        .start(
            () -> {
              looking.complete(Thread.currentThread());
              return looks.incrementAndGet() < 2;
            });
    looking.join().join();
    assertThat(looks).hasValue(2);
  }
}
