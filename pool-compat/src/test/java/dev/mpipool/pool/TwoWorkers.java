package dev.mpipool.pool;

import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Gives pools two local workers. */
final class TwoWorkers implements BeforeEachCallback, AfterEachCallback {

  private static final String WORKERS = "mpipool.local.workers";

  private String before;

  @Override
  public void beforeEach(ExtensionContext context) {
    before = System.setProperty(WORKERS, "2");
  }

  @Override
  public void afterEach(ExtensionContext context) {
    if (before == null) {
      System.clearProperty(WORKERS);
    } else {
      System.setProperty(WORKERS, before);
    }
  }
}
