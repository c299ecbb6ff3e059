package dev.mpipool.files;

import java.io.IOException;
import java.nio.file.Path;

/** A file does not hold what was once written into it; the code that finds it writes it anew. */
public class DamagedFileException extends IOException {

  private static final long serialVersionUID = 1;

  /**
   * Creates an exception.
   *
   * @param file the file
   * @param what what is wrong with it
   */
  public DamagedFileException(Path file, String what) {
    super(file + " is damaged: " + what);
  }
}
