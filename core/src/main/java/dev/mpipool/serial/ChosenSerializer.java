package dev.mpipool.serial;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.apache.commons.lang3.ClassUtils;

/** The serializer that the user has chosen, with errors that say which class and which one. */
final class ChosenSerializer implements Serializer {

  private final Serializer chosen;

  ChosenSerializer(Serializer chosen) {
    this.chosen = chosen;
  }

  /** Its message says enough; its causes add nothing. */
  static final class Failure extends IOException {
    private static final long serialVersionUID = 1;

    private Failure(String message, Throwable cause) {
      super(message, cause);
    }
  }

  @Override
  public ByteBuffer encode(Object value) throws Failure {
    try {
      return Objects.requireNonNull(chosen.encode(value), "no bytes");
    } catch (Exception | Error e) {
      throw new Failure(
          "class %s cannot be written by %s: %s"
              .formatted(ClassUtils.getName(value, "null"), format(), e),
          e);
    }
  }

  @Override
  public Object decode(ByteBuffer bytes) throws Failure {
    try {
      return chosen.decode(bytes);
    } catch (Exception | Error e) {
      throw new Failure("it cannot be read by %s: %s".formatted(format(), e), e);
    }
  }

  /**
   * Encodes values that are one graph.
   *
   * <pre>
   *   | number of parts (int) | part | part | ... |
   *   part:  | length in bytes (int) | a value, or, if it is the only part of several values, a list |
   * </pre>
   *
   * @param values one or more
   */
  ByteBuffer encodeAll(List<?> values) throws Failure {
    List<ByteBuffer> parts = new ArrayList<>();
    if (values.size() > 1) {
      try {
        parts.add(encode(new ArrayList<>(values)));
      } catch (Failure e) {
        parts.clear(); // either a value cannot be written, which shows now, or no list can
      }
    }
    if (parts.isEmpty()) {
      for (Object value : values) {
        parts.add(encode(value));
      }
    }
    long length = Integer.BYTES;
    for (ByteBuffer part : parts) {
      length += Integer.BYTES + part.remaining();
    }
    if (length > Payload.MAX_BYTES) {
      throw new Failure(
          "%d bytes are too many for one task, of which %d are the most"
              .formatted(length, Payload.MAX_BYTES),
          null);
    }
    ByteBuffer all = ByteBuffer.allocate((int) length).putInt(parts.size());
    for (ByteBuffer part : parts) {
      all.putInt(part.remaining()).put(part.duplicate());
    }
    return all.flip();
  }

  /**
   * Decodes values.
   *
   * @param bytes as {@link #encodeAll} made them
   * @param count how many values
   */
  Object[] decodeAll(ByteBuffer bytes, int count) throws IOException {
    int parts = bytes.getInt();
    if (parts == 1 && count > 1) {
      Object list = decode(FlatValues.part(bytes, 1));
      if (list instanceof List<?> values && values.size() == count) {
        return values.toArray();
      }
      throw new Failure(
          "%s has made a %s of a list of %d values"
              .formatted(format(), ClassUtils.getName(list, "null"), count),
          null);
    }
    if (parts != count) {
      throw new IOException("%d values instead of %d".formatted(parts, count));
    }
    Object[] values = new Object[count];
    for (int i = 0; i < count; i++) {
      values[i] = decode(FlatValues.part(bytes, 1));
    }
    return values;
  }

  @Override
  public String format() {
    return chosen.format();
  }
}
