package dev.mpipool.queue;

import dev.mpipool.files.DamagedFileException;
import dev.mpipool.files.WholeFile;
import dev.mpipool.protocol.FailureReport;
import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The tasks of a chunk, or what came of them, in a file with a checksum.
 *
 * <pre>
 *   | number of the first task (int) | how many (int) | tasks ... |
 *   each:  | kind (byte) | length (int) | the task, its result, or a FailureReport |
 * </pre>
 */
final class ChunkFile {

  /** A task as it was given to map. */
  static final byte TASK = 'T';

  /** A task's result. */
  static final byte RESULT = 'R';

  /** Why a task has no result: a {@link FailureReport}. */
  static final byte FAILURE = 'F';

  /**
   * One task, or what came of it.
   *
   * @param kind one of the constants above
   * @param body encoded
   */
  record Part(byte kind, ByteBuffer body) {}

  /**
   * All of a file.
   *
   * @param first the number of the first task
   * @param parts of that task and those that follow it
   */
  record Content(int first, List<Part> parts) {}

  private ChunkFile() {}

  static void write(Path file, Content content) throws IOException {
    long length = 2L * Integer.BYTES;
    for (Part part : content.parts) {
      length += 1 + Integer.BYTES + part.body.remaining();
    }
    if (length > Integer.MAX_VALUE - 8) {
      throw new IOException(
          "The %d tasks from number %d on take %,d bytes, more than a file of a chunk holds; more chunks make smaller files"
              .formatted(content.parts.size(), content.first, length));
    }
    ByteBuffer bytes = ByteBuffer.allocate((int) length);
    bytes.putInt(content.first).putInt(content.parts.size());
    for (Part part : content.parts) {
      bytes.put(part.kind).putInt(part.body.remaining()).put(part.body.duplicate());
    }
    WholeFile.writeChecked(file, bytes.array());
  }

  static Content read(Path file) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(WholeFile.readChecked(file));
    try {
      int first = bytes.getInt();
      int count = bytes.getInt();
      List<Part> parts = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        byte kind = bytes.get();
        int length = bytes.getInt();
        parts.add(new Part(kind, bytes.slice(bytes.position(), length)));
        bytes.position(bytes.position() + length);
      }
      return new Content(first, parts);
    } catch (BufferUnderflowException | IllegalArgumentException | IndexOutOfBoundsException e) {
      throw new DamagedFileException(file, "it is no file of a chunk (%s)".formatted(e));
    }
  }
}
