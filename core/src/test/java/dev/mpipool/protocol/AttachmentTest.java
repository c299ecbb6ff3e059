package dev.mpipool.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mpipool.comm.Message;
import dev.mpipool.serial.CallCodec;
import dev.mpipool.serial.Caller;
import dev.mpipool.serial.ClassFilter;
import dev.mpipool.serial.EncodedCall;
import dev.mpipool.serial.JavaSerializer;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.serial.Payload;
import dev.mpipool.serial.TaskCall;
import java.io.InvalidClassException;
import java.io.ObjectInputFilter;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A long byte[] is kept apart from the rest of its body, all the way. */
@Timeout(60)
class AttachmentTest {

  private static final int LONG = 256 << 10;

  private final LeanSerializer serializer = serializer(new ClassFilter(null));
  private final CallCodec codec = new CallCodec(serializer);

  private static LeanSerializer serializer(ClassFilter filter) {
    return new LeanSerializer(
        new JavaSerializer(AttachmentTest.class.getClassLoader(), filter), filter);
  }

  private static byte[] random(int length) {
    byte[] array = new byte[length];
    new Random(length).nextBytes(array);
    return array;
  }

  /** A call of code, with any arguments. */
  record Call(Object code, List<Object> arguments) implements TaskCall {
    @Override
    public int shape() {
      return 0;
    }

    @Override
    public Object call() {
      throw new IllegalStateException("it travels in parts");
    }
  }

  interface Code extends Callable<List<Object>>, Serializable {}

  private static Message message(Entry... entries) {
    List<ByteBuffer> parts = Frame.encodeInParts(List.of(entries));
    byte[] attachment = parts.size() < 2 ? null : parts.get(1).array();
    return new Message(1, 0, parts.get(0), attachment);
  }

  @Test
  void aResultIsSentFromTheArrayOfTheUserWhoWaits() throws Exception {
    byte[] value = random(LONG);
    Payload body = serializer.encodePayload(value);
    assertThat(body.isBorrowed()).isTrue();
    assertThat(message(new Entry(EntryKind.RESULT, 7, body)).attachment()).isSameAs(value);
  }

  @Test
  void aResultIsCopiedWhenItIsKeptAndNeverAgain() throws Exception {
    byte[] value = random(LONG);
    byte[] before = value.clone();
    Payload body = serializer.encodePayload(value);
    body.keep();
    assertThat(body.isBorrowed()).isFalse();
    Arrays.fill(value, (byte) 0);
    Entry answer = new Entry(EntryKind.RESULT, 7, body);
    Message message = message(new Entry(EntryKind.BUSY_TIME, 3), answer);

    List<Entry> entries = Frame.decode(message);
    assertThat(entries).containsExactly(new Entry(EntryKind.BUSY_TIME, 3), answer);
    byte[] arrived = (byte[]) serializer.decodePayload(entries.get(1).payload());
    assertThat(arrived).isSameAs(message.attachment()).isEqualTo(before);
  }

  @Test
  void onlyArraysOfACertainLengthAreKeptApart() throws Exception {
    for (int length : new int[] {0, 1, LONG - 1, LONG, LONG + 1}) {
      byte[] value = random(length);
      Payload body = serializer.encodePayload(value);
      assertThat(body.hasAttachment()).isEqualTo(length >= LONG);
      assertThat(body.length()).isEqualTo(length + 5);
      assertThat((byte[]) serializer.decodePayload(body)).isEqualTo(value);
    }
  }

  @Test
  void aTailIsReadOnce() throws Exception {
    Payload body = serializer.encodePayload(random(LONG));
    serializer.decodePayload(body);
    assertThatThrownBy(() -> serializer.decodePayload(body))
        .hasMessageContaining("impossible length");

    Payload joined = Payload.of(serializer.encodePayload(random(LONG)).toBuffer());
    assertThat(serializer.decodePayload(joined)).isEqualTo(random(LONG));
    assertThatThrownBy(() -> serializer.decodePayload(joined))
        .hasMessageContaining("impossible length");
  }

  @Test
  void whereTailsAreNotKeptApartTheArrayIsTheEndOfTheMessage() throws Exception {
    byte[] value = random(LONG);
    Entry answer = new Entry(EntryKind.RESULT, 7, serializer.encodePayload(value));
    ByteBuffer whole = message(answer).data();

    assertThat(whole).isEqualTo(Frame.encode(List.of(answer)));
    Entry arrived = Frame.decode(whole).get(0);
    assertThat(arrived).isEqualTo(answer);
    assertThat(serializer.decode(arrived.bytes())).isEqualTo(value);
    assertThat(serializer.decode(serializer.encode(value))).isEqualTo(value);
  }

