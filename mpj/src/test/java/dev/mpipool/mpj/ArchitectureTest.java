package dev.mpipool.mpj;

import dev.mpipool.testing.ModuleArchitecture;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The packages of this module and what they may use: docs/architecture.md. */
class ArchitectureTest extends ModuleArchitecture {

  @Test
  void packagesUseOnlyWhatTheyMay() {
    MODULE.assertRooms(
        Set.of(
            "comm.CommunicatorException",
            "comm.FailureModel",
            "comm.RankLostException",
            "comm.RankLostListener"),
        """
        mpj -> device, comm, transport, link, memory
        device -> transport, link, memory
        """);
  }

  @Test
  void filesOfTheDeviceUseOnlyRoomsBelow() {
    MODULE.assertLayers(
        "device",
        """
        mpj: TcpDevice, FinalBarrier, StreamedBuffers, TcpTransport, HeadReceiver, LongMessages, SharedArenas, SharedArena, \
            MessageLayout, FailureDetector
        connection: Endpoint, Job, Connection, Connector, Acceptor, Handshake, Inbox, Outbox, \
            RendezvousWriter, SharedMemoryRing, SharedMemory, Unix, PrivateFolder, \
            FailureNotifier, DeviceLog
        wire: Frame, Envelope, Matcher, UnexpectedMessage, RecvRequest, SendRequest, \
            MemoryReceive, ArrayReceive, ArrayRange, StreamedMemory, RankId, RankLostException, \
            MessageTruncatedException
        progress: Progress, DeviceRequest, CompletedList
        """);
  }

  @Test
  void librariesAreTheListed() {
    MODULE.assertLibraries("mpi", "mpjbuf", "mpjdev", "xdev", "org.slf4j");
  }
}
