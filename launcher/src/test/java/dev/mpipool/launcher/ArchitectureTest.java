package dev.mpipool.launcher;

import dev.mpipool.testing.Architecture;
import org.junit.jupiter.api.Test;

/** The packages of this module and what they may use: docs/architecture.md. */
class ArchitectureTest {

  private static final Architecture MODULE = Architecture.ofThisModule();

  @Test
  void packagesUseOnlyWhatTheyMay() {
    MODULE.assertRooms(
        """
        launcher -> device, transport, link
        """);
  }

  @Test
  void librariesAreTheListed() {
    MODULE.assertLibraries("picocli");
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
