package dev.mpipool.testing;

import java.util.List;

/** Finds threads by their names. */
public final class PoolThreads {

  private PoolThreads() {}

  /** The threads of this JVM that are alive and whose names begin so. */
  public static List<String> alive(String prefix) {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(Thread::isAlive)
        .map(Thread::getName)
        .filter(name -> name.startsWith(prefix))
        .toList();
  }
}
