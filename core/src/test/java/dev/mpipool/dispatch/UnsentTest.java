package dev.mpipool.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.TaskSerializationException;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.serial.SharedValue;
import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Entries that could not be sent for lack of memory. */
@Timeout(30)
class UnsentTest {

  private final Desk desk = new Desk(1);
  private final Dispatcher dispatcher = desk.dispatcher;

  private boolean unsent(int rank, Entry entry) {
    boolean goesOn = dispatcher.unsent(rank, entry, new OutOfMemoryError("staged"));
    assertThat(dispatcher.lock().isHeldByCurrentThread()).isFalse();
    return goesOn;
  }

  @Test
  void aTaskFailsAloneAndTheNextIsSent() throws Exception {
    TaskFuture<Object> tooLong = desk.submit("long");
    TaskFuture<Object> next = desk.submit("next");
    long id = desk.nextTask();
    assertThat(unsent(1, new Entry(EntryKind.TASK, id, ByteBuffer.allocate(77)))).isTrue();

    assertThat(Desk.failure(tooLong))
        .isExactlyInstanceOf(TaskSerializationException.class)
        .hasMessageContaining("cannot be sent to rank 1: it takes 77 bytes")
        .hasRootCauseMessage("staged");
    assertThat(next).isNotDone();
    desk.answer(1, desk.nextTask(), 5);
    assertThat(Desk.result(next)).isEqualTo(5);
  }

  @Test
  void thePoolEndsThoughItsLastTaskCouldNotBeSent() throws Exception {
    desk.submit("long");
    long id = desk.nextTask();
    dispatcher.shutdown();
    unsent(1, new Entry(EntryKind.TASK, id));
    assertThat(desk.newsAsText()).containsExactly("1 RELEASE");
  }

  @Test
  void aSharedValueIsSentAgainWithTheNextTask() {
    SharedValue value = new SharedValue(ByteBuffer.allocate(1));
    dispatcher.share(value);
    dispatcher.share(value);
    assertThat(desk.news()).extracting(Desk.Sent::kind).containsExactly(EntryKind.PUT);

    assertThat(unsent(1, new Entry(EntryKind.PUT, value.number()))).isTrue();
    dispatcher.share(value);
    assertThat(desk.news()).extracting(Desk.Sent::kind).containsExactly(EntryKind.PUT);
  }

  @Test
  void thePoolCannotGoOnWithoutOtherEntries() throws Exception {
    desk.submit("a");
    long id = desk.nextTask();
    assertThat(unsent(1, new Entry(EntryKind.CANCEL, id))).as("a cancellation").isFalse();
    assertThat(unsent(1, new Entry(EntryKind.RELEASE, 0))).isFalse();
    assertThat(unsent(1, new Entry(EntryKind.TASK, id + 1))).as("a task not in flight").isFalse();
  }

  @Test
  void whatALostWorkerDoesNotGetIsNotMissed() {
    for (EntryKind kind : List.of(EntryKind.TASK, EntryKind.PUT, EntryKind.RELEASE)) {
      assertThat(unsent(7, new Entry(kind, 1))).isTrue();
    }
  }
}
