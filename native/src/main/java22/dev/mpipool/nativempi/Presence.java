package dev.mpipool.nativempi;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file of {@code bin/mpjrun.sh -dev native} that is not empty from rank 0's start until its
 * shutdown hooks run, or a rank aborts the job. If it is not empty after the job's end, the
 * launcher of the MPI has killed rank 0, as some do at once when another rank is lost.
 */
final class Presence {

  /** The path of the file; the launcher's class NativeJob knows this property, too. */
  private static final String PROPERTY = "mpipool.native.presence";

  private Presence() {}

  static void begin() {
    put("present");
  }

  static void end() {
    put("");
  }

  /** On another host than the launcher's there is no such file, and none is made. */
  private static void put(String text) {
    String file = System.getProperty(PROPERTY);
    if (file != null) {
      try {
        Files.writeString(
            Path.of(file), text, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING);
      } catch (IOException e) {
        return; // the launcher says less
      }
    }
  }
}
