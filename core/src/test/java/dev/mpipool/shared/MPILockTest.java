package dev.mpipool.shared;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.LocalCommunicator;
import dev.mpipool.comm.RankLostException;
import dev.mpipool.testing.PoolThreads;
import dev.mpipool.testing.Ranks;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
@SuppressWarnings("LockNotBeforeTry") // who holds what and when is what is tested
class MPILockTest {

  private final PoolThreads threads = new PoolThreads();

  /** A lock's part of each rank. */
  private static List<MPILock> locks(List<Communicator> ranks) throws Exception {
    return Ranks.onAll(ranks, MPILock::new);
  }

  private static void closeAll(List<MPILock> locks) throws Exception {
    List<FutureTask<Void>> closing = new ArrayList<>();
    for (MPILock lock : locks) {
      closing.add(
          Ranks.start(
              "closing",
              () -> {
                lock.close();
                return null;
              }));
    }
    for (FutureTask<Void> one : closing) {
      Ranks.result(one);
    }
  }

  /** Starts a thread that locks, and is asleep waiting for the lock when this returns. */
  private static FutureTask<String> locking(MPILock lock, List<String> order, String name) {
    AtomicReference<Thread> thread = new AtomicReference<>();
    FutureTask<String> task =
        Ranks.start(
            name,
            () -> {
              thread.set(Thread.currentThread());
              try (MPILock.Held held = lock.hold()) {
                order.add(name);
                return held.ownerDied() ? "died" : "fine";
              }
            });
    await()
        .atMost(10, SECONDS)
        .pollInterval(1, MILLISECONDS)
        .until(() -> thread.get() != null && isQueued(thread.get()));
    return task;
  }

  /** Whether it has asked, and waits for the answer; before, it may wait for a lock inside. */
  private static boolean isQueued(Thread thread) {
    return thread.getState() == Thread.State.WAITING
        && Arrays.stream(thread.getStackTrace())
            .anyMatch(frame -> frame.getClassName().equals(LockWaiter.class.getName()));
  }

