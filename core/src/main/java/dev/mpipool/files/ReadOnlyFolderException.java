package dev.mpipool.files;

import java.nio.file.AccessDeniedException;
import java.nio.file.Path;

/** Results cannot be saved in a folder that this process may only read. */
public final class ReadOnlyFolderException extends AccessDeniedException {

  private static final long serialVersionUID = 1;

  ReadOnlyFolderException(Path folder) {
    super(
        folder.toString(),
        null,
        "this process may not write there: the results that are there can be read, others not saved");
  }
}
