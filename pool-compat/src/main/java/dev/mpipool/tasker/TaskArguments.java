package dev.mpipool.tasker;

import dev.mpipool.files.TaskList;
import dev.mpipool.serial.Serializer;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/** The arguments of a map, and the fingerprint of each: a hash of its encoded form. */
final class TaskArguments<A> {

  private final List<A> arguments = new ArrayList<>();
  private final long[] fingerprints;
  private final TaskList list;

  TaskArguments(Iterable<? extends A> from, Optional<String> version, Serializer serializer) {
    from.forEach(arguments::add);
    MessageDigest digest = sha256();
    fingerprints = new long[arguments.size()];
    ByteBuffer all = ByteBuffer.allocate(Long.BYTES);
    MessageDigest whole = sha256();
    for (int i = 0; i < fingerprints.length; i++) {
      digest.update(encode(i, serializer));
      fingerprints[i] = ByteBuffer.wrap(digest.digest()).getLong();
      whole.update(all.putLong(0, fingerprints[i]).array());
    }
    list = new TaskList(fingerprints.length, ByteBuffer.wrap(whole.digest()).getLong(), version);
  }

  private ByteBuffer encode(int index, Serializer serializer) {
    try {
      return serializer.encode(arguments.get(index));
    } catch (Exception e) {
      throw new IllegalArgumentException(
          "The argument of task %d cannot be serialized: %s"
              .formatted(index, Objects.requireNonNullElse(e.getMessage(), e.toString())),
          e);
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every Java has it
    }
  }

  int count() {
    return fingerprints.length;
  }

  A get(int index) {
    return arguments.get(index);
  }

  long fingerprint(int index) {
    return fingerprints[index];
  }

  /** The identity of the tasks, which is saved with their results. */
  TaskList list() {
    return list;
  }
}
