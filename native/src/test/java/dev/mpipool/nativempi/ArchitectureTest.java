package dev.mpipool.nativempi;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.mpipool.testing.ModuleArchitecture;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The packages of this module and what they may use: docs/architecture.md. */
class ArchitectureTest extends ModuleArchitecture {

  private static final Path VERSIONED = Path.of("target/classes/META-INF/versions/22");

  @Test
  void packagesUseOnlyWhatTheyMay() {
    assumeTrue(Files.exists(VERSIONED), "no JDK of 22 or later compiled the versioned classes");
    MODULE.assertRooms(
        Set.of(
            "comm.CommunicatorException",
            "comm.FailureModel",
            "comm.RankLostException",
            "comm.RankLostListener"),
        """
        nativempi -> transport, memory
        """);
  }

  @Test
  void librariesAreTheListed() {
    MODULE.assertLibraries("org.slf4j");
  }
}
