package dev.mpipool.serial;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.NotSerializableException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.ObjectStreamClass;
import java.io.Serializable;
import java.lang.invoke.SerializedLambda;
import java.lang.reflect.Array;
import java.lang.reflect.Proxy;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.commons.lang3.ClassUtils;

/**
 * Java's own serialization, with classes from a given loader and with errors that say where.
 *
 * <p>The loader matters in multicore mode, where every rank has one of its own.
 */
public final class JavaSerializer implements Serializer {

  /** So many classes are named when a value cannot be read. */
  private static final int MOST_MET = 20;

  private static final Map<String, Class<?>> PRIMITIVES =
      Stream.of(
              boolean.class,
              byte.class,
              char.class,
              short.class,
              int.class,
              long.class,
              float.class,
              double.class,
              void.class)
          .collect(Collectors.toMap(Class::getName, Function.identity()));

  private final ClassLoader loader;
  private final ClassFilter filter;

  /** Writes everything but mpipool's own objects; null if this one does that, too. */
  private final ChosenSerializer chosen;

  /**
   * Creates a serializer that asks no filter but the JVM's own.
   *
   * @param loader where classes are looked for when values are read
   */
  public JavaSerializer(ClassLoader loader) {
    this(loader, new ClassFilter(null));
  }

  /**
   * Creates a serializer.
   *
   * @param loader where classes are looked for when values are read
   * @param filter asked about everything that is read
   */
  public JavaSerializer(ClassLoader loader, ClassFilter filter) {
    this(loader, filter, null);
  }

  /** A serializer for what mpipool puts around the users' values, which another one writes. */
  JavaSerializer(ClassLoader loader, ClassFilter filter, ChosenSerializer chosen) {
    this.loader = loader;
    this.filter = filter;
    this.chosen = chosen;
  }

  @Override
  public String format() {
    return "Java's serialization";
  }

  @Override
  public ByteBuffer encode(Object value) throws IOException {
    return encode(Collections.singletonList(value), List.of());
  }

  /**
   * Encodes values that are one graph.
   *
   * @param values one or more
   * @param before arrays that the reader has: only a number is written of them
   */
  ByteBuffer encode(List<?> values, List<?> before) throws IOException {
    ExposedBytes bytes = new ExposedBytes();
    boolean thrown = values.size() == 1 && values.get(0) instanceof Throwable;
    List<Object> left = new ArrayList<>();
    Object value = null;
    try (ObjectOutputStream out = stream(bytes, thrown, before, left)) {
      for (Object each : values) {
        value = each;
        out.writeObject(each);
      }
    } catch (ChosenSerializer.Failure e) {
      throw e;
    } catch (NotSerializableException e) {
      String path = FieldPath.toUnserializable(value).map(found -> ": " + found).orElse("");
      String cure = Cures.of(e.getMessage(), loader);
      throw new IOException(
          "class %s is not serializable%s%s".formatted(e.getMessage(), path, cure), e);
    } catch (StackOverflowError e) {
      String path = FieldPath.toDeepest(value).orElse(name(value));
      throw new IOException("nested too deeply to be serialized, %s".formatted(path), e);
    } catch (OutOfMemoryError e) {
      throw new IOException("a %s needs more memory than there is".formatted(name(value)), e);
    } catch (Exception | Error e) { // of the program's own code
      String path = FieldPath.toThrower(value, e).orElse(name(value));
      throw new IOException("%s, from writing %s".formatted(e, path), e);
    }
    return chosen == null ? bytes.buffer() : withLeft(bytes.buffer(), left);
  }

  /**
   * A stream, after the values in it that were left to the chosen serializer.
   *
   * <pre>
   *   | number of values (int) | length in bytes (int) | values, see ChosenSerializer | stream |
   * </pre>
   */
  private ByteBuffer withLeft(ByteBuffer stream, List<Object> left) throws IOException {
    ByteBuffer values = left.isEmpty() ? ByteBuffer.allocate(0) : chosen.encodeAll(left);
    long length = 2L * Integer.BYTES + values.remaining() + stream.remaining();
    if (length > Payload.MAX_BYTES) {
      throw new IOException(
          "it takes %d bytes, and %d are the most".formatted(length, Payload.MAX_BYTES));
    }
    return ByteBuffer.allocate((int) length)
        .putInt(left.size())
        .putInt(values.remaining())
        .put(values)
        .put(stream)
        .flip();
  }

  @Override
  public Object decode(ByteBuffer bytes) throws IOException {
    return decode(bytes, 1, List.of())[0];
  }

