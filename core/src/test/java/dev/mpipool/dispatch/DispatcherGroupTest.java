package dev.mpipool.dispatch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.mpipool.BrokenExecutorException;
import dev.mpipool.WorkerLostException;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.FailureReport.Origin;
import dev.mpipool.protocol.GroupTask;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tasks that several workers run together, and tasks for all; workers are played by the test. */
@Timeout(30)
class DispatcherGroupTest {

  private static CompletableFuture<List<Object>> group(Desk desk, int members) throws Exception {
    return desk.dispatcher.submitGroup(members, new Desk.Job("g"), "g");
  }

  private static CompletableFuture<List<Object>> all(Desk desk) throws Exception {
    return desk.dispatcher.submitToAll(new Desk.Job("all"), "all");
  }

  /** The members' tasks of a group that has just begun, in their order. */
  private static List<Desk.Sent> members(Desk desk) throws Exception {
    List<Desk.Sent> members =
        desk.news().stream().filter(sent -> sent.kind() == EntryKind.GROUP).toList();
    for (int i = 0; i < members.size(); i++) {
      GroupTask task = GroupTask.decode(members.get(i).body());
      assertThat(task.member()).isEqualTo(i);
      assertThat(task.ranks().get(i)).isEqualTo(members.get(i).rank());
    }
    return members;
  }

  private static void drop(Desk desk, int rank, long id) {
    desk.receive(rank, new Entry(EntryKind.DROPPED, id));
  }

  /** What is sent until something of this text is. */
  private static List<String> newsUntil(Desk desk, String last) {
    List<String> news = new ArrayList<>();
    await()
        .untilAsserted(
            () -> {
              news.addAll(desk.newsAsText());
              assertThat(news).contains(last);
            });
    return news;
  }

  @Test
  void eachMemberHearsWhoTheyAreAndResultsComeInTheirOrder() throws Exception {
    Desk desk = new Desk(3);
    CompletableFuture<List<Object>> group = group(desk, 2);
    List<Desk.Sent> sent = members(desk);
    int one = sent.get(0).rank();
    int two = sent.get(1).rank();
    assertThat(one).isNotEqualTo(two);
    GroupTask first = GroupTask.decode(sent.get(0).body());
    GroupTask second = GroupTask.decode(sent.get(1).body());
    assertThat(first.ranks()).containsExactly(one, two).isEqualTo(second.ranks());
    assertThat(first.group()).isEqualTo(second.group());
    assertThat(Desk.called(second.task())).isEqualTo("g");
    assertThat(desk.dispatcher.idling()).isEqualTo(1);

    desk.answer(two, sent.get(1).id(), "two");
    assertThat(group).isNotDone();
    desk.answer(one, sent.get(0).id(), "one");
    assertThat(Desk.result(group)).isEqualTo(List.of("one", "two"));
    assertThat(desk.dispatcher.idling()).isEqualTo(3);
    assertThat(desk.news()).isEmpty();
  }

  @Test
  void whatStandsBehindAGroupWaitsUntilItHasBegun() throws Exception {
    Desk desk = new Desk(2);
    desk.submit("a");
    long a = desk.nextTask();
    group(desk, 2);
    desk.submit("b");
    assertThat(desk.news()).isEmpty();
    assertThat(desk.dispatcher.toString()).contains("a group is gathering");
    desk.answer(1, a, 1);
    List<Desk.Sent> members = desk.news();
    assertThat(members).extracting(Desk.Sent::kind).containsOnly(EntryKind.GROUP).hasSize(2);
    assertThat(members).extracting(Desk.Sent::rank).containsExactlyInAnyOrder(1, 2);
    desk.answer(members.get(0).rank(), members.get(0).id(), 1);
    assertThat(desk.newsAsText()).containsExactly(members.get(0).rank() + " b");
  }

  @Test
  void aGroupThatIsCancelledWhileItGathersLetsItsWorkersGo() throws Exception {
    Desk desk = new Desk(3);
    desk.submit("a");
    CompletableFuture<List<Object>> group = group(desk, 3);
    desk.submit("b");
    desk.submit("c");
    assertThat(desk.newsAsText()).containsExactly("1 a");
    assertThat(group.cancel(true)).isTrue();

    assertThat(desk.newsAsText().stream().map(text -> text.substring(2))).containsExactly("b", "c");
    assertThat(desk.dispatcher.idling()).isZero();
    assertThat(group.isCancelled()).isTrue();
  }

