package dev.mpipool.agent;

import dev.mpipool.testing.Architecture;
import org.junit.jupiter.api.Test;

/** The packages of this module and what they may use: docs/architecture.md. */
class ArchitectureTest {

  private static final Architecture MODULE = Architecture.ofThisModule();

  @Test
  void packagesUseOnlyWhatTheyMay() {
    MODULE.assertRooms(
        """
        agent ->
        """);
  }

  @Test
  void librariesAreTheListed() {
    MODULE.assertLibraries("org.objectweb.asm");
  }

  @Test
  void noCycleHasMoreThanThreeFiles() {
    MODULE.assertCycles();
  }

  @Test
  void noFileHasMoreThan500Lines() {
    MODULE.assertLengths();
  }
}
