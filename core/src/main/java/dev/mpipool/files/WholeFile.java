package dev.mpipool.files;

import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.UUID;
import java.util.zip.CRC32C;

/**
 * Writes files that are there whole or not at all, whenever the writer is killed.
 *
 * <p>The content goes into a temporary file beside the target, which then takes the target's name.
 * A writer that is killed may leave its temporary file, whose name begins with a dot and ends in
 * {@code .tmp}. What is written <i>checked</i> has a header, by which damage is noticed:
 *
 * <pre>
 *   | "mpw2" (int) | length of the content (long) | its CRC-32C (int) | the content ... |
 * </pre>
 */
public final class WholeFile {

  /** The digit changes with the encoding of values, as that of {@link ResultFormat} does. */
  private static final int MAGIC = 0x6d707732;

  private static final int HEADER_BYTES = Integer.BYTES + Long.BYTES + Integer.BYTES;

  private static final int BUFFER_BYTES = 64 * 1024;

  private WholeFile() {}

  /**
   * Replaces a file or makes it. When this returns, the content also survives the machine's crash;
   * that takes a disk's time, some milliseconds.
   *
   * @param file in a folder that exists
   * @param content all of it
   * @throws IOException if it could not be written; then the file is as it was
   */
  public static void write(Path file, byte[] content) throws IOException {
    replace(file, true, out -> out.write(content));
    syncFolder(file);
  }

  /**
   * Replaces a file or makes it, as {@link #write(Path, byte[])} does, with content that need not
   * fit into memory.
   *
   * @param file in a folder that exists
   * @param content writes all of it
   * @throws IOException if it could not be written, or the content threw it; then the file is as it
   *     was
   */
  public static void write(Path file, Content content) throws IOException {
    replace(file, true, content);
    syncFolder(file);
  }

  /** Writes a file's content. */
  @FunctionalInterface
  public interface Content {

    /**
     * Writes all of it.
     *
     * @param out buffered; closed by the caller
     * @throws IOException if it cannot be had or written
     */
    void writeTo(OutputStream out) throws IOException;
  }

  /**
   * Like {@link #write(Path, byte[])}, for what need not survive the machine's crash, after which
   * the file may be as before, or empty.
   *
   * @param file in a folder that exists
   * @param content all of it
   * @throws IOException if it could not be written; then the file is as it was
   */
  public static void writeQuickly(Path file, byte[] content) throws IOException {
    replace(file, false, out -> out.write(content));
  }

  /**
   * Makes a file that must not exist yet: of several processes that try, one makes it.
   *
   * @param file in a folder that exists
   * @param content all of it
   * @return whether this call made it
   * @throws IOException if it could not be written
   */
  public static boolean create(Path file, byte[] content) throws IOException {
    Path temporary = temporary(file, false, out -> out.write(content));
    try {
      return link(temporary, file, content);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  /**
   * Replaces a file or makes it, as {@link #write(Path, byte[])} does, with a checksum.
   *
   * @param file in a folder that exists
   * @param content all of it
   * @throws IOException if it could not be written; then the file is as it was
   */
  public static void writeChecked(Path file, byte[] content) throws IOException {
    ByteBuffer header = ByteBuffer.allocate(HEADER_BYTES);
    header.putInt(MAGIC).putLong(content.length).putInt(checksum(content, 0));
    replace(
        file,
        true,
        out -> {
          out.write(header.array());
          out.write(content);
        });
    syncFolder(file);
  }

  /**
   * Reads what {@link #writeChecked} wrote.
   *
   * @param file the file
   * @return the content
   * @throws DamagedFileException if it is anything else
   * @throws java.nio.file.NoSuchFileException if there is none
   * @throws IOException if it could not be read
   */
  public static byte[] readChecked(Path file) throws IOException {
    ByteBuffer all = ByteBuffer.wrap(Files.readAllBytes(file));
    if (all.remaining() < HEADER_BYTES || all.getInt() != MAGIC) {
      throw new DamagedFileException(file, "it does not begin as such a file of this version does");
    }
    long length = all.getLong();
    int checksum = all.getInt();
    if (all.remaining() != length) {
      throw new DamagedFileException(
          file, "it has %d bytes where there were %d".formatted(all.remaining(), length));
    }
    if (checksum(all.array(), HEADER_BYTES) != checksum) {
      throw new DamagedFileException(file, "its checksum is not that of its content");
    }
    byte[] content = new byte[all.remaining()];
    all.get(content);
    return content;
  }

  private static int checksum(byte[] bytes, int from) {
    CRC32C checksum = new CRC32C();
    checksum.update(bytes, from, bytes.length - from);
    return (int) checksum.getValue();
  }

  private static void replace(Path file, boolean durable, Content content) throws IOException {
    Path temporary = temporary(file, durable, content);
    try {
      Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException | RuntimeException e) {
      Files.deleteIfExists(temporary);
      throw e;
    }
  }

  /** Writes a file beside the target. */
  private static Path temporary(Path target, boolean durable, Content content) throws IOException {
    Path made =
        target.resolveSibling("." + target.getFileName() + "." + UUID.randomUUID() + ".tmp");
    try (FileChannel channel = FileChannel.open(made, CREATE_NEW, WRITE)) {
      OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel), BUFFER_BYTES);
      content.writeTo(out);
      out.flush();
      if (durable) {
        channel.force(true);
      }
    } catch (IOException | RuntimeException e) {
      Files.deleteIfExists(made);
      throw e;
    }
    return made;
  }

  /** A second name for a whole file: the only way to make one that is both new and complete. */
  private static boolean link(Path whole, Path name, byte[] content) throws IOException {
    try {
      Files.createLink(name, whole);
      return true;
    } catch (FileAlreadyExistsException e) {
      return false;
    } catch (UnsupportedOperationException | FileSystemException e) {
      return createWithoutLinks(name, content);
    }
  }

  /** Where files have one name only: new, but for a moment empty. */
  private static boolean createWithoutLinks(Path name, byte[] content) throws IOException {
    try {
      Files.write(name, content, CREATE_NEW, WRITE);
      return true;
    } catch (FileAlreadyExistsException e) {
      return false;
    }
  }

  /**
   * The new name survives a crash as well; where folders cannot be opened, the system sees to it.
   */
  static void syncFolder(Path file) throws IOException {
    FileChannel folder;
    try {
      folder = FileChannel.open(file.toAbsolutePath().getParent(), READ);
    } catch (IOException e) {
      return;
    }
    try (folder) {
      folder.force(true);
    }
  }
}