  @Test
  void shutdownNowDoesNotReturnAGroupThatTheUserHasCancelledInTheQueue() throws Exception {
    Desk desk = new Desk(1);
    for (String name : List.of("running", "a", "b", "c")) {
      desk.submit(name);
    }
    CompletableFuture<List<Object>> group = group(desk, 1);
    assertThat(group.cancel(true)).isTrue();

    assertThat(desk.dispatcher.shutdownNow())
        .extracting(Unstarted::call)
        .containsExactly(new Desk.Job("a"), new Desk.Job("b"), new Desk.Job("c"));
  }

  @Test
  void shutdownNowCancelsAGroupThatGathers() throws Exception {
    Desk desk = new Desk(2);
    desk.submit("a");
    long a = desk.nextTask();
    CompletableFuture<List<Object>> group = group(desk, 2);
    assertThat(desk.dispatcher.shutdownNow()).hasSize(1);

    assertThatThrownBy(() -> Desk.result(group)).isInstanceOf(CancellationException.class);
    assertThat(desk.newsAsText()).containsExactly("1 CANCEL interrupt");
    desk.answer(1, a, 1);
    assertThat(desk.newsAsText()).containsExactlyInAnyOrder("1 RELEASE", "2 RELEASE");
  }

  @Test
  void aPoolThatBreaksFailsAGroupThatGathers() throws Exception {
    Desk desk = new Desk(2);
    desk.submit("a");
    CompletableFuture<List<Object>> group = group(desk, 2);
    desk.dispatcher.breakDown("Staged", null);

    assertThat(Desk.failure(group)).isInstanceOf(BrokenExecutorException.class);
    desk.dispatcher.shutdown();
    desk.awaitTerminated();
  }

  @Test
  void shutdownWaitsForAGroupThatGathers() throws Exception {
    Desk desk = new Desk(2);
    desk.submit("a");
    long a = desk.nextTask();
    CompletableFuture<List<Object>> group = group(desk, 2);
    desk.dispatcher.shutdown();
    assertThat(desk.news()).isEmpty();
    desk.answer(1, a, 1);
    for (Desk.Sent member : desk.news()) {
      assertThat(member.kind()).isEqualTo(EntryKind.GROUP);
      desk.answer(member.rank(), member.id(), "x");
    }
    assertThat(Desk.result(group)).isEqualTo(List.of("x", "x"));
    assertThat(desk.newsAsText()).containsExactlyInAnyOrder("1 RELEASE", "2 RELEASE");
  }

  @Test
  void aGroupForWhichTooFewAreLeftFails() throws Exception {
    Desk desk = new Desk(3);
    desk.submit("a");
    desk.submit("b");
    List<Desk.Sent> held = desk.news();
    CompletableFuture<List<Object>> gathering = group(desk, 3);
    CompletableFuture<List<Object>> behind = group(desk, 3);
    CompletableFuture<List<Object>> small = group(desk, 2);
    desk.dispatcher.workerLost(3, "staged");

    for (CompletableFuture<?> group : List.of(gathering, behind)) {
      assertThat(Desk.failure(group))
          .isInstanceOf(WorkerLostException.class)
          .hasMessage("The task java.lang.String needs 3 workers, and 2 are left");
    }
    desk.answer(1, held.get(0).id(), 1);
    assertThat(small).isNotDone();
    desk.answer(2, held.get(1).id(), 1);
    assertThat(desk.newsAsText()).containsExactlyInAnyOrder("1 GROUP", "2 GROUP");
  }

  @Test
  void aWorkerThatDiesWhileItIsKeptForAGroupIsReplaced() throws Exception {
    Desk desk = new Desk(3);
    desk.submit("a");
    desk.submit("b");
    List<Desk.Sent> held = desk.news();
    group(desk, 2);
    desk.dispatcher.workerLost(3, "staged");
    desk.answer(1, held.get(0).id(), 1);
    assertThat(desk.news()).isEmpty();
    desk.answer(2, held.get(1).id(), 1);

    assertThat(desk.newsAsText()).containsExactlyInAnyOrder("1 GROUP", "2 GROUP");
  }

  @Test
  void aGroupOfWhichAWorkerDiesBeginsAgainWithOthers() throws Exception {
    Desk desk = new Desk(3);
    CompletableFuture<List<Object>> group = group(desk, 2);
    List<Desk.Sent> first = members(desk);
    int lost = first.get(0).rank();
    Desk.Sent left = first.get(1);
    desk.dispatcher.workerLost(lost, "staged");
    assertThat(desk.newsAsText()).containsExactly(left.rank() + " CANCEL interrupt");
    desk.answer(left.rank(), left.id(), "of the attempt before");

    List<Desk.Sent> again = members(desk);
    assertThat(again).extracting(Desk.Sent::rank).hasSize(2).doesNotContain(lost);
    assertThat(group).isNotDone();
    for (Desk.Sent member : again) {
      desk.answer(member.rank(), member.id(), "new");
    }
    assertThat(Desk.result(group)).isEqualTo(List.of("new", "new"));
  }

