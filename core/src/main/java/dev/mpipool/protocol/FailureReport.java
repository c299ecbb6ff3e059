package dev.mpipool.protocol;

import dev.mpipool.RemoteTaskException;
import dev.mpipool.serial.Serializer;
import dev.mpipool.serial.ThrowableText;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.ObjectStreamClass;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.commons.lang3.exception.ExceptionUtils;

/**
 * Why a task has no result. It always arrives: the exception itself comes along where it can
 * travel, its text in any case.
 *
 * <pre>
 *   | origin (byte) | type | message | stack | encoded exception | frames and causes |
 *   each of the first four:  | length (int), -1 for none | bytes, text in UTF-8 |
 *   frames and causes:       see ThrowableText
 * </pre>
 *
 * @param origin what failed
 * @param type the exception's class name
 * @param message its message, or null
 * @param stack its stack trace as text
 * @param exception the exception itself, encoded, or null
 * @param texts the exception and those that it refers to, or none
 */
public record FailureReport(
    Origin origin,
    String type,
    String message,
    String stack,
    ByteBuffer exception,
    List<ThrowableText> texts) {

  private static volatile boolean prepared;

  /** A report without a stack trace has at least the type in its place. */
  public FailureReport {
    stack = stack == null ? String.valueOf(type) : stack;
  }

  /**
   * A report without frames and causes.
   *
   * @param origin what failed
   * @param type the exception's class name
   * @param message its message, or null
   * @param stack its stack trace as text
   * @param exception the exception itself, encoded, or null
   */
  public FailureReport(
      Origin origin, String type, String message, String stack, ByteBuffer exception) {
    this(origin, type, message, stack, exception, List.of());
  }

  /** What failed. */
  public enum Origin {
    /** The task threw. */
    TASK('T'),
    /** The task could not be read on the worker. */
    READING_TASK('R'),
    /** The result could not be turned into bytes. */
    WRITING_RESULT('W'),
    /** The result could not be read on main. */
    READING_RESULT('M');

    private final char code;

    Origin(char code) {
      this.code = code;
    }

    private static Origin ofCode(int code) throws IOException {
      for (Origin origin : values()) {
        if (origin.code == code) {
          return origin;
        }
      }
      throw new IOException("A failure of the unknown origin " + code);
    }
  }

  /**
   * Has the JDK compute what it needs to write any exception, for which it loads a security
   * provider. While an exception is written, its monitor is held; and the JVM, out of memory, hands
   * out one error to several threads: one that writes it and another that meets it while it loads
   * the provider would wait for each other for ever. Once this has returned it costs nothing.
   */
  public static void prepare() {
    if (!prepared) {
      prepared = ObjectStreamClass.lookup(StackTraceElement[].class).getSerialVersionUID() != 0;
    }
  }

  /**
   * A report of an exception.
   *
   * @param origin what failed
   * @param exception what was thrown
   * @param serializer encodes it, if it can
   * @return a report, whatever the exception is like
   */
  public static FailureReport of(Origin origin, Throwable exception, Serializer serializer) {
    ByteBuffer encoded = null;
    String obstacle = null;
    try {
      prepare();
      encoded = serializer.encode(exception);
    } catch (Throwable e) {
      obstacle = "it cannot travel: " + message(e);
    }
    List<ThrowableText> texts = ThrowableText.of(exception);
    FailureReport report =
        new FailureReport(
            origin, texts.get(0).type(), texts.get(0).message(), stack(exception), encoded, texts);
    return obstacle == null ? report : report.asTextOnly(obstacle);
  }

  /**
   * This report, whose exception itself is not to be had.
   *
   * @param obstacle why not; stands below the stack trace
   * @return the report without it
   */
  public FailureReport asTextOnly(String obstacle) {
    String text =
        "%s%nThis exception is here as text only, as %s".formatted(stack.stripTrailing(), obstacle);
    return new FailureReport(origin, type, message, text, null, texts);
  }

  /**
   * The exception that stands for the one that was reported.
   *
   * @return an exception with the other's frames and causes
   */
  public RemoteTaskException toException() {
    if (texts.isEmpty()) {
      return new RemoteTaskException(type, message, stack);
    }
    RemoteTaskException[] all = new RemoteTaskException[texts.size()];
    for (int i = 0; i < all.length; i++) {
      ThrowableText text = texts.get(i);
      all[i] = new RemoteTaskException(text.type(), text.message(), i == 0 ? stack : null);
      all[i].setStackTrace(text.frames().toArray(StackTraceElement[]::new));
    }
    for (int i = 0; i < all.length; i++) {
      ThrowableText text = texts.get(i);
      if (text.cause() >= 0 && text.cause() != i) {
        all[i].initCause(all[text.cause()]);
      }
      for (int suppressed : text.suppressed()) {
        if (suppressed != i) {
          all[i].addSuppressed(all[suppressed]);
        }
      }
    }
    return all[0];
  }

  /**
   * This report as bytes.
   *
   * @return the payload of a {@link EntryKind#FAILURE} entry
   */
  public ByteBuffer encode() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeByte(origin.code);
      for (String text : new String[] {type, message, stack}) {
        write(out, text == null ? null : text.getBytes(StandardCharsets.UTF_8));
      }
      write(out, exception == null ? null : bytes(exception));
      ThrowableText.write(texts, out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return ByteBuffer.wrap(bytes.toByteArray());
  }

  /**
   * Reads a report.
   *
   * @param payload the payload of a {@link EntryKind#FAILURE} entry
   * @return the report
   * @throws IOException if the payload is anything else
   */
  public static FailureReport decode(ByteBuffer payload) throws IOException {
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes(payload)))) {
      Origin origin = Origin.ofCode(in.readByte());
      String type = text(read(in));
      String message = text(read(in));
      String stack = text(read(in));
      byte[] encoded = read(in);
      return new FailureReport(
          origin,
          type,
          message,
          stack,
          encoded == null ? null : ByteBuffer.wrap(encoded),
          ThrowableText.read(in));
    }
  }

  private static void write(DataOutputStream out, byte[] bytes) throws IOException {
    out.writeInt(bytes == null ? -1 : bytes.length);
    if (bytes != null) {
      out.write(bytes);
    }
  }

  private static byte[] read(DataInputStream in) throws IOException {
    int length = in.readInt();
    if (length < -1 || length > in.available()) {
      throw new IOException("A failure with a part of the impossible length " + length);
    }
    return length < 0 ? null : in.readNBytes(length);
  }

  private static String text(byte[] bytes) {
    return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
  }

  private static byte[] bytes(ByteBuffer buffer) {
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    return bytes;
  }

  private static String message(Throwable exception) {
    return ThrowableText.get(exception::getMessage, null);
  }

  private static String stack(Throwable exception) {
    return ThrowableText.get(
        () -> ExceptionUtils.getStackTrace(exception), exception.getClass().getName());
  }
}
