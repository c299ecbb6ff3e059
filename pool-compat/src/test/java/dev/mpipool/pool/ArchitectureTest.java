package dev.mpipool.pool;

import dev.mpipool.testing.ModuleArchitecture;
import org.junit.jupiter.api.Test;

/** The packages of this module and what they may use: docs/architecture.md. */
class ArchitectureTest extends ModuleArchitecture {

  @Test
  void packagesUseOnlyWhatTheyMay() {
    MODULE.assertRooms(
        """
        queue -> mpipool, comm, protocol.FailureReport, serial.JavaSerializer, \
            serial.LeanSerializer, serial.Serializer, serial.TaskName, files.Claim, files.Claims, \
            files.DamagedFileException, files.WholeFile
        tasker -> mpipool, comm, protocol.FailureReport, serial.JavaSerializer, \
            serial.LeanSerializer, serial.ProgramLoader, serial.Serializer, \
            files.DamagedFileException, files.ResultFolder, files.ResultReader, files.TaskList, \
            files.WholeFile, memory
        pool -> mpipool, comm, batch.BatchEndedException, batch.BatchRun, \
            batch.ClosingStream, batch.Consumable, batch.Failed, batch.UntilFailure, \
            worker.TaskContext
        """);
  }

  @Test
  void librariesAreTheListed() {
    MODULE.assertLibraries(
        "org.slf4j",
        "org.apache.commons.lang3",
        "me.tongfei.progressbar",
        "javax.xml",
        "org.w3c.dom",
        "org.xml.sax");
  }
}