  /**
   * Decodes values.
   *
   * @param bytes as {@link #encode(List, List)} made them
   * @param count how many values
   * @param before arrays that have been read before
   */
  Object[] decode(ByteBuffer bytes, int count, List<?> before) throws IOException {
    ByteBuffer stream = bytes.duplicate();
    List<?> placed = before;
    if (chosen != null) {
      try {
        int left = stream.getInt();
        ByteBuffer values = FlatValues.part(stream, 1);
        placed = left == 0 ? List.of() : Arrays.asList(chosen.decodeAll(values, left));
      } catch (BufferUnderflowException e) {
        throw new IOException("a value ends too early", e);
      }
    }
    try (LoadingStream in = new LoadingStream(inputStream(stream), placed)) {
      return read(in, count, bytes.remaining() + elements(placed));
    }
  }

  /** Those of arrays, which are asked about when they are put into their places. */
  private static long elements(List<?> placed) {
    return placed.stream()
        .filter(value -> value.getClass().isArray())
        .mapToLong(Array::getLength)
        .sum();
  }

  private Object[] read(LoadingStream in, int count, long length) throws IOException {
    ClassFilter.Inquiry inquiry = filter.watch(in, length);
    try {
      Object[] values = new Object[count];
      for (int i = 0; i < count; i++) {
        values[i] = in.readObject();
      }
      return values;
    } catch (Exception | Error e) {
      if (inquiry.hasRejected()) {
        throw inquiry.rejection(e);
      }
      throw unreadable(e, in.missing, in.met);
    }
  }

  /**
   * Says why a value cannot be read.
   *
   * @param e what was thrown
   * @param missing a class that is not there, or null
   * @param met the classes on the way, from the outermost to the one that is to blame
   */
  static IOException unreadable(Throwable e, String missing, List<String> met) {
    String what = e.getCause() == null ? e.toString() : "%s (%s)".formatted(e, e.getCause());
    String otherRank = Cures.ofOtherRank(e);
    if (missing != null) {
      what = "class %s is not to be found on this rank".formatted(missing);
    } else if (otherRank != null) {
      what = otherRank;
    } else if (e instanceof StackOverflowError) {
      what = "it is nested too deeply";
    } else if (e instanceof OutOfMemoryError) {
      what = "it needs more memory than there is (%s)".formatted(e.getMessage());
    }
    String trail = met.stream().limit(MOST_MET).collect(Collectors.joining(" > ", ", in ", ""));
    return new IOException(met.isEmpty() ? what : what + trail, e);
  }

  ClassLoader loader() {
    return loader;
  }

  private ObjectOutputStream stream(
      ExposedBytes bytes, boolean thrown, List<?> before, List<Object> left) throws IOException {
    if (chosen != null) {
      return new LeavingStream(bytes, thrown, left);
    }
    return before.isEmpty() ? new ObjectOutputStream(bytes) : new PlacingStream(bytes, before);
  }

  private static String name(Object value) {
    return ClassUtils.getName(value, "null");
  }

  private static InputStream inputStream(ByteBuffer bytes) {
    if (bytes.hasArray()) {
      int offset = bytes.arrayOffset() + bytes.position();
      return new ByteArrayInputStream(bytes.array(), offset, bytes.remaining());
    }
    byte[] copy = new byte[bytes.remaining()];
    bytes.duplicate().get(copy);
    return new ByteArrayInputStream(copy);
  }

  /** Gives its bytes away without another copy. */
  private static final class ExposedBytes extends ByteArrayOutputStream {
    ExposedBytes() {
      super(256);
    }

    ByteBuffer buffer() {
      return ByteBuffer.wrap(buf, 0, count).slice();
    }
  }

  /** What stands in a stream for a value that is written apart from it, and read before. */
  private record Placed(int index) implements InternalType {}

  /** What stands in a stream for an exception: a stream of its own. */
  @SuppressWarnings("ArrayRecordComponent") // only travels
  private record Thrown(byte[] bytes) implements InternalType {}

  /** A lambda in a stream, with captured values that are the chosen serializer's. */
  @SuppressWarnings("ArrayRecordComponent") // only travels
  private record ForeignLambda(LambdaCode code, Object[] captured) implements InternalType {}

  /** Writes only a number of arrays that the reader has. */
  private static final class PlacingStream extends ObjectOutputStream {

    private final List<?> before;

    PlacingStream(ExposedBytes bytes, List<?> before) throws IOException {
      super(bytes);
      this.before = before;
      enableReplaceObject(true);
    }

    @Override
    protected Object replaceObject(Object value) {
      for (int i = 0; i < before.size(); i++) {
        if (before.get(i) == value) {
          return new Placed(i);
        }
      }
      return value;
    }
  }

