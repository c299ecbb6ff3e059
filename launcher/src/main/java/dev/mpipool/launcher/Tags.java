package dev.mpipool.launcher;

import java.nio.charset.StandardCharsets;

/** What -tag-output puts before a line. */
final class Tags {
  private Tags() {}

  static byte[] of(int rank) {
    return ("[" + rank + "] ").getBytes(StandardCharsets.US_ASCII);
  }
}
