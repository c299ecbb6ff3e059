package dev.mpipool.benchmarks.executor;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;

/** What the processes of Hazelcast and Ignite have in common. */
final class PeerProcess {

  /** A property: the first port of the job, which also keeps jobs apart. */
  static final String JOB = "bench.port";

  private static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(60);

  private PeerProcess() {}

  static int port() {
    return Integer.getInteger(JOB, 5701);
  }

  /** A worker lives until whoever started it closes its standard input. */
  static void serve() throws IOException {
    while (System.in.read() >= 0) {
      // only the end counts
    }
    Runtime.getRuntime().halt(0);
  }

  static void await(BooleanSupplier condition) throws Exception {
    long begin = System.nanoTime();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - begin > LIMIT_NANOS) {
        throw new TimeoutException("the workers have not come");
      }
      Thread.sleep(10);
    }
  }
}