  /**
   * Leaves the users' values to the chosen serializer, wherever they stand. Exceptions it writes
   * itself, for not every serializer keeps their stack traces, and leaves only what in them is not
   * serializable.
   */
  private final class LeavingStream extends ObjectOutputStream {

    private final boolean thrown;

    /** What is left, each object once. */
    private final List<Object> left;

    private final IdentityHashMap<Object, Placed> places = new IdentityHashMap<>();

    /** Arrays of {@link ForeignLambda} and {@link Thrown}. */
    private final Set<Object> parts = Collections.newSetFromMap(new IdentityHashMap<>());

    LeavingStream(ExposedBytes bytes, boolean thrown, List<Object> left) throws IOException {
      super(bytes);
      this.thrown = thrown;
      this.left = left;
      enableReplaceObject(true);
    }

    @Override
    protected Object replaceObject(Object value) throws IOException {
      if (thrown ? value instanceof Serializable : isOwn(value)) {
        return value;
      }
      if (value instanceof SerializedLambda lambda) {
        Object[] captured = new Object[lambda.getCapturedArgCount()];
        parts.add(captured);
        for (int i = 0; i < captured.length; i++) {
          Object each = lambda.getCapturedArg(i);
          boolean left = each == null || isOwn(each) || Lambdas.site(each).isLambda();
          captured[i] = left ? each : foreign(each);
        }
        return new ForeignLambda(LambdaCode.of(lambda), captured);
      }
      return foreign(value);
    }

    private InternalType foreign(Object value) throws IOException {
      if (value instanceof Throwable) {
        ByteBuffer encoded = JavaSerializer.this.encode(value);
        byte[] copy = new byte[encoded.remaining()];
        encoded.get(copy);
        parts.add(copy);
        return new Thrown(copy);
      }
      return places.computeIfAbsent(
          value,
          first -> {
            left.add(first);
            return new Placed(left.size() - 1);
          });
    }

    /** Whether it is part of how a task is built; boxes and strings need no other form, either. */
    private boolean isOwn(Object value) {
      return value instanceof InternalType
          || parts.contains(value)
          || value instanceof String
          || ClassUtils.isPrimitiveWrapper(value.getClass());
    }
  }

  private final class LoadingStream extends ObjectInputStream {

    /** The classes met so far, from the outermost to the one that is to blame for a failure. */
    private final List<String> met = new ArrayList<>();

    /** A class that is not there: what is thrown for it later may speak of something else. */
    private String missing;

    /** What is not in the stream. */
    private final List<?> placed;

    LoadingStream(InputStream in, List<?> placed) throws IOException {
      super(in);
      this.placed = placed;
      enableResolveObject(chosen != null || !placed.isEmpty());
    }

    @Override
    protected Object resolveObject(Object read) throws IOException {
      if (read instanceof ForeignLambda lambda) {
        try {
          return lambda.code().prepare(loader, filter).make(lambda.captured());
        } catch (Exception e) {
          throw new IOException(
              "a lambda of class %s cannot be made: %s"
                  .formatted(lambda.code().capturingClass(), e),
              e);
        }
      }
      if (read instanceof Thrown thrown) {
        return JavaSerializer.this.decode(ByteBuffer.wrap(thrown.bytes()));
      }
      if (!(read instanceof Placed place)) {
        return read;
      }
      if (place.index() < 0 || place.index() >= placed.size()) {
        throw new IOException("an object of the impossible number " + place.index());
      }
      return placed.get(place.index());
    }

    @Override
    protected Class<?> resolveClass(ObjectStreamClass description) throws ClassNotFoundException {
      String name = description.getName();
      if (met.size() < MOST_MET) {
        met.add(name);
      }
      Class<?> primitive = PRIMITIVES.get(name);
      try {
        return primitive == null ? Class.forName(name, false, loader) : primitive;
      } catch (ClassNotFoundException e) {
        missing = name;
        throw e;
      }
    }

    @Override
    protected Class<?> resolveProxyClass(String[] interfaces)
        throws IOException, ClassNotFoundException {
      Class<?>[] types = new Class<?>[interfaces.length];
      for (int i = 0; i < types.length; i++) {
        types[i] = Class.forName(interfaces[i], false, loader);
      }
      try {
        @SuppressWarnings("deprecation") // the class is what this method has to return
        Class<?> proxy = Proxy.getProxyClass(loader, types);
        return proxy;
      } catch (IllegalArgumentException e) {
        throw new ClassNotFoundException("no proxy for " + String.join(", ", interfaces), e);
      }
    }
  }
}
