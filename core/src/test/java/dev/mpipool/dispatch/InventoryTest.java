package dev.mpipool.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a pool says of the work that is not done. */
@Timeout(30)
class InventoryTest {

  private final Desk desk = new Desk(2);
  private final Dispatcher dispatcher = desk.dispatcher;

  @Test
  void tasksInFlightAndInTheQueueAreCounted() throws Exception {
    assertThat(dispatcher.pending()).isEqualTo("0 futures");
    TaskFuture<Object> running = desk.submit("a");
    long id = desk.nextTask();
    assertThat(dispatcher.pending()).isEqualTo("1 future");
    desk.submit("b");
    TaskFuture<Object> queued = desk.submit("c");
    assertThat(dispatcher.pending()).isEqualTo("3 futures");

    queued.cancel(false);
    assertThat(dispatcher.pending()).isEqualTo("2 futures");
    desk.answer(1, id, 5);
    assertThat(Desk.result(running)).isEqualTo(5);
    assertThat(dispatcher.pending()).isEqualTo("1 future");
  }

  @Test
  void aTaskForAllWorkersIsOneFuture() throws Exception {
    desk.submit("a"); // so that one of the two waits for its worker
    dispatcher.submitToAll(new Desk.Job("all"), "all");
    assertThat(dispatcher.pending()).isEqualTo("2 futures");
    dispatcher.submitToAll(new Desk.Job("all"), "all");
    assertThat(dispatcher.pending()).isEqualTo("3 futures");
  }

  @Test
  void aGroupIsOneFutureWhileItWaitsGathersAndRuns() throws Exception {
    desk.submit("a");
    long a = desk.nextTask();
    dispatcher.submitGroup(2, new Desk.Job("gathers"), "gathers");
    dispatcher.submitGroup(2, new Desk.Job("waits"), "waits");
    assertThat(dispatcher.pending()).isEqualTo("3 futures");
    desk.answer(1, a, 5);
    assertThat(desk.news()).as("the first group begins").hasSize(2);
    assertThat(dispatcher.pending()).isEqualTo("2 futures");
  }

  @Test
  void batchesAreCountedApartFromFuturesAndNotTheirChunks() throws Exception {
    Desk.Batch one = new Desk.Batch();
    dispatcher.addSource(one);
    assertThat(dispatcher.pending()).isEqualTo("0 futures and 1 batch");
    dispatcher.addSource(new Desk.Batch());
    desk.submit("a");
    dispatcher.submitFrom(one, desk.chunk());
    assertThat(desk.news()).extracting(Desk.Sent::rank).contains(1, 2);
    assertThat(dispatcher.pending()).isEqualTo("1 future and 2 batches");
  }
}
