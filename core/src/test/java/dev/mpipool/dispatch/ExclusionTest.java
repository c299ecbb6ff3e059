package dev.mpipool.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.memory.ForgetsShortMemory;
import dev.mpipool.protocol.EntryKind;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is sent when workers are excluded: to those that have to know, and once. */
@ExtendWith(ForgetsShortMemory.class)
@Timeout(30)
class ExclusionTest {

  private static List<Integer> told(Desk desk) {
    return desk.news().stream()
        .filter(sent -> sent.kind() == EntryKind.EXCLUDED)
        .map(Desk.Sent::rank)
        .toList();
  }

  private static List<Desk.Sent> members(Desk desk) {
    return desk.news().stream().filter(sent -> sent.kind() == EntryKind.GROUP).toList();
  }

  @ParameterizedTest
  @ValueSource(ints = {200, 2_000, 20_000})
  void anExclusionCostsAsManyMessagesHoweverManyWorkersThereAre(int workers) throws Exception {
    Desk desk = new Desk(workers);
    for (int i = 0; i < workers; i++) {
      desk.submit("task");
    }
    desk.news();
    for (int rank = 1; rank <= 100; rank++) {
      desk.dispatcher.exclude(rank, "staged");
    }

    assertThat(desk.news())
        .hasSize(100)
        .allMatch(sent -> sent.kind() == EntryKind.RELEASE && sent.rank() <= 100);
    assertThat(desk.dispatcher.size()).isEqualTo(workers - 100);
  }

  @Test
  void onlyTheMembersOfAGroupAreToldAndOnceHoweverManyAreExcluded() throws Exception {
    Desk desk = new Desk(1_000);
    CompletableFuture<List<Object>> small = desk.dispatcher.submitGroup(3, new Desk.Job("a"), "a");
    List<Integer> ofSmall = members(desk).stream().map(Desk.Sent::rank).toList();
    desk.dispatcher.submitGroup(900, new Desk.Job("b"), "b");
    List<Integer> ofLarge = members(desk).stream().map(Desk.Sent::rank).toList();
    ofLarge.subList(0, 90).forEach(rank -> desk.dispatcher.exclude(rank, "staged"));

    assertThat(told(desk)).containsExactlyInAnyOrderElementsOf(ofLarge.subList(1, 900));
    desk.dispatcher.exclude(ofSmall.get(1), "staged");
    assertThat(told(desk)).containsExactlyInAnyOrder(ofSmall.get(0), ofSmall.get(2));
    assertThat(small).isNotDone();
  }

  @Test
  void theOthersAreToldOfAMemberThatHasAnsweredWhoseMessagesMayBeLost() throws Exception {
    Desk desk = new Desk(3);
    desk.dispatcher.submitGroup(2, new Desk.Job("g"), "g");
    List<Desk.Sent> members = members(desk);
    Desk.Sent answered = members.get(0);
    desk.answer(answered.rank(), answered.id(), "done");
    desk.dispatcher.exclude(answered.rank(), "staged");

    assertThat(told(desk)).containsExactly(members.get(1).rank());
  }

  @Test
  void nobodyIsToldOfAMemberWhoseGroupIsOver() throws Exception {
    Desk desk = new Desk(3);
    CompletableFuture<List<Object>> group = desk.dispatcher.submitGroup(3, new Desk.Job("g"), "g");
    for (Desk.Sent member : members(desk)) {
      desk.answer(member.rank(), member.id(), "done");
    }
    Desk.result(group);
    IntStream.rangeClosed(1, 2).forEach(rank -> desk.dispatcher.exclude(rank, "staged"));

    assertThat(told(desk)).isEmpty();
  }

  @Test
  void theMembersOfANewAttemptAreToldAnew() throws Exception {
    Desk desk = new Desk(4);
    desk.dispatcher.submitGroup(2, new Desk.Job("g"), "g");
    List<Desk.Sent> first = members(desk);
    desk.dispatcher.exclude(first.get(0).rank(), "staged");
    List<Desk.Sent> news = desk.news();
    List<Integer> second =
        news.stream().filter(s -> s.kind() == EntryKind.GROUP).map(Desk.Sent::rank).toList();
    assertThat(second).hasSize(2);
    desk.dispatcher.exclude(second.get(1), "staged");

    assertThat(told(desk)).containsExactly(second.get(0));
  }
}
