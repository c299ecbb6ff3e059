package dev.mpipool.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Whose turn it is, and how much a worker may hold. */
class WorkerSelectorTest {

  private static final long MICROSECOND = TimeUnit.MICROSECONDS.toNanos(1);

  private final Desk desk = new Desk(1);
  private final WorkerSelector selector = new WorkerSelector();
  private final WorkerState one = new WorkerState(1, 1);
  private final WorkerState two = new WorkerState(2, 1);
  private long id;

  private void hold(WorkerState worker, int tasks) {
    for (int i = 0; i < tasks; i++) {
      worker.tasks.add(++id, desk.task());
    }
  }

  @Test
  void whoIsUnknownHoldsWhatItRuns() {
    WorkerState threaded = new WorkerState(3, 2);
    assertThat(threaded.hasFreeThread()).isTrue();
    hold(threaded, 1);
    assertThat(threaded.hasRoom()).isTrue();
    assertThat(threaded.unstarted()).isZero();
    hold(threaded, 1);
    assertThat(threaded.hasFreeThread()).isFalse();
    assertThat(threaded.hasRoom()).isFalse();
    hold(threaded, 3);
    assertThat(threaded.unstarted()).isEqualTo(3);
  }

  @Test
  void aWorkerHoldsTwoMillisecondsOfWorkBeyondWhatItRuns() {
    one.busyTime(1_000_000, 1);
    hold(one, 2);
    assertThat(one.hasRoom()).isTrue();
    hold(one, 1);
    assertThat(one.hasRoom()).isFalse();
    assertThat(one.unstartedNanos()).isEqualTo(2_000_000);

    WorkerState threaded = new WorkerState(3, 2);
    threaded.busyTime(2_000_000, 2); // a millisecond each
    hold(threaded, 5);
    assertThat(threaded.hasRoom()).isTrue();
    hold(threaded, 1);
    assertThat(threaded.hasRoom()).isFalse();
    assertThat(threaded.unstartedNanos()).isEqualTo(2_000_000);
  }

  @Test
  void theTimeOfATaskRisesAtOnceAndFallsSlowly() {
    one.busyTime(1_000_000, 1);
    hold(one, 2);
    one.busyTime(3_000_000, 1);
    assertThat(one.unstartedNanos()).isEqualTo(3_000_000);
    one.busyTime(1_000_000, 1);
    assertThat(one.unstartedNanos()).isEqualTo(2_500_000);
  }

  @Test
  void howeverShortTasksAreAWorkerHoldsNoMoreThanSomeThousand() {
    one.busyTime(1, 1_000);
    hold(one, 8_192);
    assertThat(one.hasRoom()).isTrue();
    hold(one, 1);
    assertThat(one.hasRoom()).isFalse();
  }

  @Test
  void theDeadAndThoseWhoAreAskedForTasksHaveNoRoom() {
    one.busyTime(1_000, 1);
    assertThat(one.hasRoom()).isTrue();
    one.recall();
    assertThat(one.hasRoom()).isFalse();
    one.forgetRecalls();
    one.leave();
    assertThat(one.hasRoom()).isFalse();
    assertThat(one.hasFreeThread()).isFalse();
  }

  @Test
  void aPlaceThatIsKeptForAGroupIsTaken() {
    one.reserve(true);
    assertThat(one.hasFreeThread()).isFalse();
    assertThat(one.hasRoom()).isFalse();
    WorkerState threaded = new WorkerState(3, 2);
    threaded.reserve(true);
    assertThat(threaded.hasFreeThread()).isTrue();
  }

  @Test
  void aMessageIsWorthTwelveMicrosecondsOfTasksAndMoreIfItHasToWait() {
    assertThat(one.isLittle(1, 9)).as("nobody knows how long a task takes").isFalse();
    one.busyTime(2 * MICROSECOND, 1);
    assertThat(one.isLittle(6, 0)).isTrue();
    assertThat(one.isLittle(7, 0)).isFalse();
    assertThat(one.isLittle(12, 1)).isTrue();
    assertThat(one.isLittle(13, 1)).isFalse();
    assertThat(one.isLittle(32, 1000)).isTrue();
    assertThat(one.isLittle(33, 1000)).isFalse();
    WorkerState threaded = new WorkerState(3, 2);
    threaded.busyTime(2 * MICROSECOND, 1);
    assertThat(threaded.isLittle(12, 0)).isTrue();
    assertThat(threaded.isLittle(13, 0)).isFalse();

    one.returned();
    assertThat(one.isLittle(1, 0)).isFalse();
    one.busyTime(MICROSECOND, 1);
    assertThat(one.isLittle(1, 0)).isTrue();
  }

