package dev.mpipool.launcher;

import java.util.Arrays;

/**
 * Collects bytes and hands out those that make whole lines, each with a tag before it. Not
 * thread-safe.
 */
final class Lines {
  /** A line longer than this is handed out in pieces, lest an endless one fill the memory. */
  private static final int LONGEST = 1 << 20;

  private final byte[] tag;
  private byte[] bytes = new byte[1 << 13];
  private int length;
  private boolean atStart = true;

  Lines(byte[] tag) {
    this.tag = tag;
  }

  void add(byte[] chunk, int from, int n) {
    int start = from;
    for (int i = from; tag.length > 0 && i < from + n; i++) {
      if (atStart) {
        append(chunk, start, i - start);
        append(tag, 0, tag.length);
        start = i;
      }
      atStart = chunk[i] == '\n';
    }
    append(chunk, start, from + n - start);
  }

  /** All whole lines so far. */
  byte[] takeWhole() {
    int end = length;
    while (end > 0 && bytes[end - 1] != '\n') {
      end--;
    }
    return remove(end == 0 && length >= LONGEST ? length : end);
  }

  /** All there is, a line without an end included. */
  byte[] takeAll() {
    return remove(length);
  }

  private byte[] remove(int end) {
    byte[] taken = Arrays.copyOf(bytes, end);
    System.arraycopy(bytes, end, bytes, 0, length - end);
    length -= end;
    return taken;
  }

  private void append(byte[] source, int from, int n) {
    if (length + n > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(length + n, 2 * bytes.length));
    }
    System.arraycopy(source, from, bytes, length, n);
    length += n;
  }
}
