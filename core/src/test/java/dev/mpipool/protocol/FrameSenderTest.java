package dev.mpipool.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.ArgumentMatchers.anyInt;
import static org.mockito.Mockito.doAnswer;
import static org.mockito.Mockito.doNothing;
import static org.mockito.Mockito.doThrow;
import static org.mockito.Mockito.mock;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.comm.LocalCommunicator;
import dev.mpipool.comm.Message;
import dev.mpipool.memory.ForgetsShortMemory;
import dev.mpipool.serial.JavaSerializer;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.serial.Payload;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(ForgetsShortMemory.class)
@Timeout(30)
class FrameSenderTest {

  private static final long LONG = 10_000;

  private final List<Communicator> ranks = LocalCommunicator.create(3);
  private final List<String> failures = new CopyOnWriteArrayList<>();

  private FrameSender sender(Communicator communicator) {
    return new FrameSender(
        communicator,
        "test-sender",
        (rank, failure) -> failures.add(rank + ": " + failure.getMessage()));
  }

  private static Entry task(long id, int length) {
    return new Entry(EntryKind.TASK, id, ByteBuffer.allocate(length));
  }

  /** A communicator whose first send waits for the latch; frames for rank 1 are recorded. */
  private static Communicator slow(CountDownLatch go, List<List<Entry>> frames) {
    Communicator communicator = mock(Communicator.class);
    doAnswer(
            call -> {
              assertThat(go.await(20, TimeUnit.SECONDS)).isTrue();
              frames.add(Frame.decode(call.<ByteBuffer>getArgument(2)));
              return null;
            })
        .when(communicator)
        .send(anyInt(), anyInt(), any());
    return communicator;
  }

  @Test
  void aLoneEntryGoesOutAtOnce() throws Exception {
    FrameSender sender = sender(ranks.get(0));
    sender.post(1, task(5, 3));

    assertThat(Frame.decode(ranks.get(1).receive(0, FrameSender.TAG).data()))
        .containsExactly(task(5, 3));
    sender.close();
    assertThat(sender.awaitEnd(LONG)).isTrue();
  }

  @Test
  void entriesThatPileUpShareTheNextFrameInOrder() {
    CountDownLatch go = new CountDownLatch(1);
    List<List<Entry>> frames = new CopyOnWriteArrayList<>();
    FrameSender sender = sender(slow(go, frames));
    List<Entry> posted = new ArrayList<>();
    for (int id = 1; id <= 100; id++) {
      posted.add(task(id, 1));
      sender.post(1, posted.get(id - 1));
    }
    go.countDown();
    sender.close();

    assertThat(sender.awaitEnd(LONG)).isTrue();
    assertThat(frames).hasSizeBetween(1, 2);
    assertThat(frames.stream().flatMap(List::stream)).isEqualTo(posted);
  }

  @Test
  void framesAreBoundedAndALongerEntryGoesAlone() {
    CountDownLatch go = new CountDownLatch(1);
    List<List<Entry>> frames = new CopyOnWriteArrayList<>();
    FrameSender sender = sender(slow(go, frames));
    sender.post(1, task(0, 0));
    int[] lengths = {600_000, 400_000, 600_000, 3_000_000, 10, 10};
    for (int i = 0; i < lengths.length; i++) {
      sender.post(1, task(i + 1, lengths[i]));
    }
    go.countDown();
    sender.close();

    assertThat(sender.awaitEnd(LONG)).isTrue();
    List<Long> ids = frames.stream().flatMap(List::stream).map(Entry::id).toList();
    assertThat(ids).containsExactly(0L, 1L, 2L, 3L, 4L, 5L, 6L);
    for (List<Entry> frame : frames) {
      long length = 1 + frame.stream().mapToLong(Frame::length).sum();
      assertThat(length <= 1 << 20 || frame.size() == 1).isTrue();
    }
    assertThat(frames).hasSizeLessThanOrEqualTo(5);
  }

