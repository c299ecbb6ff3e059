package dev.mpipool.launcher;

import dev.mpipool.testing.Architecture;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The rooms of this module. Exceptions may be deleted, not added: docs/architecture.md. */
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
  void noCircleHasMoreThanThreeFiles() {
    MODULE.assertCycles(Map.of());
  }

  @Test
  void noFileHasMoreThan500Lines() {
    MODULE.assertLengths(Map.of());
  }
}
