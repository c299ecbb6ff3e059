package dev.mpipool.nativempi;

import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.transport.Launch;
import dev.mpipool.transport.Transport;
import java.util.Optional;

/** What a program that was started as several ranks begins with. */
final class Ranks {

  private Ranks() {}

  /** Joins the others; a process that cannot says why and ends. */
  static Transport join() {
    NativeProvider provider = new NativeProvider();
    String[] none = {};
    Optional<Launch> launch = provider.detect(System.getenv(), none);
    try {
      return provider.open(launch.orElseThrow(), none);
    } catch (CommunicatorException e) {
      System.err.println("mpipool: " + e.getMessage());
      System.exit(1);
      throw e;
    }
  }

  /** Tells the test which process this rank is. */
  static void tellPid(Transport transport) {
    // At once: what ranks print gets mixed.
    System.out.print(
        "pid %d of rank %d;\n".formatted(ProcessHandle.current().pid(), transport.rank()));
  }
}
