package dev.mpipool.wire;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.NotSerializableException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.ObjectStreamClass;
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
    this.loader = loader;
    this.filter = filter;
  }

  @Override
  public ByteBuffer encode(Object value) throws IOException {
    ExposedBytes bytes = new ExposedBytes();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(value);
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
      String what = e.getCause() == null ? e.toString() : "%s (%s)".formatted(e, e.getCause());
      if (in.missing != null) {
        what = "class %s is not to be found on this rank".formatted(in.missing);
      } else if (e instanceof StackOverflowError) {
        what = "it is nested too deeply";
      } else if (e instanceof OutOfMemoryError) {
        what = "it needs more memory than there is (%s)".formatted(e.getMessage());
      }
      throw new IOException("%s%s".formatted(what, in.trail()), e);
    }
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

  private final class LoadingStream extends ObjectInputStream {

    /** The classes met so far, from the outermost to the one that is to blame for a failure. */
    private final List<String> met = new ArrayList<>();

    /** A class that is not there: what is thrown for it later may speak of something else. */
    private String missing;

    LoadingStream(InputStream in) throws IOException {
      super(in);
    }

    String trail() {
      return met.isEmpty() ? "" : ", in " + String.join(" > ", met);
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