  @Test
  void anEntryWithAnAttachmentGoesAlone() throws Exception {
    FrameSender sender = sender(ranks.get(0));
    byte[] attachment = new byte[300_000];
    Entry long1 =
        new Entry(EntryKind.TASK, 2, Payload.of(ByteBuffer.wrap(new byte[] {1}), attachment));
    Entry long2 =
        new Entry(EntryKind.TASK, 3, Payload.of(ByteBuffer.wrap(new byte[] {1}), attachment));
    List<Entry> posted = List.of(task(1, 1), long1, long2, task(4, 1), task(5, 1));
    for (Entry entry : posted) {
      sender.post(1, entry);
    }
    List<Entry> received = new ArrayList<>();
    int alone = 0;
    while (received.size() < posted.size()) {
      Message message = ranks.get(1).receive(0, FrameSender.TAG);
      List<Entry> entries = Frame.decode(message);
      received.addAll(entries);
      alone += message.attachment() != null && entries.size() == 1 ? 1 : 0;
      assertThat(message.attachment()).isNotSameAs(attachment);
    }
    assertThat(received).isEqualTo(posted);
    assertThat(alone).isEqualTo(2);
    sender.close();
    assertThat(sender.awaitEnd(LONG)).isTrue();
  }

  @Test
  void aFailedSendIsReportedAndOtherRanksAreServed() {
    Communicator communicator = mock(Communicator.class);
    List<Integer> sent = new CopyOnWriteArrayList<>();
    doAnswer(call -> sent.add(call.getArgument(0)))
        .when(communicator)
        .send(anyInt(), anyInt(), any());
    doThrow(new CommunicatorException("staged", null))
        .when(communicator)
        .send(org.mockito.ArgumentMatchers.eq(1), anyInt(), any());
    FrameSender sender = sender(communicator);
    sender.post(1, task(1, 1));
    sender.post(2, task(2, 1));

    await().untilAsserted(() -> assertThat(sent).containsExactly(2));
    assertThat(failures).containsExactly("1: staged");
    sender.post(2, task(3, 1));
    sender.close();
    assertThat(sender.awaitEnd(LONG)).isTrue();
    assertThat(sent).containsExactly(2, 2);
  }

  @Test
  void anErrorWhileSendingIsReportedAndTheSenderLivesOn() {
    Communicator communicator = mock(Communicator.class);
    CountDownLatch second = new CountDownLatch(1);
    doThrow(new InternalError("staged"))
        .doAnswer(
            call -> {
              second.countDown();
              return null;
            })
        .when(communicator)
        .send(anyInt(), anyInt(), any());
    FrameSender sender = sender(communicator);
    sender.post(1, task(1, 1));

    await().untilAsserted(() -> assertThat(failures).hasSize(1));
    assertThat(failures.get(0)).startsWith("1: ").contains("InternalError");
    sender.post(2, task(2, 1));
    await().until(() -> second.getCount() == 0);
    sender.close();
    assertThat(sender.awaitEnd(LONG)).isTrue();
  }

  @Test
  void whatThereIsNoMemoryToSendIsSentLaterAndInOrder() throws Exception {
    Communicator communicator = mock(Communicator.class);
    List<Long> sent = new CopyOnWriteArrayList<>();
    doThrow(new OutOfMemoryError("staged"))
        .doThrow(new OutOfMemoryError("staged"))
        .doAnswer(
            call -> {
              Frame.decode(call.<ByteBuffer>getArgument(2)).forEach(entry -> sent.add(entry.id()));
              return null;
            })
        .when(communicator)
        .send(anyInt(), anyInt(), any());
    FrameSender sender = sender(communicator);
    sender.post(1, task(1, 1));
    sender.post(1, task(2, 1));
    sender.close();
    assertThat(sender.awaitEnd(LONG)).isTrue();
    assertThat(sent).containsExactly(1L, 2L);
    assertThat(failures).isEmpty();
  }

  @Test
  void closingSendsWhatWasPostedBeforeAndNothingAfter() {
    CountDownLatch go = new CountDownLatch(1);
    List<List<Entry>> frames = new CopyOnWriteArrayList<>();
    FrameSender sender = sender(slow(go, frames));
    sender.post(1, task(1, 1));
    sender.post(1, task(2, 1));
    sender.close();
    sender.close();
    sender.post(1, task(3, 1));

    assertThat(sender.awaitEnd(1)).isFalse();
    go.countDown();
    assertThat(sender.awaitEnd(LONG)).isTrue();
    assertThat(frames.stream().flatMap(List::stream).map(Entry::id)).containsExactly(1L, 2L);
  }

