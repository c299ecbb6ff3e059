package dev.mpipool.memory;

import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Keeps tests that stage an {@link OutOfMemoryError} apart: {@link Memory} tries again for 10 s
 * after the first failure of a row, and would count those of the test before.
 */
public final class ForgetsShortMemory implements AfterEachCallback {

  @Override
  public void afterEach(ExtensionContext context) {
    Memory.forget();
  }
}
