package dev.mpipool.launcher;

import dev.mpipool.testing.ModuleArchitecture;
import org.junit.jupiter.api.Test;

/** The packages of this module and what they may use: docs/architecture.md. */
class ArchitectureTest extends ModuleArchitecture {

  @Test
  void packagesUseOnlyWhatTheyMay() {
    MODULE.assertRooms(
        """
        launcher -> device, transport, link, signal
        """);
  }

  @Test
  void librariesAreTheListed() {
    MODULE.assertLibraries();
  }
}
