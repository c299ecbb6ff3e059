package dev.mpipool;

import dev.mpipool.testing.ModuleArchitecture;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The packages of this module and what they may use: docs/architecture.md. */
class ArchitectureTest extends ModuleArchitecture {

  @Test
  void packagesUseOnlyWhatTheyMay() {
    MODULE.assertRooms(
        Set.of(
            "mpipool.BrokenExecutorException",
            "mpipool.RemoteTaskException",
            "mpipool.TaskSerializationException",
            "mpipool.WorkerLostException",
            "comm.CommunicatorException",
            "comm.FailureModel",
            "comm.RankLostException",
            "comm.RankLostListener"),
        """
        mpipool -> batch, dispatch, worker, protocol, serial, comm, memory, signal
        shared -> files, comm, memory
        batch -> dispatch, protocol, serial, files, memory
        dispatch -> protocol, serial, comm, memory
        worker -> protocol, serial, comm, memory
        protocol -> serial, comm, memory
        serial -> memory
        files -> signal
        comm -> transport, memory, signal
        transport -> memory
        link -> memory, signal
        memory ->
        signal ->
        """);
  }

  @Test
  void librariesAreTheListed() {
    MODULE.assertLibraries("org.slf4j", "org.apache.commons.lang3", "org.apache.fory", "jdk.net");
  }
}
