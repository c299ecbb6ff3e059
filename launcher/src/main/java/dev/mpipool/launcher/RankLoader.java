package dev.mpipool.launcher;

import java.net.URL;
import java.net.URLClassLoader;

/**
 * The class loader of one rank among several in a JVM. MPJ Express's shared classes come from the
 * parent; the product's own, of which the launcher has some too, never do.
 */
final class RankLoader extends URLClassLoader {
  static {
    registerAsParallelCapable();
  }

  RankLoader(URL[] urls) {
    super(urls, ClassLoader.getSystemClassLoader());
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    if (!name.startsWith("dev.mpipool.")) {
      return super.loadClass(name, resolve);
    }
    synchronized (getClassLoadingLock(name)) {
      Class<?> loaded = findLoadedClass(name);
      return loaded != null ? loaded : findClass(name);
    }
  }
}
