package dev.mpipool.agent;

import dev.mpipool.MPIExecutor;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** Gives each test a pool of local workers, and woven classes as those of the program. */
abstract class WithWovenPool {

  final Woven woven;
  ExecutorService pool;
  private final ClassLoader before = Thread.currentThread().getContextClassLoader();

  WithWovenPool(String packageName) {
    this(Woven.ofPackage(packageName, null));
  }

  WithWovenPool(Woven woven) {
    this.woven = woven;
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

  Object run(Callable<?> task) throws Exception {
    return pool.submit(task).get(20, TimeUnit.SECONDS);
  }
}
