package dev.mpipool.protocol;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.stream.Stream;

/**
 * A task that several workers run together, as one of them gets it.
 *
 * <pre>
 *   | number of the group (long) | this member (int) | members (int) | their ranks (int each) | task |
 * </pre>
 *
 * @param group the number of the group, unique in the pool
 * @param member which of the members the receiver is, from 0
 * @param ranks the members' ranks in the pool
 * @param task the encoded task
 */
public record GroupTask(long group, int member, List<Integer> ranks, ByteBuffer task) {

  /**
   * This task as bytes.
   *
   * @return the payload of a {@link EntryKind#GROUP} entry
   */
  public ByteBuffer encode() {
    ByteBuffer payload =
        ByteBuffer.allocate(Long.BYTES + (2 + ranks.size()) * Integer.BYTES + task.remaining());
    payload.putLong(group).putInt(member).putInt(ranks.size());
    ranks.forEach(payload::putInt);
    return payload.put(task.duplicate()).flip();
  }

  /**
   * Reads a task.
   *
   * @param payload the payload of a {@link EntryKind#GROUP} entry
   * @return the task, whose bytes are a part of the payload
   * @throws IOException if the payload is anything else
   */
  public static GroupTask decode(ByteBuffer payload) throws IOException {
    ByteBuffer in = payload.duplicate();
    if (in.remaining() < Long.BYTES + 2 * Integer.BYTES) {
      throw new IOException("a group task ends too early");
    }
    long group = in.getLong();
    int member = in.getInt();
    int size = in.getInt();
    if (size < 1 || member < 0 || member >= size || size > in.remaining() / Integer.BYTES) {
      throw new IOException("a group task with member %d of %d".formatted(member, size));
    }
    List<Integer> ranks = Stream.generate(in::getInt).limit(size).toList();
    return new GroupTask(group, member, ranks, in.slice());
  }
}
