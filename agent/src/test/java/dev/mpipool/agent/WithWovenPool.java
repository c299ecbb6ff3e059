package dev.mpipool.agent;

import dev.mpipool.MPIExecutor;
import java.util.concurrent.ExecutorService;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** Gives each test a pool of local workers, and woven classes as those of the program. */
abstract class WithWovenPool {

  final Woven woven;
  ExecutorService pool;
  private final ClassLoader before = Thread.currentThread().getContextClassLoader();

  WithWovenPool(String packageName) {
    woven = Woven.ofPackage(packageName, null);
  }

  @BeforeEach
  void open() {
    Thread.currentThread().setContextClassLoader(woven);
    pool = new MPIExecutor();
  }

  @AfterEach
  void close() {
    Thread.currentThread().setContextClassLoader(before);
    pool.shutdownNow();
  }
}
