package dev.mpipool.protocol;

import dev.mpipool.protocol.FailureReport.Origin;
import dev.mpipool.serial.JavaSerializer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.Provider;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Two threads of a JVM whose heap is full share one OutOfMemoryError, as the JVM hands it out: one
 * reports it as the failure of a task, the other meets it while it loads a security provider, where
 * the JVM asks it for its stack trace. To be started with {@link Late} as the first provider. Exits
 * with 0 if both come to an end.
 */
public final class SharedError {

  private static final AtomicReference<Error> SHARED =
      new AtomicReference<>(new OutOfMemoryError("Java heap space"));
  private static final CountDownLatch LOADING = new CountDownLatch(1);
  private static final Thread REPORTER =
      new Thread(
          () ->
              FailureReport.of(
                  Origin.TASK,
                  new IllegalStateException(SHARED.get()),
                  new JavaSerializer(SharedError.class.getClassLoader())),
          "reporter");

  private SharedError() {}

  /** A provider that takes as long to load as the report takes to need it. */
  public static final class Late extends Provider {
    private static final long serialVersionUID = 1;

    public Late() {
      super("Late", "1", "for a test");
      LOADING.countDown();
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
      while (REPORTER.getState() != Thread.State.BLOCKED && System.nanoTime() - end < 0) {
        Thread.onSpinWait();
      }
      if (SHARED.get().getStackTrace() == null) {
        throw new AssertionError();
      }
    }
  }

  public static void main(String[] args) throws InterruptedException {
    Thread loader = new Thread(SharedError::load, "loader");
    loader.setDaemon(true);
    REPORTER.setDaemon(true);
    loader.start();
    LOADING.await();
    REPORTER.start();
    REPORTER.join(20_000);
    loader.join(20_000);
    System.exit(REPORTER.isAlive() || loader.isAlive() ? 1 : 0);
  }

  private static void load() {
    try {
      MessageDigest.getInstance("SHA");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
