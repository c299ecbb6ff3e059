package dev.mpipool.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.ObjectInputFilter;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.ObjectStreamClass;
import java.lang.reflect.Method;
import java.util.HashMap;
import java.util.Map;

/** A class loader that rewrites the classes of one package, and copies objects through bytes. */
final class Woven extends ClassLoader {
  private final String prefix;
  private final ClassRewriter rewriter;
  private final Map<String, byte[]> compiled;

  private Woven(String prefix, String captured, Map<String, byte[]> compiled) {
    super(Woven.class.getClassLoader());
    this.prefix = prefix;
    this.compiled = compiled;
    this.rewriter = new ClassRewriter(new Captures(new Names(captured), this::file));
  }

  /** Classes of the test class path. */
  static Woven ofPackage(String name, String captured) {
    return new Woven(name + ".", captured, new HashMap<>());
  }

  /** Classes that were compiled for the test, by their names with slashes. */
  static Woven of(Map<String, byte[]> compiled) {
    return new Woven("", null, compiled);
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    byte[] file = name.startsWith(prefix) ? file(name.replace('.', '/')) : null;
    boolean isOurs = prefix.isEmpty() ? compiled.containsKey(name.replace('.', '/')) : file != null;
    if (!isOurs) {
      return super.loadClass(name, resolve);
    }
    synchronized (getClassLoadingLock(name)) {
      Class<?> loaded = findLoadedClass(name);
      if (loaded == null) {
        byte[] rewritten = rewriter.rewrite(file, true);
        byte[] defined = rewritten == null ? file : rewritten;
        assertThat(rewriter.rewrite(defined, true)).as("rewritten once more").isNull();
        loaded = defineClass(name, defined, 0, defined.length);
      }
      return loaded;
    }
  }

  private byte[] file(String name) {
    byte[] known = compiled.get(name);
    if (known != null) {
      return known;
    }
    try (InputStream in = getParent().getResourceAsStream(name + ".class")) {
      return in == null ? null : in.readAllBytes();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** Calls a static method without parameters. */
  Object call(Class<?> type, String method) throws Exception {
    return call(type.getName(), method);
  }

  Object call(String type, String method) throws Exception {
    Method found = loadClass(type).getDeclaredMethod(method);
    found.setAccessible(true);
    return found.invoke(null);
  }

  static byte[] write(Object value) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(value);
    }
    return bytes.toByteArray();
  }

  Object read(byte[] bytes, ObjectInputFilter filter) throws IOException, ClassNotFoundException {
    try (ObjectInputStream in =
        new ObjectInputStream(new ByteArrayInputStream(bytes)) {
          @Override
          protected Class<?> resolveClass(ObjectStreamClass type)
              throws IOException, ClassNotFoundException {
            try {
              return Class.forName(type.getName(), false, Woven.this);
            } catch (ClassNotFoundException e) {
              return super.resolveClass(type);
            }
          }
        }) {
      in.setObjectInputFilter(filter);
      return in.readObject();
    }
  }

  Object copy(Object value) throws IOException, ClassNotFoundException {
    return read(write(value), null);
  }
}
