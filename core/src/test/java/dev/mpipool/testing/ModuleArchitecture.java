package dev.mpipool.testing;

import org.junit.jupiter.api.Test;

/** What holds in every module; a module's own test adds what its packages may use. */
public abstract class ModuleArchitecture {

  protected static final Architecture MODULE = Architecture.ofThisModule();

  @Test
  public void noCycleHasMoreThanThreeFiles() {
    MODULE.assertCycles();
  }

  @Test
  public void noFileHasMoreThan500Lines() {
    MODULE.assertLengths();
  }
}
