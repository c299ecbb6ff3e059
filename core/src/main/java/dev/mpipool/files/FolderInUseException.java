package dev.mpipool.files;

import java.io.IOException;
import java.nio.file.Path;

/** A folder belongs to another process, which lives. */
public class FolderInUseException extends IOException {

  private static final long serialVersionUID = 1;

  /**
   * Creates an exception.
   *
   * @param folder the folder
   * @param owner the name of its owner, for messages
   */
  public FolderInUseException(Path folder, String owner) {
    super(
        "%s is in use by %s. Wait for its end, or end it, or take another folder"
            .formatted(folder, owner));
  }
}