  @Test
  void aGroupFailsWhenAsManyWorkersHaveDiedWithItAsMay() throws Exception {
    Desk desk = new Desk(4, 2, true);
    CompletableFuture<List<Object>> group = group(desk, 2);
    List<Desk.Sent> first = members(desk);
    desk.dispatcher.workerLost(first.get(0).rank(), "one");
    List<Desk.Sent> second = members(desk);
    assertThat(second).hasSize(2).doesNotContainAnyElementsOf(first);
    desk.dispatcher.workerLost(second.get(1).rank(), "two");

    WorkerLostException lost = (WorkerLostException) Desk.failure(group);
    assertThat(lost.ranks()).containsExactly(first.get(0).rank(), second.get(1).rank());
    newsUntil(desk, second.get(0).rank() + " CANCEL interrupt");
    assertThat(desk.dispatcher.size()).isEqualTo(2);
  }

  @Test
  void afterShutdownNowAGroupOfWhichAWorkerDiesDoesNotBeginAgain() throws Exception {
    Desk desk = new Desk(3);
    CompletableFuture<List<Object>> group = group(desk, 2);
    List<Desk.Sent> members = members(desk);
    Desk.Sent other = members.get(1);
    int lost = members.get(0).rank();
    desk.dispatcher.shutdownNow();
    desk.dispatcher.workerLost(lost, "staged");
    drop(desk, other.rank(), other.id());

    assertThat(Desk.failure(group)).isInstanceOf(WorkerLostException.class);
    assertThat(members(desk)).isEmpty();
    IntStream.rangeClosed(1, 3).filter(rank -> rank != lost).forEach(desk::gone);
    desk.awaitTerminated();
  }

  @Test
  void membersThatLoseEachOtherTooOftenFailTheGroup() throws Exception {
    Desk desk = new Desk(2, 2, true);
    CompletableFuture<List<Object>> group = group(desk, 2);
    List<Desk.Sent> first = members(desk);
    drop(desk, first.get(0).rank(), first.get(0).id());
    assertThat(desk.newsAsText()).containsExactly(first.get(1).rank() + " CANCEL interrupt");
    drop(desk, first.get(1).rank(), first.get(1).id());
    List<Desk.Sent> second = members(desk);
    assertThat(second).hasSize(2);
    assertThat(group).isNotDone();
    drop(desk, second.get(0).rank(), second.get(0).id());

    assertThat(Desk.failure(group))
        .isInstanceOf(WorkerLostException.class)
        .hasMessage("The members of the group of java.lang.String have lost each other");
    drop(desk, second.get(1).rank(), second.get(1).id());
    assertThat(desk.dispatcher.idling()).isEqualTo(2);
    desk.dispatcher.shutdown();
    desk.gone(1, 2);
    desk.awaitTerminated();
  }

  @Test
  void aGroupIsNotBegunAgainWhenAMemberWasLostAfterItsAnswerAndTooFewAreLeft() throws Exception {
    Desk desk = new Desk(2);
    CompletableFuture<List<Object>> group = group(desk, 2);
    List<Desk.Sent> members = members(desk);
    desk.answer(members.get(0).rank(), members.get(0).id(), "done");
    desk.dispatcher.workerLost(members.get(0).rank(), "staged");
    drop(desk, members.get(1).rank(), members.get(1).id());

    assertThat(Desk.failure(group))
        .isInstanceOf(WorkerLostException.class)
        .hasMessage("The task java.lang.String needs 2 workers, and 1 are left");
    desk.dispatcher.shutdown();
    desk.gone(members.get(1).rank());
    desk.awaitTerminated();
  }

  @Test
  void aGroupThatFailsForALostMessageKeepsItsWorkersUntilTheyAnswer() throws Exception {
    Desk desk = new Desk(2, 1, true);
    CompletableFuture<List<Object>> group = group(desk, 2);
    List<Desk.Sent> members = members(desk);
    desk.receive(1, new Entry(EntryKind.UNDELIVERABLE, 2));
    assertThat(Desk.failure(group)).isInstanceOf(WorkerLostException.class);
    newsUntil(desk, "1 CANCEL interrupt");
    assertThat(desk.dispatcher.idling()).isZero();

    desk.dispatcher.shutdownNow();
    assertThat(desk.newsAsText()).contains("1 CANCEL interrupt", "2 CANCEL interrupt");
    members.forEach(member -> drop(desk, member.rank(), member.id()));
    desk.gone(1, 2);
    desk.awaitTerminated();
  }

