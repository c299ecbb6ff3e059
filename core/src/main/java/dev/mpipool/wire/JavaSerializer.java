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
import org.apache.commons.lang3.ClassUtils;

/**
 * Java's own serialization, with classes from a given loader and with errors that say where.
 *
 * <p>The loader matters in multicore mode, where every rank has one of its own.
 */
public final class JavaSerializer implements Serializer {

  private final ClassLoader loader;

  /**
   * Creates a serializer.
   *
   * @param loader where classes are looked for when values are read
   */
  public JavaSerializer(ClassLoader loader) {
    this.loader = loader;
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
      throw new IOException("a %s is nested too deeply to be serialized".formatted(name(value)), e);
    } catch (OutOfMemoryError e) {
      throw new IOException("a %s needs more memory than there is".formatted(name(value)), e);
    }
    return bytes.buffer();
  }

  @Override
  public Object decode(ByteBuffer bytes) throws IOException, ClassNotFoundException {
    try (ObjectInputStream in = new LoadingStream(inputStream(bytes))) {
      return in.readObject();
    } catch (StackOverflowError e) {
      throw new IOException("a value is nested too deeply to be read", e);
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
    LoadingStream(InputStream in) throws IOException {
      super(in);
    }

    @Override
    protected Class<?> resolveClass(ObjectStreamClass description)
        throws IOException, ClassNotFoundException {
      try {
        return Class.forName(description.getName(), false, loader);
      } catch (ClassNotFoundException e) {
        return super.resolveClass(description); // the names of primitive types
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
