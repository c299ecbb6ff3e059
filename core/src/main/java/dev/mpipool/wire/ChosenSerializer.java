package dev.mpipool.wire;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Objects;
import org.apache.commons.lang3.ClassUtils;

/** The serializer that the user has chosen, with errors that say which class and which one. */
final class ChosenSerializer implements Serializer {

  private final Serializer chosen;

  ChosenSerializer(Serializer chosen) {
    this.chosen = chosen;
  }

  /** Says enough: whoever looks deeper finds nothing better. */
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

  @Override
  public String format() {
    return chosen.format();
  }
}