  @Test
  void aSendThatDoesNotEndKeepsNobodyElseWaitingAndOrderIsKept() throws Exception {
    Communicator communicator = mock(Communicator.class);
    CountDownLatch awake = new CountDownLatch(1);
    List<String> sent = new CopyOnWriteArrayList<>();
    doAnswer(
            call -> {
              int rank = call.getArgument(0);
              if (rank == 1) {
                assertThat(awake.await(20, TimeUnit.SECONDS)).isTrue();
              }
              for (Entry entry : Frame.decode(call.<ByteBuffer>getArgument(2))) {
                sent.add(rank + ":" + entry.id());
              }
              return null;
            })
        .when(communicator)
        .send(anyInt(), anyInt(), any());
    FrameSender sender = sender(communicator);
    sender.post(1, task(1, 1));
    sender.post(2, task(1, 1));
    // what is posted at intervals, as pings are, brings the others on
    for (long id = 2; !sent.contains("2:1"); id++) {
      sender.post(2, task(id, 1));
      Thread.sleep(20);
    }
    sender.post(1, task(2, 1));
    sender.post(2, task(999, 1));
    await().until(() -> sent.contains("2:999"));
    assertThat(sent).noneMatch(one -> one.startsWith("1:"));
    assertThat(sent.get(0)).isEqualTo("2:1");

    sender.post(1, task(3, 1));
    sender.close();
    assertThat(sender.awaitEnd(LONG)).isTrue();
    awake.countDown();
    await().until(() -> sent.contains("1:3"));
    assertThat(sent.stream().filter(one -> one.startsWith("1:")))
        .containsExactly("1:1", "1:2", "1:3");
    assertThat(failures).isEmpty();
  }

  @Test
  void anIdleSenderEndsWhenClosed() {
    Communicator communicator = mock(Communicator.class);
    doNothing().when(communicator).send(anyInt(), anyInt(), any());
    FrameSender sender = sender(communicator);
    sender.close();

    assertThat(sender.awaitEnd(LONG)).isTrue();
  }

  private static Entry borrowing(long id) throws Exception {
    LeanSerializer serializer =
        new LeanSerializer(new JavaSerializer(FrameSenderTest.class.getClassLoader()));
    Entry entry =
        new Entry(EntryKind.RESULT, id, serializer.encodePayload(new byte[Payload.UNCOPIED_BYTES]));
    assertThat(entry.payload().isBorrowed()).isTrue();
    return entry;
  }

  @Test
  void anArrayThatIsBorrowedIsGivenBackWhenItHasBeenSent() throws Exception {
    CountDownLatch go = new CountDownLatch(1);
    List<List<Entry>> frames = new CopyOnWriteArrayList<>();
    FrameSender sender = sender(slow(go, frames));
    sender.post(1, task(1, 1));
    Entry entry = borrowing(2);
    FutureTask<Integer> framesThen =
        new FutureTask<>(
            () -> {
              sender.send(1, entry);
              return frames.size();
            });
    Thread thread = new Thread(framesThen, "test-borrower");
    thread.start();
    await().until(() -> thread.getState() == Thread.State.WAITING);
    thread.interrupt();
    go.countDown();

    assertThat(framesThen.get(20, TimeUnit.SECONDS)).isEqualTo(2);
    sender.close();
    assertThat(sender.awaitEnd(LONG)).isTrue();
  }

  @Test
  void anArrayThatIsBorrowedIsGivenBackWhenItCannotBeSent() throws Exception {
    Communicator communicator = mock(Communicator.class);
    doThrow(new CommunicatorException("lost", null))
        .when(communicator)
        .send(anyInt(), anyInt(), any());
    FrameSender sender = sender(communicator);
    sender.send(1, borrowing(1));
    assertThat(failures).containsExactly("1: lost");

    sender.close();
    assertThat(sender.awaitEnd(LONG)).isTrue();
    sender.send(1, borrowing(2));
    assertThat(failures).hasSize(1);
  }
}
