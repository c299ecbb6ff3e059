package dev.mpipool.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class FrameTest {

  private static byte[] bytes(ByteBuffer buffer) {
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    return bytes;
  }

  private static List<Entry> randomEntries(Random random) {
    EntryKind[] kinds = EntryKind.values();
    List<Entry> entries = new ArrayList<>();
    int count = random.nextInt(6);
    for (int i = 0; i < count; i++) {
      byte[] body = new byte[random.nextInt(4) == 0 ? 0 : random.nextInt(40)];
      random.nextBytes(body);
      EntryKind kind = kinds[random.nextInt(kinds.length)];
      entries.add(new Entry(kind, random.nextLong(), ByteBuffer.wrap(body)));
    }
    return entries;
  }

  @Test
  void whatIsWrittenIsRead() throws Exception {
    Random random = new Random(1);
    for (int run = 0; run < 2_000; run++) {
      List<Entry> entries = randomEntries(random);

      assertThat(Frame.decode(Frame.encode(entries))).isEqualTo(entries);
    }
  }

  @Test
  void theChecksumIsOverTheFieldsAndTheBeginningOfEachBody() throws Exception {
    Random random = new Random(7);
    for (int run = 0; run < 2_000; run++) {
      List<Entry> entries = new ArrayList<>();
      CRC32C expected = new CRC32C();
      int count = random.nextInt(6);
      for (int i = 0; i < count; i++) {
        byte[] body = new byte[random.nextBoolean() ? random.nextInt(20) : random.nextInt(140)];
        random.nextBytes(body);
        entries.add(new Entry(EntryKind.RESULT, random.nextLong(), ByteBuffer.wrap(body)));
        expected.update(
            ByteBuffer.allocate(13)
                .put(EntryKind.RESULT.code())
                .putLong(entries.get(i).id())
                .putInt(body.length)
                .flip());
        expected.update(body, 0, Math.min(64, body.length));
      }

      ByteBuffer frame = Frame.encode(entries);
      ByteBuffer message =
          ByteBuffer.allocate(frame.limit() + 3).position(3).put(frame).position(3);

      assertThat(frame.getInt(1)).isEqualTo((int) expected.getValue());
      assertThat(Frame.decode(message)).isEqualTo(entries);
    }
  }

  @Test
  void aLongLastBodyIsNotCopied() {
    Entry small = new Entry(EntryKind.BUSY_TIME, 3, ByteBuffer.wrap(new byte[] {1, 2}));
    for (int length : new int[] {0, 1_000, 300_000, 5_000_000}) {
      byte[] body = new byte[length];
      new Random(length).nextBytes(body);
      List<Entry> entries = List.of(small, new Entry(EntryKind.RESULT, 4, ByteBuffer.wrap(body)));
      List<ByteBuffer> parts = Frame.encodeInParts(entries);
      ByteArrayOutputStream joined = new ByteArrayOutputStream();
      parts.forEach(part -> joined.writeBytes(bytes(part)));

      assertThat(joined.toByteArray()).isEqualTo(bytes(Frame.encode(entries)));
      if (length > 1_000) {
        assertThat(parts.get(parts.size() - 1).array()).isSameAs(body);
      }
    }
  }

  @Test
  void theLayoutIsAsDocumented() {
    Entry entry = new Entry(EntryKind.RESULT, 0x0102030405060708L, ByteBuffer.wrap(new byte[] {9}));

    assertThat(bytes(Frame.encode(List.of(entry))))
        .containsExactly(0xA3, 0x32, 0x01, 0x97, 0xA7, 17, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 1, 9);
  }

  @Test
  void bodiesAndMessagesMayBePartsOfLargerBuffers() throws Exception {
    ByteBuffer body = ByteBuffer.wrap(new byte[] {1, 2, 3, 4}, 1, 2);
    byte[] frame = bytes(Frame.encode(List.of(new Entry(EntryKind.TASK, 5, body))));
    byte[] padded = new byte[frame.length + 10];
    System.arraycopy(frame, 0, padded, 4, frame.length);

    List<Entry> entries = Frame.decode(ByteBuffer.wrap(padded, 4, frame.length));

    assertThat(body.remaining()).isEqualTo(2);
    assertThat(entries)
        .containsExactly(new Entry(EntryKind.TASK, 5, ByteBuffer.wrap(new byte[] {2, 3})));
  }

  @Test
  void everyTruncationIsRefused() {
    Random random = new Random(2);
    for (int run = 0; run < 200; run++) {
      byte[] frame = bytes(Frame.encode(randomEntries(random)));
      for (int length = 0; length < frame.length; length++) {
        ByteBuffer cut = ByteBuffer.wrap(frame, 0, length);
        assertThatThrownBy(() -> Frame.decode(cut)).isInstanceOf(DamagedFrameException.class);
      }
    }
  }

  @Test
  void aLongBodyIsTheSerializersToCheck() throws Exception {
    byte[] frame =
        bytes(Frame.encode(List.of(new Entry(EntryKind.TASK, 1, ByteBuffer.allocate(100)))));
    int body = frame.length - 100;
    frame[body + 63] = 1;
    assertThatThrownBy(() -> Frame.decode(ByteBuffer.wrap(frame)))
        .hasMessageContaining("another checksum");
    frame[body + 63] = 0;
    frame[body + 64] = 1;

    assertThat(Frame.decode(ByteBuffer.wrap(frame)).get(0).bytes().get(64)).isEqualTo((byte) 1);
  }

  @Test
  void randomDamageIsRefusedOrReadAsExactlyWhatItSays() {
    Random random = new Random(3);
    int refused = 0;
    for (int run = 0; run < 5_000; run++) {
      byte[] frame = bytes(Frame.encode(randomEntries(random)));
      for (int hits = 1 + random.nextInt(3); hits > 0; hits--) {
        frame[random.nextInt(frame.length)] = (byte) random.nextInt();
      }
      refused += refusedOrExact(frame) ? 1 : 0;
    }
    assertThat(refused).isGreaterThan(4_900);
  }

  @Test
  void randomBytesAreRefusedOrReadAsExactlyWhatTheySay() {
    Random random = new Random(4);
    for (int run = 0; run < 5_000; run++) {
      byte[] noise = new byte[random.nextInt(60)];
      random.nextBytes(noise);
      if (noise.length > 0 && random.nextBoolean()) {
        noise[0] = (byte) 0xA3;
      }
      refusedOrExact(noise);
    }
  }

  private static boolean refusedOrExact(byte[] message) {
    try {
      List<Entry> entries = Frame.decode(ByteBuffer.wrap(message));
      assertThat(bytes(Frame.encode(entries))).isEqualTo(message);
      return false;
    } catch (DamagedFrameException e) {
      assertThat(e).hasMessageContaining(message.length + " bytes");
      return true;
    }
  }
}
