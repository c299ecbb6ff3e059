package dev.mpipool;

import dev.mpipool.testing.Architecture;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The rooms of this module. Exceptions may be deleted, not added: docs/architecture.md. */
class ArchitectureTest {

  private static final Architecture MODULE = Architecture.ofThisModule();

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
        mpipool -> batch, dispatch, worker, wire, comm, memory
        shared -> files, comm, memory
        batch -> dispatch, wire, files, memory
        dispatch -> wire, comm, memory
        worker -> wire, comm, memory
        wire -> comm, memory
        files ->
        comm -> transport, memory
        transport -> memory
        link -> memory
        memory ->
        """);
  }

  @Test
  void librariesAreTheListed() {
    MODULE.assertLibraries("org.slf4j", "org.apache.commons.lang3", "org.apache.fory", "jdk.net");
  }

  @Test
  void noCircleHasMoreThanThreeFiles() {
    MODULE.assertCycles(Map.of("dispatch", List.of(8)));
  }

  @Test
  void noFileHasMoreThan500Lines() {
    MODULE.assertLengths(
        Map.of("Dispatcher", 750, "FrameSender", 600, "LeanSerializer", 550, "WorkerLoop", 650));
  }
}
