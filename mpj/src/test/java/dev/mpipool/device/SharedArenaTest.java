package dev.mpipool.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SharedArenaTest {

  private SharedArena sender;
  private SharedArena receiver;

  private record Sent(long place, int length, int content) {}

  @BeforeEach
  void open() {
    sender = SharedArena.create();
    assumeThat(sender).as("shared memory is there").isNotNull();
    receiver = SharedArena.open(ProcessHandle.current().pid(), sender.descriptor(), sender.token());
    assertThat(receiver).isNotNull();
    sender.endOffer();
  }

  @AfterEach
  void close() {
    if (sender != null) {
      sender.close();
    }
  }

  private static ByteBuffer message(int length, int content) {
    ByteBuffer message = ByteBuffer.allocate(length);
    while (message.remaining() >= Integer.BYTES) {
      message.putInt(content * 31 + message.position());
    }
    return message.flip().limit(length);
  }

  @Test
  void messagesArriveAsTheyWereSentHoweverLongTheyAre() {
    Random random = new Random(7);
    Deque<Sent> there = new ArrayDeque<>();
    int received = 0;
    int refused = 0;
    while (received < 3_000) {
      int length = random.nextInt(10) == 0 ? random.nextInt(3 << 20) : random.nextInt(300_000);
      long place = sender.place(length);
      if (place < 0) {
        refused++;
      } else {
        ByteBuffer all = message(length, there.size() + received);
        int first = random.nextInt(length + 1);
        sender.put(place, all.slice(0, first));
        sender.put(place + first, all.slice(first, length - first));
        there.add(new Sent(place, length, there.size() + received));
      }
      while (!there.isEmpty() && (place < 0 || random.nextInt(3) == 0)) {
        Sent sent = there.poll();
        ByteBuffer found = receiver.message(sent.place, sent.length);
        assertThat(found).isNotNull();
        assertThat(found.equals(message(sent.length, sent.content)))
            .as("message %d of %d bytes at %d", received, sent.length, sent.place)
            .isTrue();
        receiver.done(sent.place, sent.length);
        received++;
      }
    }
    assertThat(refused).isPositive();
  }

  @Test
  void whereThereIsNoRoomTheSenderHearsSoUntilTheReceiverHasCopiedSomething() {
    int length = SharedArena.BYTES / 4;
    long[] places = new long[4];
    for (int i = 0; i < 4; i++) {
      places[i] = sender.place(length);
      sender.put(places[i], ByteBuffer.allocate(length));
    }
    assertThat(sender.place(1)).isNegative();
    receiver.done(places[0], length);
    assertThat(sender.place(length)).isNotNegative();
    assertThat(sender.place(length + 1)).isNegative();
  }

  @Test
  void aMessageMayTakeHalfOfTheMemoryAndNoMore() {
    assertThat(sender.place(SharedArena.LONGEST)).isZero();
    assertThat(sender.place(SharedArena.LONGEST + 1)).isNegative();
  }

  @Test
  void whatCannotBeAMessageIsNone() {
    assertThat(receiver.message(-1, 10)).isNull();
    assertThat(receiver.message(0, -1)).isNull();
    assertThat(receiver.message(0, SharedArena.LONGEST + 1)).isNull();
    assertThat(receiver.message(SharedArena.BYTES - 10, 11)).isNull();
    assertThat(receiver.message(SharedArena.BYTES - 10, 10)).isNotNull();
  }

  @Test
  void memoryWithAnotherNumberIsNotOpened() {
    SharedArena other = SharedArena.create();
    assumeThat(other).isNotNull();
    long pid = ProcessHandle.current().pid();
    assertThat(SharedArena.open(pid, other.descriptor(), other.token() + 1)).isNull();
    assertThat(SharedArena.open(pid, other.descriptor(), other.token())).isNotNull();
    other.close();
  }
}
