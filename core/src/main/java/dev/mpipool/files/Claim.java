package dev.mpipool.files;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/**
 * The right of one process to work in a folder, until it gives it back or dies.
 *
 * <p>Got from {@link Claims#take}. In the folder it is a file {@code claim.1}, or a higher number,
 * that names job, host and process. All methods may be called from any thread.
 */
public final class Claim implements AutoCloseable {

  private final Claims claims;
  private final Path file;
  private final byte[] content;

  Claim(Claims claims, Path file, byte[] content) {
    this.claims = claims;
    this.file = file;
    this.content = content.clone();
  }

  /**
   * Whether the claim still stands. It does not when others could not see for a long time that it
   * was kept fresh, and took this process for dead.
   *
   * @return false if it fell to another, or was given back
   */
  public boolean isHeld() {
    try {
      return Arrays.equals(Files.readAllBytes(file), content);
    } catch (NoSuchFileException e) {
      return false;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Gives the claim back. Does nothing when that was done already. */
  @Override
  public void close() {
    claims.forget(this);
    try {
      if (isHeld()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Shows others that this process lives: the file's time becomes the file system's present. */
  void refresh() throws IOException {
    Files.write(
        file,
        content,
        StandardOpenOption.WRITE,
        StandardOpenOption.DSYNC,
        LinkOption.NOFOLLOW_LINKS); // others may write the folder, and link to what is ours
  }
}
