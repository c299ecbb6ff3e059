package dev.mpipool.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mpipool.comm.Message;
import dev.mpipool.serial.Body;
import dev.mpipool.serial.CallCodec;
import dev.mpipool.serial.Caller;
import dev.mpipool.serial.ClassFilter;
import dev.mpipool.serial.EncodedCall;
import dev.mpipool.serial.Envelope;
import dev.mpipool.serial.JavaSerializer;
import dev.mpipool.serial.LeanSerializer;
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
class TailTest {

  private static final int LONG = 256 << 10;

  private final LeanSerializer serializer = serializer(new ClassFilter(null));
  private final CallCodec codec = new CallCodec(serializer);

  private static LeanSerializer serializer(ClassFilter filter) {
    return new LeanSerializer(new JavaSerializer(TailTest.class.getClassLoader(), filter), filter);
  }

  private static byte[] random(int length) {
    byte[] array = new byte[length];
    new Random(length).nextBytes(array);
    return array;
  }

  /** A call of code, with any arguments. */
  record Call(Object code, List<Object> arguments) implements Envelope {
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
    byte[] tail = parts.size() < 2 ? null : parts.get(1).array();
    return new Message(1, 0, parts.get(0), tail);
  }

  @Test
  void aResultIsSentFromTheArrayOfTheUserWhoWaits() throws Exception {
    byte[] value = random(LONG);
    Body body = serializer.encodeBody(value);
    assertThat(body.isBorrowed()).isTrue();
    assertThat(message(new Entry(EntryKind.RESULT, 7, body)).tail()).isSameAs(value);
  }

  @Test
  void aResultIsCopiedWhenItIsKeptAndNeverAgain() throws Exception {
    byte[] value = random(LONG);
    byte[] before = value.clone();
    Body body = serializer.encodeBody(value);
    body.keep();
    assertThat(body.isBorrowed()).isFalse();
    Arrays.fill(value, (byte) 0);
    Entry answer = new Entry(EntryKind.RESULT, 7, body);
    Message message = message(new Entry(EntryKind.BUSY_TIME, 3), answer);

    List<Entry> entries = Frame.decode(message);
    assertThat(entries).containsExactly(new Entry(EntryKind.BUSY_TIME, 3), answer);
    byte[] arrived = (byte[]) serializer.decodeBody(entries.get(1).content());
    assertThat(arrived).isSameAs(message.tail()).isEqualTo(before);
  }

  @Test
  void onlyArraysOfACertainLengthAreKeptApart() throws Exception {
    for (int length : new int[] {0, 1, LONG - 1, LONG, LONG + 1}) {
      byte[] value = random(length);
      Body body = serializer.encodeBody(value);
      assertThat(body.hasTail()).isEqualTo(length >= LONG);
      assertThat(body.length()).isEqualTo(length + 5);
      assertThat((byte[]) serializer.decodeBody(body)).isEqualTo(value);
    }
  }

  @Test
  void aTailIsReadOnce() throws Exception {
    Body body = serializer.encodeBody(random(LONG));
    serializer.decodeBody(body);
    assertThatThrownBy(() -> serializer.decodeBody(body)).hasMessageContaining("impossible length");

    Body joined = Body.of(serializer.encodeBody(random(LONG)).toBuffer());
    assertThat(serializer.decodeBody(joined)).isEqualTo(random(LONG));
    assertThatThrownBy(() -> serializer.decodeBody(joined))
        .hasMessageContaining("impossible length");
  }

  @Test
  void whereTailsAreNotKeptApartTheArrayIsTheEndOfTheMessage() throws Exception {
    byte[] value = random(LONG);
    Entry answer = new Entry(EntryKind.RESULT, 7, serializer.encodeBody(value));
    ByteBuffer whole = message(answer).data();

    assertThat(whole).isEqualTo(Frame.encode(List.of(answer)));
    Entry arrived = Frame.decode(whole).get(0);
    assertThat(arrived).isEqualTo(answer);
    assertThat(serializer.decode(arrived.body())).isEqualTo(value);
    assertThat(serializer.decode(serializer.encode(value))).isEqualTo(value);
  }

  @Test
  void ofSeveralLongArraysOneIsTheTail() throws Exception {
    byte[] first = random(LONG + 1);
    byte[] second = random(LONG + 2);
    byte[] third = random(LONG + 3);
    Code code = () -> List.of(first, 5, second);
    List<List<Object>> argumentLists =
        List.of(List.of(), List.of(third), List.of("short", third, third));
    for (List<Object> arguments : argumentLists) {
      EncodedCall encoded = codec.encode(new Call(code, arguments));
      Message message = message(new Entry(EntryKind.TASK, 1, encoded.body()));
      Object made = codec.prepare(serializer.decode(encoded.code().encoded()), loader());
      List<Object> arrived = new ArrayList<>();
      codec.decode(Frame.decode(message).get(0).content(), () -> made, collect(arrived)).call();

      assertThat(arrived.get(0)).isSameAs(message.tail()).isEqualTo(first);
      assertThat(arrived.get(2)).isEqualTo(second);
      assertThat(arrived.subList(3, arrived.size()))
          .usingRecursiveComparison()
          .isEqualTo(new ArrayList<>(arguments));
    }
  }

  private static ClassLoader loader() {
    return TailTest.class.getClassLoader();
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
  void theFilterIsAskedAboutTheTail() throws Exception {
    ClassFilter filter = new ClassFilter(ObjectInputFilter.Config.createFilter("maxarray=" + LONG));
    LeanSerializer asking = serializer(filter);

    assertThat((byte[]) asking.decodeBody(serializer.encodeBody(random(LONG)))).hasSize(LONG);
    assertThatThrownBy(() -> asking.decodeBody(serializer.encodeBody(random(LONG + 1))))
        .isInstanceOf(InvalidClassException.class);
  }

  @Test
  void whatLiesAboutTheTailIsRefused() throws Exception {
    byte[] value = random(LONG);
    Message right = message(new Entry(EntryKind.RESULT, 7, serializer.encodeBody(value)));
    ByteBuffer beginning = right.beginning();
    for (int length : new int[] {0, 1, LONG - 1, LONG + 1, 2 * LONG}) {
      byte[] tail = Arrays.copyOf(value, length);
      assertThatThrownBy(() -> Frame.decode(new Message(1, 0, beginning, tail)))
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
  void valuesThatLieAboutTheTailCannotBeRead() throws Exception {
    byte[] tail = random(LONG);
    for (int length : new int[] {-1, 0, 1, LONG - 1, LONG + 1, Integer.MAX_VALUE}) {
      byte[] value = ByteBuffer.allocate(5).put((byte) 125).putInt(length).array();
      Body apart = Body.of(ByteBuffer.wrap(value), tail.clone());
      assertThatThrownBy(() -> serializer.decodeBody(apart)).hasMessageContaining("impossible");
      Body joined = Body.of(Body.of(ByteBuffer.wrap(value), tail).toBuffer());
      assertThatThrownBy(() -> serializer.decodeBody(joined))
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
                new Entry(EntryKind.RESULT, 7, serializer.encodeBody("some words")))
            .data()
            .array();
    int read = 0;
    for (int at = 0; at <= whole.length; at++) {
      byte[] tail = Arrays.copyOfRange(whole, at, whole.length);
      Message divided = new Message(1, 0, ByteBuffer.wrap(whole, 0, at), tail);
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
