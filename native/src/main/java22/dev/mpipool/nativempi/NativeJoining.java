package dev.mpipool.nativempi;

import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.transport.Launch;
import dev.mpipool.transport.Transport;

/** Loads the library, initializes MPI and checks that the other ranks are there. */
public final class NativeJoining implements Joining {

  /** Creates it; called by {@link NativeProvider}. */
  public NativeJoining() {}

  @Override
  public Transport join(Launch launch) {
    // UCX would take the JVM's signals, and end the process at the first null check that fails.
    Libc.setIfAbsent("UCX_ERROR_SIGNALS", "");
    // It prints warnings, such as of messages that are not received any more at the end, into the
    // program's output.
    Libc.setIfAbsent("UCX_LOG_LEVEL", "error");
    SignalHandlers handlers = new SignalHandlers();
    MpiLibrary library = MpiLibrary.load(launch);
    MpiCalls.initialize(library);
    String changed = handlers.putBack();
    if (!changed.isEmpty()) {
      System.err.printf(
          "mpipool: %s has taken the handlers of the signals %s, without which Java cannot run; they"
              + " are put back%n",
          library.title, changed);
    }
    int size = MpiCalls.ofWorld("MPI_Comm_size");
    int rank = MpiCalls.ofWorld("MPI_Comm_rank");
    if (launch.size() > 0 && size != launch.size()) {
      throw new CommunicatorException(
          ("%s started this program as %d processes, but %s finds %d: use the MPI library of the"
                  + " launcher (-D%s=/path/to/library), or the launcher of the library")
              .formatted(
                  launch.launcher(), launch.size(), library.title, size, LibrarySearch.PROPERTY),
          null);
    }
    MpiCalls.duplicateWorld();
    return new NativeTransport(rank, size, launch.launcher());
  }
}