  @Test
  void whoHasNothingIsIdle() {
    assertThat(one.isIdle()).isTrue();
    hold(one, 1);
    assertThat(one.isIdle()).isFalse();
    two.pinned.add(desk.task());
    assertThat(two.isIdle()).isFalse();
  }

  @Test
  void thoseWithAFreeThreadGoBeforeThoseWithRoom() {
    one.busyTime(12 * MICROSECOND, 1);
    hold(one, 20);
    selector.add(one);
    selector.add(two);
    selector.add(two);

    assertThat(selector.free()).isEqualTo(1);
    assertThat(selector.hasFree()).isTrue();
    assertThat(selector.next(0, false)).isSameAs(two);
    assertThat(selector.next(0, false)).isSameAs(one);
    assertThat(selector.next(0, false)).isNull();
    selector.add(two);
    selector.add(one);
    assertThat(selector.next(0, false)).isSameAs(two);
    assertThat(selector.next(0, false)).isSameAs(one);
  }

  @Test
  void whoseTurnItIsGetsAMessagefulOfShortTasks() {
    one.busyTime(6 * MICROSECOND, 1);
    two.busyTime(6 * MICROSECOND, 1);
    hold(one, 20);
    hold(two, 20);
    selector.add(one);
    selector.add(two);

    for (int i = 0; i < 2; i++) {
      assertThat(selector.next(0, false)).isSameAs(one);
      selector.add(one);
    }
    assertThat(selector.next(0, false)).isSameAs(two);
    selector.add(two);
    WorkerState free = new WorkerState(3, 1);
    selector.add(free);
    assertThat(selector.next(0, false)).as("who has nothing to do goes before").isSameAs(free);
    assertThat(selector.next(0, false)).as("and its turn is over if it has none").isSameAs(one);
  }

  @Test
  void aLoneTaskGoesToTheWorkerThatHadTheOneBefore() {
    selector.add(one);
    selector.add(two);

    assertThat(selector.next(0, true)).isSameAs(one);
    selector.add(one);
    assertThat(selector.next(0, true)).as("its threads may be awake still").isSameAs(one);
    selector.add(one);
    assertThat(selector.next(0, false)).as("the task is not alone").isSameAs(two);
    selector.add(two);
    two.leave();
    assertThat(selector.next(0, true)).as("the other one has died").isSameAs(one);
  }

  @Test
  void turnsGoRound() {
    one.busyTime(1_000_000, 1);
    two.busyTime(1_000_000, 1);
    hold(one, 1);
    hold(two, 1);
    selector.add(one);
    selector.add(one);
    selector.add(two);

    assertThat(selector.next(0, false)).isSameAs(one);
    selector.add(one);
    assertThat(selector.next(0, false)).isSameAs(two);
    assertThat(selector.next(0, false)).isSameAs(one);
    assertThat(selector.next(0, false)).isNull();
  }

  @Test
  void whoseTasksAreShorterThanAMessageHasTheNextTurnToo() {
    one.busyTime(MICROSECOND, 1);
    selector.add(one);
    selector.add(two);
    assertThat(selector.next(0, false)).isSameAs(one);
    hold(one, 1);
    assertThat(selector.next(0, false)).isSameAs(one);
    one.reserve(true);
    assertThat(selector.next(0, false)).isSameAs(two);
  }

  @Test
  void entriesThatAreOutOfDateAreSkipped() {
    selector.add(one);
    selector.add(two);
    hold(one, 1);
    assertThat(selector.nextFree()).isSameAs(two);
    assertThat(selector.nextFree()).isNull();

    WorkerState dead = new WorkerState(3, 1);
    WorkerState kept = new WorkerState(4, 2);
    selector.add(dead);
    selector.add(kept);
    dead.leave();
    kept.reserve(true);
    assertThat(selector.hasFree()).isFalse();
    assertThat(selector.free()).isZero();
    assertThat(selector.nextFree()).isNull();
    kept.reserve(false);
    selector.add(kept); // it is listed anew once it has been skipped
    assertThat(selector.nextFree()).isSameAs(kept);
  }

  @Test
  void whoIsKeptForAGroupIsNotListed() {
    WorkerState kept = new WorkerState(4, 2);
    kept.reserve(true);
    selector.add(kept);
    assertThat(selector.hasFree()).isFalse();
    assertThat(selector.next(0, false)).isNull();
  }
}