  /** Has what its rank sent before reach the keeper; another's thread may hold the lock. */
  private static void settle(MPILock lock) throws Exception {
    FutureTask<Boolean> settling = Ranks.start("settle", () -> lock.tryLock());
    boolean granted = Ranks.result(settling);
    assertThat(granted).isFalse();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  void oneAtATimeAndEverybodyInTurn(int size) throws Exception {
    AtomicInteger inside = new AtomicInteger();
    int[] unguarded = new int[1];
    Ranks.onAll(
        size,
        own -> {
          try (MPILock lock = new MPILock(own)) {
            for (int i = 0; i < 500; i++) {
              lock.lock();
              assertThat(inside.incrementAndGet()).isEqualTo(1);
              unguarded[0]++;
              inside.decrementAndGet();
              lock.unlock();
            }
          }
          return null;
        });
    assertThat(unguarded[0]).isEqualTo(500 * size);
    await().atMost(10, SECONDS).until(() -> threads.alive().isEmpty());
  }

  @Test
  void oneProcessNeedsNoCommunicator() throws Exception {
    try (MPILock lock = new MPILock(null)) {
      lock.lock();
      assertThat(lock.isHeldByCurrentThread()).isTrue();
      FutureTask<Boolean> other = Ranks.start("other", () -> lock.tryLock(20, MILLISECONDS));
      assertThat(Ranks.result(other)).isFalse();
      lock.unlock();
      assertThat(Ranks.result(Ranks.start("next", () -> lock.tryLock()))).isTrue();
    }
  }

  @Test
  void itIsGrantedInOrderOfRequestAlsoToThreadsOfOneRank() throws Exception {
    List<MPILock> locks = locks(LocalCommunicator.create(3));
    List<String> order = java.util.Collections.synchronizedList(new ArrayList<>());
    locks.get(1).lock();
    List<FutureTask<String>> waiting = new ArrayList<>();
    int[] ranks = {2, 0, 2, 1, 0, 1};
    for (int i = 0; i < ranks.length; i++) {
      waiting.add(locking(locks.get(ranks[i]), order, "waiter " + i));
      settle(locks.get(ranks[i]));
    }
    locks.get(1).unlock();
    for (FutureTask<String> one : waiting) {
      assertThat(Ranks.result(one)).isEqualTo("fine");
    }
    assertThat(order)
        .containsExactly("waiter 0", "waiter 1", "waiter 2", "waiter 3", "waiter 4", "waiter 5");
    closeAll(locks);
  }

  @Test
  void tryLockTakesAFreeLockAndWaitsForNoOther() throws Exception {
    List<MPILock> locks = locks(LocalCommunicator.create(2));
    assertThat(locks.get(1).tryLock()).isTrue();
    assertThat(locks.get(0).tryLock()).isFalse();
    assertThat(locks.get(1).tryLock()).isFalse();
    assertThat(locks.get(0).tryLock(10, MILLISECONDS)).isFalse();
    locks.get(1).unlock();
    assertThat(locks.get(0).tryLock(10, SECONDS)).isTrue();
    locks.get(0).unlock();
    assertThat(locks.get(1).tryLock(-1, SECONDS)).isTrue();
    closeAll(locks);
  }

  @Test
  void anInterruptEndsLockInterruptiblyAndNotLock() throws Exception {
    List<MPILock> locks = locks(LocalCommunicator.create(2));
    locks.get(0).lock();
    CountDownLatch started = new CountDownLatch(2);
    AtomicReference<Thread> stubborn = new AtomicReference<>();
    FutureTask<Boolean> lock =
        Ranks.start(
            "lock",
            () -> {
              stubborn.set(Thread.currentThread());
              started.countDown();
              locks.get(1).lock();
              locks.get(1).unlock();
              return Thread.currentThread().isInterrupted();
            });
    AtomicReference<Thread> willing = new AtomicReference<>();
    FutureTask<Void> interruptibly =
        Ranks.start(
            "lockInterruptibly",
            () -> {
              willing.set(Thread.currentThread());
              started.countDown();
              locks.get(1).lockInterruptibly();
              return null;
            });
    assertThat(started.await(10, SECONDS)).isTrue();
    willing.get().interrupt();
    stubborn.get().interrupt();
    assertThatExceptionOfType(InterruptedException.class)
        .isThrownBy(() -> Ranks.result(interruptibly));
    assertThat(lock.isDone()).isFalse();
    locks.get(0).unlock();
    assertThat(Ranks.result(lock)).isTrue();
    assertThat(locks.get(0).tryLock(10, SECONDS)).isTrue(); // the interrupted one did not get it
    closeAll(locks);
  }

  @Test
  void misuseIsTold() throws Exception {
    List<MPILock> locks = locks(LocalCommunicator.create(2));
    MPILock lock = locks.get(1);
    assertThatExceptionOfType(IllegalMonitorStateException.class).isThrownBy(lock::unlock);
    lock.lock();
    assertThatIllegalStateException().isThrownBy(lock::lock).withMessageContaining("reentrant");
    assertThatIllegalStateException().isThrownBy(lock::hold);
    assertThatIllegalStateException().isThrownBy(lock::lockInterruptibly);
    FutureTask<Void> other =
        Ranks.start(
            "other",
            () -> {
              lock.unlock();
              return null;
            });
    assertThatExceptionOfType(IllegalMonitorStateException.class)
        .isThrownBy(() -> Ranks.result(other));
    assertThatExceptionOfType(UnsupportedOperationException.class).isThrownBy(lock::newCondition);
    closeAll(locks);
    assertThatIllegalStateException().isThrownBy(lock::lock).withMessageContaining("closed");
  }

  @Test
  void closingEndsWaitingThreadsAndReleases() throws Exception {
    List<MPILock> locks = locks(LocalCommunicator.create(3));
    List<String> order = java.util.Collections.synchronizedList(new ArrayList<>());
    locks.get(1).lock();
    FutureTask<String> ofTheClosed = locking(locks.get(1), order, "of the closed");
    FutureTask<String> ofAnother = locking(locks.get(2), order, "of another");
    FutureTask<Void> closing =
        Ranks.start(
            "closing",
            () -> {
              locks.get(1).close();
              return null;
            });
    assertThatIllegalStateException().isThrownBy(() -> Ranks.result(ofTheClosed));
    assertThat(Ranks.result(ofAnother)).isEqualTo("fine");
    closeAll(List.of(locks.get(0), locks.get(2)));
    Ranks.result(closing);
    assertThat(order).containsExactly("of another");
    await().atMost(10, SECONDS).until(() -> threads.alive().isEmpty());
  }

  @Test
  void locksOnPartsAndSeveralLocksOnOneCommunicatorAreIndependent() throws Exception {
    Ranks.onAll(
        4,
        own -> {
          Communicator half = own.split(own.rank() / 2, own.rank());
          try (MPILock one = new MPILock(own);
              MPILock two = new MPILock(own);
              MPILock part = new MPILock(half)) {
            if (own.rank() == 3) {
              one.lock();
            }
            own.barrier();
            if (own.rank() == 1) {
              two.lock();
              assertThat(one.tryLock()).isFalse();
            }
            if (half.rank() == 1) {
              assertThat(part.tryLock()).isTrue();
            }
            own.barrier();
            assertThat(own.rank() % 2 == 1 || !part.tryLock()).isTrue();
            own.barrier();
          }
          return null;
        });
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void whenTheOwnerDiesTheNextIsToldOnce(int dying) throws Exception {
    MortalRanks mortal = new MortalRanks(4, true);
    List<MPILock> locks = locks(mortal.ranks);
    List<String> order = java.util.Collections.synchronizedList(new ArrayList<>());
    locks.get(dying).lock();
    FutureTask<String> next = locking(locks.get(3), order, "next");
    settle(locks.get(3));
    FutureTask<String> afterwards = locking(locks.get(0), order, "afterwards");

    mortal.kill(dying);
    assertThat(Ranks.result(next)).isEqualTo("died");
    assertThat(Ranks.result(afterwards)).isEqualTo("fine");
    assertThat(order).containsExactly("next", "afterwards");
  }

  @Test
  void lockThrowsOnceWithTheLockHeldWhenTheOwnerDied() throws Exception {
    MortalRanks mortal = new MortalRanks(3, true);
    List<MPILock> locks = locks(mortal.ranks);
    locks.get(1).lock();
    mortal.kill(1);

    assertThatExceptionOfType(OwnerDiedException.class).isThrownBy(() -> locks.get(2).lock());
    assertThat(locks.get(2).isHeldByCurrentThread()).isTrue();
    assertThat(locks.get(0).tryLock()).isFalse();
    locks.get(2).unlock();
    locks.get(0).lock();
    locks.get(0).unlock();
  }

  @Test
  void theNextRankKeepsTheQueueOfADeadKeeper() throws Exception {
    MortalRanks mortal = new MortalRanks(4, true);
    List<MPILock> locks = locks(mortal.ranks);
    List<String> order = java.util.Collections.synchronizedList(new ArrayList<>());
    locks.get(2).lock();
    FutureTask<String> waiting = locking(locks.get(3), order, "waiting");
    settle(locks.get(3));

    mortal.kill(0);
    assertThat(locks.get(1).tryLock()).isFalse(); // rank 2 still has it
    locks.get(2).unlock();
    assertThat(Ranks.result(waiting)).isEqualTo("fine");

    locks.get(1).lock();
    FutureTask<String> orphan = locking(locks.get(2), order, "orphan");
    mortal.kill(1); // keeper and owner
    assertThat(Ranks.result(orphan)).isEqualTo("died");
    assertThat(locks.get(3).tryLock(10, SECONDS)).isTrue();
  }

  @Test
  void theLastRankAliveGoesOnAlone() throws Exception {
    MortalRanks mortal = new MortalRanks(3, true);
    List<MPILock> locks = locks(mortal.ranks);
    mortal.kill(0);
    mortal.kill(1);
    assertThat(locks.get(2).hold().ownerDied()).isTrue();
    locks.get(2).unlock();
    locks.get(2).lock();
    locks.get(2).close();
    await().atMost(10, SECONDS).until(() -> threads.alive().size() == 4); // of the killed
  }

  @Test
  void whoClosesLongAfterAllOthersDiedDoesNotWaitForThem() throws Exception {
    MortalRanks mortal = new MortalRanks(2, true);
    List<MPILock> locks = locks(mortal.ranks);
    mortal.kill(0);
    await().during(100, MILLISECONDS).until(threads::areWaiting); // the news has been dealt with
    long begin = System.nanoTime();
    locks.get(1).close();
    assertThat(System.nanoTime() - begin).isLessThan(SECONDS.toNanos(4));
    await().atMost(10, SECONDS).until(() -> threads.alive().size() == 2); // of the killed
  }

  @Test
  void whereNobodySurvivesALossWaitingEnds() throws Exception {
    MortalRanks mortal = new MortalRanks(3, false);
    List<MPILock> locks = locks(mortal.ranks);
    locks.get(1).lock();
    FutureTask<String> waiting = locking(locks.get(2), new ArrayList<>(), "waiting");
    mortal.kill(1);
    assertThatExceptionOfType(RankLostException.class).isThrownBy(() -> Ranks.result(waiting));
    assertThatThrownBy(() -> locks.get(0).lock()).isInstanceOf(RankLostException.class);
    locks.get(0).close();
  }
}