  @Test
  void aLostMessageConcernsOnlyGroupsOfLivingWorkers() throws Exception {
    Desk desk = new Desk(3);
    TaskFuture<Object> a = desk.submit("a");
    long id = desk.nextTask();
    desk.receive(2, new Entry(EntryKind.UNDELIVERABLE, 1));
    desk.receive(2, new Entry(EntryKind.UNDELIVERABLE, 9));
    desk.dispatcher.workerLost(3, "staged");
    desk.receive(2, new Entry(EntryKind.UNDELIVERABLE, 3));
    assertThat(desk.news()).isEmpty();
    desk.answer(1, id, "right");

    assertThat(Desk.result(a)).isEqualTo("right");
  }

  @Test
  void aGroupWhoseMemberDropsOutBeginsAgain() throws Exception {
    Desk desk = new Desk(2);
    CompletableFuture<List<Object>> group = group(desk, 2);
    List<Desk.Sent> first = members(desk);
    drop(desk, first.get(0).rank(), first.get(0).id());
    assertThat(desk.newsAsText()).contains(first.get(1).rank() + " CANCEL interrupt");
    drop(desk, first.get(1).rank(), first.get(1).id());
    assertThat(group).isNotDone();

    List<Desk.Sent> second = members(desk);
    assertThat(second).hasSize(2);
    for (Desk.Sent member : second) {
      desk.answer(member.rank(), member.id(), "again");
    }
    assertThat(Desk.result(group)).isEqualTo(List.of("again", "again"));
  }

  @Test
  void aPoolThatIsShutDownSaysSoAndNotThatItIsTooSmall() throws Exception {
    Desk desk = new Desk(1);
    desk.dispatcher.shutdown();
    desk.gone(1);
    desk.awaitTerminated();
    assertThatThrownBy(() -> group(desk, 1)).isInstanceOf(RejectedExecutionException.class);
  }

  @Test
  void whenAMemberFailsTheOthersAreInterruptedAndTheGroupFailsWithThat() throws Exception {
    Desk desk = new Desk(3);
    CompletableFuture<List<Object>> group = group(desk, 3);
    List<Desk.Sent> members = desk.news();
    int failed = members.get(1).rank();
    desk.fail(failed, members.get(1).id(), Origin.TASK, new IOException("member one"));

    assertThat(Desk.failure(group)).isExactlyInstanceOf(IOException.class).hasMessage("member one");
    List<String> news = newsUntil(desk, members.get(2).rank() + " CANCEL interrupt");
    assertThat(news)
        .contains(members.get(0).rank() + " CANCEL interrupt")
        .doesNotContain(failed + " CANCEL interrupt");
  }

  @Test
  void whoeverEndsAGroupTellsItsMembers() throws Exception {
    Desk desk = new Desk(2);
    CompletableFuture<List<Object>> gentle = group(desk, 2);
    List<Desk.Sent> members = desk.news();
    assertThat(gentle.cancel(false)).isTrue();
    assertThat(gentle.cancel(false)).isTrue();
    assertThat(desk.newsAsText()).containsExactlyInAnyOrder("1 CANCEL", "2 CANCEL");
    members.forEach(member -> drop(desk, member.rank(), member.id()));

    CompletableFuture<List<Object>> completed = group(desk, 2);
    members = desk.news();
    assertThat(completed.complete(List.of())).isTrue();
    assertThat(completed.complete(List.of())).isFalse();
    assertThat(desk.newsAsText())
        .containsExactlyInAnyOrder("1 CANCEL interrupt", "2 CANCEL interrupt");
    members.forEach(member -> drop(desk, member.rank(), member.id()));

    CompletableFuture<List<Object>> failed = group(desk, 2);
    desk.news();
    assertThat(failed.completeExceptionally(new IOException("mine"))).isTrue();
    assertThat(failed.completeExceptionally(new IOException("again"))).isFalse();
    assertThat(failed.cancel(true)).isFalse();
    assertThat(desk.newsAsText())
        .containsExactlyInAnyOrder("1 CANCEL interrupt", "2 CANCEL interrupt");
    assertThat(Desk.failure(failed)).hasMessage("mine");
    assertThat(Desk.result(completed)).isEqualTo(List.of());
  }

