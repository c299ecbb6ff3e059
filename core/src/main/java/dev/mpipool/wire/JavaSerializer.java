package dev.mpipool.wire;

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
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
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
    ExposedBytes bytes = new ExposedBytes();
    try (ObjectOutputStream out = stream(bytes, value instanceof Throwable)) {
      out.writeObject(value);
    } catch (ChosenSerializer.Failure e) {
      throw e;
    } catch (NotSerializableException e) {
      String path = FieldPath.toUnserializable(value).map(found -> ": " + found).orElse("");
      throw new IOException("class %s is not serializable%s".formatted(e.getMessage(), path), e);
    } catch (StackOverflowError e) {
      String path = FieldPath.toDeepest(value).orElse(name(value));
      throw new IOException("nested too deeply to be serialized, %s".formatted(path), e);
    } catch (OutOfMemoryError e) {
      throw new IOException("a %s needs more memory than there is".formatted(name(value)), e);
    } catch (Exception | Error e) { // of the program's own code
      String path = FieldPath.toThrower(value, e).orElse(name(value));
      throw new IOException("%s, from writing %s".formatted(e, path), e);
    }
    return bytes.buffer();
  }

  @Override
  public Object decode(ByteBuffer bytes) throws IOException {
    try (LoadingStream in = new LoadingStream(inputStream(bytes))) {
      return read(in, bytes.remaining());
    }
  }

  private Object read(LoadingStream in, int length) throws IOException {
    ClassFilter.Inquiry inquiry = filter.watch(in, length);
    try {
      return in.readObject();
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
    if (missing != null) {
      what = "class %s is not to be found on this rank".formatted(missing);
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

  private ObjectOutputStream stream(ExposedBytes bytes, boolean thrown) throws IOException {
    return chosen == null ? new ObjectOutputStream(bytes) : new LeavingStream(bytes, thrown);
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

  /**
   * What stands in a stream for a value of the user.
   *
   * @param thrown whether it is an exception, which this serializer has written
   * @param bytes what has been made of it
   */
  @SuppressWarnings("ArrayRecordComponent") // only travels
  private record Foreign(boolean thrown, byte[] bytes) implements Carrier {}

  /** A lambda in a stream, with captured values that are the chosen serializer's. */
  @SuppressWarnings("ArrayRecordComponent") // only travels
  private record ForeignLambda(LambdaCode code, Object[] captured) implements Carrier {}

  /**
   * Leaves the users' values to the chosen serializer, wherever they stand. Exceptions it writes
   * itself, for not every serializer keeps their stack traces, and leaves only what in them is not
   * serializable.
   */
  private final class LeavingStream extends ObjectOutputStream {

    private final boolean thrown;

    LeavingStream(ExposedBytes bytes, boolean thrown) throws IOException {
      super(bytes);
      this.thrown = thrown;
      enableReplaceObject(true);
    }

    @Override
    protected Object replaceObject(Object value) throws IOException {
      if (thrown ? value instanceof Serializable : isOwn(value)) {
        return value;
      }
      if (value instanceof SerializedLambda lambda) {
        Object[] captured = new Object[lambda.getCapturedArgCount()];
        for (int i = 0; i < captured.length; i++) {
          Object each = lambda.getCapturedArg(i);
          boolean left = each == null || isOwn(each) || Lambdas.site(each).isLambda();
          captured[i] = left ? each : foreign(each);
        }
        return new ForeignLambda(LambdaCode.of(lambda), captured);
      }
      return foreign(value);
    }

    private Foreign foreign(Object value) throws IOException {
      boolean exception = value instanceof Throwable;
      ByteBuffer encoded = exception ? JavaSerializer.this.encode(value) : chosen.encode(value);
      byte[] copy = new byte[encoded.remaining()];
      encoded.duplicate().get(copy);
      return new Foreign(exception, copy);
    }

    /** Whether it is part of how a task is built; boxes and strings need no other form, either. */
    private static boolean isOwn(Object value) {
      return value instanceof Carrier
          || value.getClass() == Object[].class
          || value instanceof byte[]
          || value instanceof String
          || ClassUtils.isPrimitiveWrapper(value.getClass());
    }
  }

  private final class LoadingStream extends ObjectInputStream {

    /** The classes met so far, from the outermost to the one that is to blame for a failure. */
    private final List<String> met = new ArrayList<>();

    /** A class that is not there: what is thrown for it later may speak of something else. */
    private String missing;

    LoadingStream(InputStream in) throws IOException {
      super(in);
      enableResolveObject(chosen != null);
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
      if (!(read instanceof Foreign foreign)) {
        return read;
      }
      ByteBuffer bytes = ByteBuffer.wrap(foreign.bytes());
      return foreign.thrown() ? JavaSerializer.this.decode(bytes) : chosen.decode(bytes);
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
