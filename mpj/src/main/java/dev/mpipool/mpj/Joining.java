package dev.mpipool.mpj;

import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.device.FailureDetector;
import dev.mpipool.device.TcpDevice;
import dev.mpipool.device.TcpTransport;
import dev.mpipool.link.LauncherLink;
import dev.mpipool.transport.Launch;
import dev.mpipool.transport.Transport;
import java.util.Set;
import java.util.stream.IntStream;
import mpi.MPI;
import mpi.MPIException;
import mpjdev.javampjdev.MPJDev;

/** How a rank joins the others on MPJ Express, whose classes this class needs. */
final class Joining {

  /** Where our device takes the place of the device that was asked for. */
  private static final Set<String> BY_CONNECTIONS = Set.of("tcpdev", "niodev");

  private Joining() {}

  /**
   * Joins; our own device does not need {@code MPI.Init}, which takes the longer the more ranks.
   */
  static Transport join(String[] arguments) {
    try {
      if (BY_CONNECTIONS.contains(arguments[2])) {
        TcpDevice.install();
      }
      if (!(MPJDev.dev instanceof TcpDevice)) {
        MPI.Init(arguments);
      }
    } catch (MPIException e) {
      throw new CommunicatorException("The other ranks cannot be joined: " + e.getMessage(), e);
    }
    return joined(arguments);
  }

  /** The ranks have met, or our device is there to meet them. */
  static Transport joined(String[] arguments) {
    return MPJDev.dev instanceof TcpDevice
        ? TcpTransport.open(arguments)
        : new StockTransport(new FailureDetector(null));
  }

  /** Asks MPI itself only if there is a device: its class takes a hundred others to load. */
  static boolean isInitialized() {
    return MPJDev.dev instanceof TcpDevice ours
        ? ours.isInitialized()
        : MPJDev.dev != null && MPI.Initialized();
  }

  /** What {@code MPI.Init} has found. */
  static Launch launch() {
    return new Launch("MPI.Init", MPI.COMM_WORLD.Rank(), MPI.COMM_WORLD.Size());
  }

  /** Ends MPI. On MPJ Express's own devices it would wait for the lost for ever. */
  static void end() {
    int size = MPI.COMM_WORLD.Size();
    boolean complete =
        LauncherLink.current()
            .map(link -> IntStream.range(0, size).noneMatch(link::isLost))
            .orElse(true);
    if (complete || MPJDev.dev instanceof TcpDevice) {
      MPI.Finalize();
    }
  }

  static boolean ranksAreThreads() {
    return MPJDev.dev.getClass().getName().startsWith("xdev.smpdev.");
  }
}
