package dev.mpipool.files;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * What is in files of results, finished or growing: records, one a task, behind a header.
 *
 * <pre>
 *   header:  | "mpt2" (int) | number of tasks, -1 if not known (long) | fingerprint of all arguments (long) |
 *            | length of the version in bytes, -1 for none (int) | CRC-32C of these and the version (int) |
 *            | version, UTF-8 |
 *   record:  | index of the task (long) | fingerprint of its argument (long) | length of the result (int) |
 *            | CRC-32C of the result (int) | CRC-32C of these (int) | result, encoded |
 * </pre>
 *
 * A record's two checksums tell a damaged result, behind which the next record can be found, from a
 * damaged head, behind which nothing can.
 */
final class ResultFormat {

  static final int HEADER_BYTES = 28;
  static final int HEAD_BYTES = 28;

  /**
   * The digit changes with the encoding of values: results of an earlier one would be read wrongly,
   * and are computed anew. Since 2, elements of arrays are little-endian.
   */
  private static final int MAGIC = 0x6d707432;

  private static final int MOST_VERSION_BYTES = 1 << 20;
  private static final int CHECKED_BYTES = 24;

  private ResultFormat() {}

  /** The head of a record. */
  record Head(long index, long fingerprint, int length, int checksum) {

    void write(ByteBuffer to) {
      int start = to.position();
      to.putLong(index).putLong(fingerprint).putInt(length).putInt(checksum);
      to.putInt(crc(to.slice(start, CHECKED_BYTES)));
    }

    /** Empty if it is not what was written. */
    static Optional<Head> read(ByteBuffer from) {
      int checksum = crc(from.slice(from.position(), CHECKED_BYTES));
      Head head = new Head(from.getLong(), from.getLong(), from.getInt(), from.getInt());
      boolean right = from.getInt() == checksum && head.length >= 0 && head.index >= 0;
      return right ? Optional.of(head) : Optional.empty();
    }
  }

  static byte[] header(TaskList tasks) {
    byte[] version = tasks.version().map(text -> text.getBytes(UTF_8)).orElse(new byte[0]);
    ByteBuffer header = ByteBuffer.allocate(HEADER_BYTES + version.length);
    header.putInt(MAGIC).putLong(tasks.count()).putLong(tasks.arguments());
    header.putInt(tasks.version().isPresent() ? version.length : -1);
    header.putInt(crc(header.slice(0, CHECKED_BYTES), ByteBuffer.wrap(version))).put(version);
    return header.array();
  }

  /** How long a version follows; to be checked by {@link #tasks}. */
  static int versionLength(ByteBuffer header, Path file) throws IOException {
    int length = header.getInt(CHECKED_BYTES - Integer.BYTES);
    if (header.getInt(0) != MAGIC || length < -1 || length > MOST_VERSION_BYTES) {
      throw new DamagedFileException(
          file, "it does not begin as a file of results of this version does");
    }
    return Math.max(0, length);
  }

  static TaskList tasks(ByteBuffer header, ByteBuffer version, Path file) throws IOException {
    int length = header.getInt(CHECKED_BYTES - Integer.BYTES);
    if (header.getInt(CHECKED_BYTES) != crc(header.slice(0, CHECKED_BYTES), version.duplicate())) {
      throw new DamagedFileException(file, "the checksum of its beginning is not right");
    }
    Optional<String> text =
        length < 0 ? Optional.empty() : Optional.of(UTF_8.decode(version).toString());
    return new TaskList(header.getLong(4), header.getLong(12), text);
  }

  /** A whole record. */
  static byte[] record(long index, long fingerprint, ByteBuffer result) {
    ByteBuffer record = ByteBuffer.allocate(HEAD_BYTES + result.remaining());
    new Head(index, fingerprint, result.remaining(), crc(result.duplicate())).write(record);
    return record.put(result.duplicate()).array();
  }

  static void write(OutputStream out, long index, long fingerprint, byte[] result)
      throws IOException {
    ByteBuffer head = ByteBuffer.allocate(HEAD_BYTES);
    new Head(index, fingerprint, result.length, crc(ByteBuffer.wrap(result))).write(head);
    out.write(head.array());
    out.write(result);
  }

  static int crc(ByteBuffer... parts) {
    CRC32C checksum = new CRC32C();
    for (ByteBuffer part : parts) {
      checksum.update(part);
    }
    return (int) checksum.getValue();
  }
}
