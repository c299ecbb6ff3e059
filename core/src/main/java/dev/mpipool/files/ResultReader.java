package dev.mpipool.files;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Reads a file of results from its beginning to its end, record by record, so that it need not fit
 * into memory. Not safe for threads.
 */
public final class ResultReader implements AutoCloseable {

  private static final int BUFFER_BYTES = 64 * 1024;

  private final Path file;
  private final InputStream in;
  private final long size;
  private final TaskList tasks;
  private long position;
  private String end;
  private boolean torn;

  /**
   * A record of the file.
   *
   * @param index the task
   * @param fingerprint of its argument
   * @param position where in the file the record begins
   * @param result encoded; null if it is damaged
   */
  public record Entry(long index, long fingerprint, long position, ByteBuffer result) {}

  /**
   * Opens a file.
   *
   * @param file the file
   * @throws DamagedFileException if it is none of results, or its beginning is damaged or missing
   * @throws java.nio.file.NoSuchFileException if there is none
   * @throws IOException if it cannot be read
   */
  public ResultReader(Path file) throws IOException {
    this.file = file;
    in = new BufferedInputStream(Files.newInputStream(file), BUFFER_BYTES);
    try {
      size = Files.size(file);
      ByteBuffer header = ByteBuffer.wrap(in.readNBytes(ResultFormat.HEADER_BYTES));
      if (header.remaining() < ResultFormat.HEADER_BYTES) {
        throw new DamagedFileException(file, "it ends before it has begun");
      }
      int length = ResultFormat.versionLength(header, file);
      tasks = ResultFormat.tasks(header, ByteBuffer.wrap(in.readNBytes(length)), file);
      position = (long) ResultFormat.HEADER_BYTES + length;
    } catch (IOException | RuntimeException e) {
      in.close();
      throw e;
    }
  }

  /**
   * Which tasks the results belong to.
   *
   * @return as the file's beginning says
   */
  public TaskList tasks() {
    return tasks;
  }

  /**
   * The next record.
   *
   * @return null when nothing more can be read: {@link #damage} says whether that is the end
   * @throws IOException if the file cannot be read
   */
  public Entry next() throws IOException {
    long rest = size - position;
    if (rest == 0 || end != null) {
      return null;
    }
    if (rest < ResultFormat.HEAD_BYTES) {
      return torn();
    }
    Optional<ResultFormat.Head> head =
        ResultFormat.Head.read(ByteBuffer.wrap(in.readNBytes(ResultFormat.HEAD_BYTES)));
    if (head.isEmpty()) {
      return end("no record can be read from byte %d on".formatted(position));
    }
    int length = head.get().length();
    if (rest - ResultFormat.HEAD_BYTES < length) {
      return torn();
    }
    ByteBuffer result = ByteBuffer.wrap(in.readNBytes(length));
    boolean right = ResultFormat.crc(result.duplicate()) == head.get().checksum();
    long began = position;
    position += ResultFormat.HEAD_BYTES + length;
    return new Entry(head.get().index(), head.get().fingerprint(), began, right ? result : null);
  }

  private Entry torn() {
    torn = true;
    return end("it ends within a record, at byte " + position);
  }

  private Entry end(String what) {
    end = what;
    return null;
  }

  /**
   * What keeps the rest of the file from being read.
   *
   * @return empty unless {@link #next} has met such a thing
   */
  public Optional<String> damage() {
    return Optional.ofNullable(end);
  }

  /** Whether that is a record which was never written to its end. */
  boolean isTorn() {
    return torn;
  }

  /**
   * Reads all of a file and looks whether it is whole.
   *
   * @param file the file
   * @return which tasks it is of
   * @throws DamagedFileException if a task's result is missing or damaged
   * @throws java.nio.file.NoSuchFileException if there is none
   * @throws IOException if it cannot be read
   */
  public static TaskList check(Path file) throws IOException {
    try (ResultReader reader = new ResultReader(file)) {
      long next = 0;
      for (Entry record = reader.next(); record != null; record = reader.next()) {
        if (record.result() == null || record.index() != next) {
          throw new DamagedFileException(
              file, "the result of task %d is not right".formatted(next));
        }
        next++;
      }
      if (reader.end != null) {
        throw new DamagedFileException(file, reader.end);
      }
      if (next != reader.tasks.count()) {
        throw new DamagedFileException(
            file, "it has %d results of %d".formatted(next, reader.tasks.count()));
      }
      return reader.tasks;
    }
  }

  @Override
  public void close() throws IOException {
    in.close();
  }

  @Override
  public String toString() {
    return file.toString();
  }
}
