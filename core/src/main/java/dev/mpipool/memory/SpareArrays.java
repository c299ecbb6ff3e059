package dev.mpipool.memory;

import java.lang.ref.SoftReference;
import java.util.Arrays;

/**
 * Arrays of encoded chunks that are no longer needed, for other chunks: allocating a long array
 * takes about as long as filling it, since it is cleared first, and has to be collected later.
 *
 * <p>Holds at most {@value #MOST_BYTES} bytes, and lets them go when the heap gets full. Arrays are
 * not cleared. Thread-safe.
 */
public final class SpareArrays {

  /** The shortest array that is kept; shorter ones cost little. */
  public static final int SHORTEST = 64 << 10;

  private static final int MOST_BYTES = 32 << 20;
  private static final int MOST = 32;

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static final SoftReference<byte[]>[] SPARE = new SoftReference[MOST];

  /** Where the oldest may be. */
  private static int next;

  private SpareArrays() {}

  /**
   * An array whose contents do not matter.
   *
   * @param length the shortest that will do
   * @return an array of this length or up to twice as long, to which there is no other reference
   */
  public static byte[] atLeast(int length) {
    byte[] spare = length < SHORTEST ? null : take(length, (int) Math.min(2L * length, MOST_BYTES));
    return spare == null ? new byte[length] : spare;
  }

  /**
   * A spare array of this length.
   *
   * @param length in bytes
   * @return an array to which there is no other reference, or null if none is spare
   */
  public static byte[] exactly(int length) {
    return length < SHORTEST ? null : take(length, length);
  }

  /**
   * Takes an array over.
   *
   * @param array to which there is no other reference
   */
  public static void give(byte[] array) {
    if (array.length >= SHORTEST && array.length <= MOST_BYTES / 2) {
      try {
        keep(new SoftReference<>(array));
      } catch (OutOfMemoryError e) {
        // then there is one array less
      }
    }
  }

  private static synchronized byte[] take(int shortest, int longest) {
    for (int i = 0; i < MOST; i++) {
      byte[] spare = SPARE[i] == null ? null : SPARE[i].get();
      if (spare != null && spare.length >= shortest && spare.length <= longest) {
        SPARE[i] = null;
        return spare;
      }
    }
    return null;
  }

  private static synchronized void keep(SoftReference<byte[]> spare) {
    SPARE[next] = spare;
    next = (next + 1) % MOST;
    for (int i = next; bytes() > MOST_BYTES; i = (i + 1) % MOST) { // the oldest first
      SPARE[i] = null;
    }
  }

  private static long bytes() {
    long bytes = 0;
    for (SoftReference<byte[]> each : SPARE) {
      byte[] spare = each == null ? null : each.get();
      bytes += spare == null ? 0 : spare.length;
    }
    return bytes;
  }

  /** Lets go of all. */
  static synchronized void clear() {
    Arrays.fill(SPARE, null);
  }
}
