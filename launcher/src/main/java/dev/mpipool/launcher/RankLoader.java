package dev.mpipool.launcher;

import java.io.IOException;
import java.io.InputStream;
import java.net.JarURLConnection;
import java.net.URL;
import java.net.URLClassLoader;
import java.net.URLConnection;
import java.security.CodeSource;
import java.security.cert.Certificate;
import java.util.List;
import java.util.Set;
import java.util.jar.Manifest;

/**
 * The class loader of one rank among several in a JVM. MPJ Express's shared classes come from the
 * parent; the product's own, of which the launcher has some too, do not, but for those by which the
 * ranks reach each other and their launcher.
 *
 * <p>Classes of the program that end the JVM are redirected to {@link RankExit}.
 */
final class RankLoader extends URLClassLoader {
  static {
    registerAsParallelCapable();
  }

  /** The package in which all ranks wait for the same signals. */
  private static final String SIGNALS = "dev.mpipool.signal.";

  private static final Set<String> SHARED =
      Set.of("dev.mpipool.transport.RankQueues", RankExit.class.getName());

  /**
   * Packages without a call that is to be redirected: most classes of a rank are among them. MPJ
   * Express ends the JVM when a rank aborts, which is meant.
   */
  private static final List<String> LEFT_AS_THEY_ARE =
      List.of(
          "mpi.",
          "mpjdev.",
          "dev.mpipool.protocol.",
          "dev.mpipool.serial.",
          "dev.mpipool.comm.",
          "dev.mpipool.transport.",
          "dev.mpipool.link.",
          "dev.mpipool.memory.",
          "dev.mpipool.worker.",
          "dev.mpipool.mpj.",
          "dev.mpipool.dispatch.",
          "org.slf4j.",
          "org.apache.commons.lang3.");

  private final int rank;

  RankLoader(int rank, URL[] urls) {
    super(urls, ClassLoader.getSystemClassLoader());
    this.rank = rank;
  }

  int rank() {
    return rank;
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    if (!name.startsWith("dev.mpipool.") || SHARED.contains(name) || name.startsWith(SIGNALS)) {
      return super.loadClass(name, resolve);
    }
    synchronized (getClassLoadingLock(name)) {
      Class<?> loaded = findLoadedClass(name);
      return loaded != null ? loaded : findClass(name);
    }
  }

  @Override
  protected Class<?> findClass(String name) throws ClassNotFoundException {
    String path = name.replace('.', '/').concat(".class");
    URL url = LEFT_AS_THEY_ARE.stream().anyMatch(name::startsWith) ? null : findResource(path);
    if (url != null) {
      try {
        URLConnection connection = url.openConnection();
        byte[] bytes;
        try (InputStream in = connection.getInputStream()) {
          bytes = in.readAllBytes();
        }
        byte[] redirected = ExitCalls.redirected(bytes, RankExit.class);
        if (redirected != null) {
          return define(name, path, redirected, connection);
        }
      } catch (IOException | RuntimeException e) {
        // Unreadable, or no class file: the usual way says so.
      }
    }
    return super.findClass(name);
  }

  /** As URLClassLoader does it. */
  private Class<?> define(String name, String path, byte[] bytes, URLConnection connection)
      throws IOException {
    Manifest manifest = null;
    Certificate[] certificates = null;
    URL source;
    if (connection instanceof JarURLConnection jar) {
      manifest = jar.getManifest();
      certificates = jar.getCertificates();
      source = jar.getJarFileURL();
    } else {
      String whole = connection.getURL().toString();
      source =
          whole.endsWith(path)
              ? new URL(whole.substring(0, whole.length() - path.length()))
              : connection.getURL();
    }
    int dot = name.lastIndexOf('.');
    if (dot > 0 && getDefinedPackage(name.substring(0, dot)) == null) {
      try {
        definePackage(name.substring(0, dot), manifest == null ? new Manifest() : manifest, source);
      } catch (IllegalArgumentException e) {
        // Another thread was quicker.
      }
    }
    return defineClass(name, bytes, 0, bytes.length, new CodeSource(source, certificates));
  }
}
