package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.mpipool.testing.PoolThreads;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Gives pools two local workers, and sees that no thread of a pool outlives a test. */
final class LocalPools implements BeforeEachCallback, AfterEachCallback {

  private static final String WORKERS = "mpipool.local.workers";

  private static PoolThreads threads = new PoolThreads();

  private String before;

  @Override
  public void beforeEach(ExtensionContext context) {
    threads = new PoolThreads();
    before = System.getProperty(WORKERS);
    workers(2);
  }

  @Override
  public void afterEach(ExtensionContext context) {
    if (before == null) {
      System.clearProperty(WORKERS);
    } else {
      System.setProperty(WORKERS, before);
    }
    awaitNoThreads();
  }

  static void workers(int count) {
    System.setProperty(WORKERS, String.valueOf(count));
  }

  /** The names of the threads of the test's pools. */
  static List<String> threads() {
    return threads.alive();
  }

  static void awaitNoThreads() {
    await().atMost(Duration.ofSeconds(20)).untilAsserted(() -> assertThat(threads()).isEmpty());
  }
}
