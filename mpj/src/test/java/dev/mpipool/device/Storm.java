package dev.mpipool.device;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/**
 * Four ranks send each other messages of all sizes, tags and modes from several threads, for a
 * while, and check each one: nothing lost, nothing mixed up, nothing overtaken. From the command
 * line, on the test class path:
 *
 * <pre>
 *   java dev.mpipool.device.Storm plain|interrupts|kill SECONDS [SEED] [tcpdev|niodev]
 * </pre>
 *
 * <p>{@code kill} runs jobs of some twenty seconds one after the other, and kills two of the four
 * ranks in each.
 */
public final class Storm {

  private static final int RANKS = 4;
  private static final int JOB_SECONDS = 20;

  private Storm() {}

  /**
   * See above.
   *
   * @param args see above
   * @throws Exception if a storm fails
   */
  public static void main(String[] args) throws Exception {
    String variant = args[0];
    int seconds = Integer.parseInt(args[1]);
    long seed = args.length > 2 ? Long.parseLong(args[2]) : System.nanoTime();
    String device = args.length > 3 ? args[3] : "tcpdev";
    System.out.println("storm " + variant + " " + seconds + " s, seed " + seed);
    if (!variant.equals("kill")) {
      System.out.println(run(variant, seconds, seed, device, false));
      return;
    }
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    for (int job = 0; System.nanoTime() < end; job++) {
      long left = TimeUnit.NANOSECONDS.toSeconds(end - System.nanoTime());
      int length = (int) Math.max(3, Math.min(JOB_SECONDS, left));
      System.out.println("job " + job + ": " + run("kill", length, seed + job, device, true));
    }
  }

  /**
   * Runs one job; returns what the living had to say at the end, or throws with everything that was
   * printed.
   */
  static String run(String variant, int seconds, long seed, String device, boolean kill)
      throws Exception {
    Random random = new Random(seed);
    Ranks.Spec spec =
        Ranks.of(RANKS, StormRank.class)
            .device(device)
            .options("-Xmx512m", "-XX:MaxDirectMemorySize=2g")
            .arguments(variant, Integer.toString(seconds), Long.toString(seed));
    try (Ranks ranks = spec.start()) {
      List<Integer> killed = new ArrayList<>();
      if (kill) {
        for (int r = 0; r < RANKS; r++) {
          ranks.awaitOutput(r, "storming", Duration.ofSeconds(60));
        }
        long slice = TimeUnit.SECONDS.toMillis(seconds) / 3;
        for (int i = 0; i < 2; i++) {
          Thread.sleep(1 + random.nextInt((int) slice));
          int victim = random.nextInt(RANKS);
          victim = killed.contains(victim) ? (victim + 1) % RANKS : victim;
          killed.add(victim);
          ranks.kill(victim);
        }
      }
      List<Integer> codes = ranks.await(Duration.ofSeconds(seconds + 120L));
      StringBuilder said = new StringBuilder();
      for (int r = 0; r < RANKS; r++) {
        if (killed.contains(r)) {
          said.append("rank ").append(r).append(" killed; ");
        } else if (codes.get(r) != 0 || !ranks.output(r).contains("storm ok")) {
          throw new AssertionError("rank " + r + " ended with " + codes + "\n" + ranks.output());
        } else {
          String output = ranks.output(r);
          said.append(output.substring(output.indexOf("storm ok")).strip()).append("; ");
        }
      }
      return said.toString();
    }
  }

  /**
   * A message's bytes: as many as fit of its stream, its number, its length, and then noise that
   * follows from them.
   */
  static final class Content {

    private static final int HEADER = 16;

    private Content() {}

    static void fill(byte[] data, int stream, long number) {
      ByteBuffer b = ByteBuffer.wrap(data);
      if (data.length >= HEADER) {
        b.putInt(stream).putLong(number).putInt(data.length);
        long noise = seed(stream, number);
        while (b.remaining() >= 8) {
          noise = next(noise);
          b.putLong(noise);
        }
        while (b.hasRemaining()) {
          b.put((byte) noise);
        }
      }
    }

    static void check(byte[] data, int length, int stream, long number) {
      ByteBuffer b = ByteBuffer.wrap(data, 0, length);
      if (length < HEADER) {
        return; // its place in the sequence is checked by the next longer one
      }
      int gotStream = b.getInt();
      long gotNumber = b.getLong();
      int gotLength = b.getInt();
      if (gotStream != stream || gotNumber != number || gotLength != length) {
        throw new AssertionError(
            "expected message "
                + number
                + " of stream "
                + Integer.toHexString(stream)
                + " with "
                + length
                + " bytes, got "
                + gotNumber
                + " of "
                + Integer.toHexString(gotStream)
                + " with "
                + gotLength);
      }
      long noise = seed(stream, number);
      while (b.remaining() >= 8) {
        noise = next(noise);
        if (b.getLong() != noise) {
          throw new AssertionError("wrong bytes before " + b.position() + " of " + length);
        }
      }
      while (b.hasRemaining()) {
        if (b.get() != (byte) noise) {
          throw new AssertionError("wrong byte before " + b.position() + " of " + length);
        }
      }
    }

    private static long seed(int stream, long number) {
      return (stream * 0x9e3779b97f4a7c15L) ^ ((number * 0xc2b2ae3d27d4eb4fL) | 1);
    }

    private static long next(long x) {
      long y = x ^ (x << 13);
      y ^= y >>> 7;
      return y ^ y << 17;
    }
  }

  /** From empty to 4 MB, the small ones more often. */
  static int randomSize() {
    ThreadLocalRandom random = ThreadLocalRandom.current();
    int p = random.nextInt(1000);
    int limit = p < 500 ? 100 : p < 800 ? 5_000 : p < 970 ? 140_000 : p < 995 ? 1 << 20 : 4 << 20;
    return random.nextInt(limit + 1);
  }
}
