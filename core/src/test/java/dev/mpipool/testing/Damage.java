package dev.mpipool.testing;

import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.Frame;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Messages as they must not come. */
public final class Damage {

  private static final int MOST_NOISE = 120;

  private Damage() {}

  /** A message like a good one, but changed, cut, lengthened, or not like it at all. */
  public static ByteBuffer of(ByteBuffer good, Random random) {
    byte[] bytes = new byte[good.remaining()];
    good.duplicate().get(bytes);
    switch (random.nextInt(5)) {
      case 0 -> bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length));
      case 1 -> bytes = Arrays.copyOf(bytes, bytes.length + 1 + random.nextInt(20));
      case 2 -> bytes = noise(random);
      default -> {
        for (int hits = 1 + random.nextInt(3); hits > 0; hits--) {
          int at = random.nextInt(bytes.length);
          bytes[at] =
              random.nextBoolean()
                  ? (byte) random.nextInt()
                  : (byte) (bytes[at] ^ 1 << random.nextInt(Byte.SIZE));
        }
      }
    }
    return ByteBuffer.wrap(bytes);
  }

  /** The same message, in half of the cases in two parts, divided anywhere, mostly in its end. */
  public static List<ByteBuffer> parts(ByteBuffer message, Random random) {
    int length = message.remaining();
    if (random.nextBoolean()) {
      return List.of(message);
    }
    int most = random.nextBoolean() ? length : Math.min(length, 20);
    int at = message.limit() - random.nextInt(most + 1);
    return List.of(message.duplicate().limit(at), message.duplicate().position(at));
  }

  /** Random bytes. */
  public static byte[] noise(Random random) {
    byte[] bytes = new byte[random.nextInt(MOST_NOISE)];
    random.nextBytes(bytes);
    return bytes;
  }

  /** A frame that is whole, with entries that make no sense, though of these numbers. */
  public static ByteBuffer forged(List<Long> numbers, Random random) {
    EntryKind[] kinds = EntryKind.values();
    List<Entry> entries = new ArrayList<>();
    for (int i = random.nextInt(3); i >= 0; i--) {
      boolean known = !numbers.isEmpty() && random.nextBoolean();
      long id = known ? numbers.get(random.nextInt(numbers.size())) : randomNumber(random);
      ByteBuffer body = ByteBuffer.wrap(random.nextInt(3) == 0 ? new byte[0] : noise(random));
      entries.add(new Entry(kinds[random.nextInt(kinds.length)], id, body));
    }
    return Frame.encode(entries);
  }

  private static long randomNumber(Random random) {
    return random.nextBoolean() ? random.nextInt(10) : random.nextLong();
  }
}