  @Test
  void ofSeveralLongArraysOneIsTheAttachment() throws Exception {
    byte[] first = random(LONG + 1);
    byte[] second = random(LONG + 2);
    byte[] third = random(LONG + 3);
    Code code = () -> List.of(first, 5, second);
    List<List<Object>> argumentLists =
        List.of(List.of(), List.of(third), List.of("short", third, third));
    for (List<Object> arguments : argumentLists) {
      EncodedCall encoded = codec.encode(new Call(code, arguments));
      Message message = message(new Entry(EntryKind.TASK, 1, encoded.payload()));
      Object made = codec.prepare(serializer.decode(encoded.code().encoded()), loader());
      List<Object> arrived = new ArrayList<>();
      codec.decode(Frame.decode(message).get(0).payload(), () -> made, collect(arrived)).call();

      assertThat(arrived.get(0)).isSameAs(message.attachment()).isEqualTo(first);
      assertThat(arrived.get(2)).isEqualTo(second);
      assertThat(arrived.subList(3, arrived.size()).toArray()).isEqualTo(arguments.toArray());
    }
  }

  private static ClassLoader loader() {
    return AttachmentTest.class.getClassLoader();
  }

  private static Caller collect(List<Object> arrived) {
    return (shape, code, a, b, c) -> {
      arrived.addAll(((Code) code).call());
      for (Object argument : new Object[] {a, b, c}) {
        if (argument != null) {
          arrived.add(argument);
        }
      }
      return null;
    };
  }

  @Test
  void theFilterIsAskedAboutTheAttachment() throws Exception {
    ClassFilter filter = new ClassFilter(ObjectInputFilter.Config.createFilter("maxarray=" + LONG));
    LeanSerializer asking = serializer(filter);

    assertThat((byte[]) asking.decodePayload(serializer.encodePayload(random(LONG)))).hasSize(LONG);
    assertThatThrownBy(() -> asking.decodePayload(serializer.encodePayload(random(LONG + 1))))
        .isInstanceOf(InvalidClassException.class);
  }

  @Test
  void whatLiesAboutTheAttachmentIsRefused() throws Exception {
    byte[] value = random(LONG);
    Message right = message(new Entry(EntryKind.RESULT, 7, serializer.encodePayload(value)));
    ByteBuffer beginning = right.beginning();
    for (int length : new int[] {0, 1, LONG - 1, LONG + 1, 2 * LONG}) {
      byte[] attachment = Arrays.copyOf(value, length);
      assertThatThrownBy(() -> Frame.decode(new Message(1, 0, beginning, attachment)))
          .isInstanceOf(DamagedFrameException.class);
    }
    assertThatThrownBy(() -> Frame.decode(beginning)).isInstanceOf(DamagedFrameException.class);
    ByteBuffer small = Frame.encode(List.of(new Entry(EntryKind.PONG, 0)));
    for (int length : new int[] {1, LONG}) {
      assertThatThrownBy(() -> Frame.decode(new Message(1, 0, small, new byte[length])))
          .isInstanceOf(DamagedFrameException.class);
    }
  }

  @Test
  void valuesThatLieAboutTheAttachmentCannotBeRead() throws Exception {
    byte[] attachment = random(LONG);
    for (int length : new int[] {-1, 0, 1, LONG - 1, LONG + 1, Integer.MAX_VALUE}) {
      byte[] value = ByteBuffer.allocate(5).put((byte) 125).putInt(length).array();
      Payload apart = Payload.of(ByteBuffer.wrap(value), attachment.clone());
      assertThatThrownBy(() -> serializer.decodePayload(apart)).hasMessageContaining("impossible");
      Payload joined = Payload.of(Payload.of(ByteBuffer.wrap(value), attachment).toBuffer());
      assertThatThrownBy(() -> serializer.decodePayload(joined))
          .hasMessageMatching(".*impossible.*|\\d+ bytes follow a value");
    }
    ByteBuffer inAChunk = ByteBuffer.allocate(100).put((byte) 125).putInt(95).flip().limit(100);
    assertThatThrownBy(() -> serializer.read(inAChunk)).hasMessageContaining("end");
  }

  @Test
  void aMessageDividedAnywhereIsRefusedOrReadAsExactlyWhatItSays() throws Exception {
    byte[] whole =
        message(
                new Entry(EntryKind.BUSY_TIME, 3),
                new Entry(EntryKind.RESULT, 7, serializer.encodePayload("some words")))
            .data()
            .array();
    int read = 0;
    for (int at = 0; at <= whole.length; at++) {
      byte[] attachment = Arrays.copyOfRange(whole, at, whole.length);
      Message divided = new Message(1, 0, ByteBuffer.wrap(whole, 0, at), attachment);
      try {
        assertThat(Frame.decode(divided)).isEqualTo(Frame.decode(ByteBuffer.wrap(whole)));
        read++;
      } catch (DamagedFrameException e) {
        assertThat(e).hasMessageContaining(at + " bytes");
      }
    }
    assertThat(read)
        .isEqualTo("some words".length() + 5 + 1); // where the last body is, or its ends
  }
}