  @Test
  void aGroupIsRefusedThatCannotBe() throws Exception {
    Desk desk = new Desk(2);
    assertThatThrownBy(() -> group(desk, 0)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> group(desk, 3))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("A group of 3 workers is not possible: there are 2");
    desk.dispatcher.workerLost(2, "staged");
    assertThatThrownBy(() -> group(desk, 2)).isInstanceOf(IllegalArgumentException.class);
    assertThat(group(desk, 1)).isNotDone();
    assertThat(desk.newsAsText()).containsExactly("1 GROUP");
    desk.dispatcher.shutdown();
    assertThatThrownBy(() -> group(desk, 1)).isInstanceOf(RejectedExecutionException.class);
  }

  @Test
  void aTaskForAllIsRunByEachLivingWorkerAsSoonAsItCan() throws Exception {
    Desk desk = new Desk(3);
    desk.dispatcher.workerLost(3, "staged");
    desk.submit("a");
    long a = desk.nextTask();
    CompletableFuture<List<Object>> all = all(desk);
    desk.submit("queued");
    List<Desk.Sent> second = desk.news();
    assertThat(second).extracting(Desk.Sent::rank).containsExactly(2);
    assertThat(Desk.called(second.get(0).body())).isEqualTo("all");
    desk.answer(2, second.get(0).id(), "of two");
    assertThat(desk.newsAsText()).containsExactly("2 queued");
    desk.answer(1, a, 1);
    long first = desk.nextTask();
    assertThat(all).isNotDone();
    desk.answer(1, first, "of one");

    assertThat(Desk.result(all)).isEqualTo(List.of("of one", "of two"));
  }

  @Test
  void aTaskForAllFailsWithAWorkerThatDies() throws Exception {
    Desk desk = new Desk(2);
    desk.submit("a");
    desk.news();
    CompletableFuture<List<Object>> waiting = all(desk);
    long id = desk.nextTask();
    desk.dispatcher.workerLost(1, "staged");
    desk.answer(2, id, "of two");

    assertThat(((WorkerLostException) Desk.failure(waiting)).ranks()).containsExactly(1);
    CompletableFuture<List<Object>> held = all(desk);
    desk.dispatcher.workerLost(2, "staged");
    assertThat(Desk.failure(held)).isInstanceOf(WorkerLostException.class);
  }

  @Test
  void aTaskForAllThatIsCancelledBeginsNowhereElse() throws Exception {
    Desk desk = new Desk(2);
    desk.submit("a");
    long a = desk.nextTask();
    CompletableFuture<List<Object>> all = all(desk);
    desk.submit("b");
    assertThat(desk.newsAsText()).containsExactly("2 all");
    assertThat(all.cancel(true)).isTrue();
    assertThat(desk.newsAsText()).containsExactly("2 CANCEL interrupt");
    desk.answer(1, a, 1);
    assertThat(desk.newsAsText()).containsExactly("1 b");
  }

  @Test
  void aTaskForAllThatWaitsIsEndedWithThePool() throws Exception {
    Desk stopped = new Desk(1);
    stopped.submit("a");
    CompletableFuture<List<Object>> cancelled = all(stopped);
    assertThat(stopped.dispatcher.shutdownNow()).hasSize(1);
    assertThatThrownBy(() -> Desk.result(cancelled)).isInstanceOf(CancellationException.class);
    assertThatThrownBy(() -> all(stopped)).isInstanceOf(RejectedExecutionException.class);

    Desk broken = new Desk(1);
    broken.submit("a");
    CompletableFuture<List<Object>> failed = all(broken);
    broken.dispatcher.breakDown("Staged", null);
    assertThat(Desk.failure(failed)).isInstanceOf(BrokenExecutorException.class);
  }

  @Test
  void shutdownWaitsForATaskForAll() throws Exception {
    Desk desk = new Desk(1);
    desk.submit("a");
    long a = desk.nextTask();
    CompletableFuture<List<Object>> all = all(desk);
    desk.dispatcher.shutdown();
    desk.answer(1, a, 1);
    List<Desk.Sent> next = desk.news();
    assertThat(next).extracting(Desk.Sent::kind).containsExactly(EntryKind.TASK);
    desk.answer(1, next.get(0).id(), "done");

    assertThat(Desk.result(all)).isEqualTo(List.of("done"));
    assertThat(desk.newsAsText()).containsExactly("1 RELEASE");
  }
}
