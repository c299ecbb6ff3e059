package dev.mpipool.launcher;

import java.net.URL;
import java.net.URLClassLoader;

/**
 * The class loader of one rank among several in a JVM. MPJ Express's shared classes come from the
 * parent; the product's own, of which the launcher has some too, do not, but for the one by which
 * the ranks reach each other.
 */
final class RankLoader extends URLClassLoader {
  static {
    registerAsParallelCapable();
  }

  private static final String SHARED = "dev.mpipool.device.RankQueues";

  RankLoader(URL[] urls) {
    super(urls, ClassLoader.getSystemClassLoader());
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    if (!name.startsWith("dev.mpipool.") || name.equals(SHARED)) {
      return super.loadClass(name, resolve);
    }
    synchronized (getClassLoadingLock(name)) {
      Class<?> loaded = findLoadedClass(name);
      return loaded != null ? loaded : findClass(name);
    }
  }
}
