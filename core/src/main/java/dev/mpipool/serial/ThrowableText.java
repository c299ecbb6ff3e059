package dev.mpipool.serial;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/**
 * What an exception says of itself, for a process in which it cannot be had. It stands in a list
 * with those it refers to.
 *
 * <pre>
 *   list:    | number of texts (int) | text | ... | number of exceptions (int) | exception | ... |
 *   text:    | length in bytes (int) | bytes in UTF-8 |
 *   exception: | type | message | number of frames (int) | frame | ... | cause (int)
 *              | number of suppressed exceptions (int) | exception (int) | ... |
 *   frame:   | class loader | module | class | method | file | line (int) |
 *   type, message and what a frame consists of: number of a text (int), -1 for null
 * </pre>
 *
 * @param type its class name
 * @param message its message, or null
 * @param frames its stack trace
 * @param cause which exception of the list is its cause, or -1
 * @param suppressed which exceptions of the list it has suppressed
 */
public record ThrowableText(
    String type,
    String message,
    List<StackTraceElement> frames,
    int cause,
    List<Integer> suppressed) {

  /** More frames than the JVM keeps unless told to. */
  private static final int MOST_FRAMES = 2_000;

  /** Of a chain of causes that is longer the rest is left out. */
  private static final int MOST_EXCEPTIONS = 100;

  /** Loaders of the JDK's own, which stack traces do not name. */
  private static final Set<String> USUAL_LOADERS = Set.of("app", "platform");

  /** A frame takes six numbers. */
  private static final int FRAME_BYTES = 6 * Integer.BYTES;

  /**
   * The texts of an exception and of those that it refers to, by causes and suppressed ones. A
   * circle ends where it would begin again.
   *
   * @param exception whatever its methods do
   * @return its text first
   */
  public static List<ThrowableText> of(Throwable exception) {
    List<ThrowableText> texts = new ArrayList<>();
    add(exception, new IdentityHashMap<>(), texts);
    return texts;
  }

  /** Adds an exception, if there is one, and returns its number, or -1. */
  private static int add(
      Throwable exception, IdentityHashMap<Throwable, Integer> known, List<ThrowableText> texts) {
    if (exception == null || known.containsKey(exception)) {
      return exception == null ? -1 : known.get(exception);
    }
    if (texts.size() >= MOST_EXCEPTIONS) {
      return -1;
    }
    int number = texts.size();
    texts.add(null);
    known.put(exception, -1); // an exception that refers back to it is a part of it
    String type = exception.getClass().getName();
    StackTraceElement[] trace = get(exception::getStackTrace, new StackTraceElement[0]);
    int cause = add(get(exception::getCause, null), known, texts);
    List<Integer> suppressed = new ArrayList<>();
    for (Throwable each : exception.getSuppressed()) {
      int place = add(each, known, texts);
      if (place >= 0) {
        suppressed.add(place);
      }
    }
    List<StackTraceElement> frames =
        Arrays.stream(trace).filter(frame -> frame != null).limit(MOST_FRAMES).toList();
    texts.set(
        number,
        new ThrowableText(
            type, get(exception::getMessage, null), frames, cause, List.copyOf(suppressed)));
    known.put(exception, number);
    return number;
  }

  /**
   * Calls a method of the program's own.
   *
   * @param <T> what it returns
   * @param method may fail
   * @param otherwise in place of null, and if it fails
   * @return what it returns
   */
  public static <T> T get(Supplier<T> method, T otherwise) {
    try {
      T value = method.get();
      return value == null ? otherwise : value;
    } catch (Throwable e) {
      return otherwise;
    }
  }

  /**
   * Writes a list.
   *
   * @param texts as {@link #of} makes them
   * @param out where to
   * @throws IOException if {@code out} fails
   */
  public static void write(List<ThrowableText> texts, DataOutputStream out) throws IOException {
    Map<String, Integer> numbers = new LinkedHashMap<>();
    for (ThrowableText text : texts) {
      for (String part : text.parts()) {
        if (part != null) {
          numbers.putIfAbsent(part, numbers.size());
        }
      }
    }
    out.writeInt(numbers.size());
    for (String text : numbers.keySet()) {
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      out.writeInt(bytes.length);
      out.write(bytes);
    }
    out.writeInt(texts.size());
    for (ThrowableText text : texts) {
      text.write(numbers, out);
    }
  }

  private void write(Map<String, Integer> numbers, DataOutputStream out) throws IOException {
    out.writeInt(numbers.getOrDefault(type, -1));
    out.writeInt(numbers.getOrDefault(message, -1));
    out.writeInt(frames.size());
    for (StackTraceElement frame : frames) {
      for (String part : parts(frame)) {
        out.writeInt(numbers.getOrDefault(part, -1));
      }
      out.writeInt(frame.getLineNumber());
    }
    out.writeInt(cause);
    out.writeInt(suppressed.size());
    for (int each : suppressed) {
      out.writeInt(each);
    }
  }

  private List<String> parts() {
    List<String> parts = new ArrayList<>();
    parts.add(type);
    parts.add(message);
    frames.forEach(frame -> Collections.addAll(parts, parts(frame)));
    return parts;
  }

  private static String[] parts(StackTraceElement frame) {
    String loader = frame.getClassLoaderName();
    return new String[] {
      loader == null || USUAL_LOADERS.contains(loader) ? null : loader,
      frame.getModuleName(),
      frame.getClassName(),
      frame.getMethodName(),
      frame.getFileName()
    };
  }

  /**
   * Reads a list.
   *
   * @param in as {@link #write(List, DataOutputStream)} filled it
   * @return the texts
   * @throws IOException if it holds anything else
   */
  public static List<ThrowableText> read(DataInputStream in) throws IOException {
    Map<Integer, String> texts = new HashMap<>();
    texts.put(-1, null);
    int count = number(in, Integer.BYTES);
    for (int i = 0; i < count; i++) {
      byte[] bytes = in.readNBytes(number(in, 1));
      texts.put(i, new String(bytes, StandardCharsets.UTF_8));
    }
    List<ThrowableText> read = new ArrayList<>();
    int exceptions = number(in, Integer.BYTES);
    for (int i = 0; i < exceptions; i++) {
      read.add(read(texts, exceptions, in));
    }
    return read;
  }

  private static ThrowableText read(Map<Integer, String> texts, int exceptions, DataInputStream in)
      throws IOException {
    String type = String.valueOf(text(texts, in));
    String message = text(texts, in);
    List<StackTraceElement> frames = new ArrayList<>();
    for (int left = number(in, FRAME_BYTES); left > 0; left--) {
      frames.add(
          new StackTraceElement(
              text(texts, in),
              text(texts, in),
              null,
              String.valueOf(text(texts, in)),
              String.valueOf(text(texts, in)),
              text(texts, in),
              in.readInt()));
    }
    int cause = in.readInt();
    if (cause < -1 || cause >= exceptions) {
      throw new IOException("A failure with the impossible cause " + cause);
    }
    List<Integer> suppressed = new ArrayList<>();
    for (int left = number(in, Integer.BYTES); left > 0; left--) {
      int each = in.readInt();
      if (each < 0 || each >= exceptions) {
        throw new IOException("A failure with the impossible suppressed exception " + each);
      }
      suppressed.add(each);
    }
    return new ThrowableText(type, message, frames, cause, suppressed);
  }

  private static String text(Map<Integer, String> texts, DataInputStream in) throws IOException {
    int number = in.readInt();
    if (!texts.containsKey(number)) {
      throw new IOException("A failure with a text of the impossible number " + number);
    }
    return texts.get(number);
  }

  /** A number of things of which each takes so many bytes at least. */
  private static int number(DataInputStream in, int bytes) throws IOException {
    int number = in.readInt();
    if (number < 0 || number > in.available() / bytes) {
      throw new IOException("A failure with %d parts that are not there".formatted(number));
    }
    return number;
  }
}
