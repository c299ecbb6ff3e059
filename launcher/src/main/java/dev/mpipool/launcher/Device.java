package dev.mpipool.launcher;

import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * The devices that a job can run on. A new one needs a line here, and what it asks for at start in
 * {@link Job}.
 */
enum Device {
  /** The ranks are threads of one JVM. */
  MULTICORE("multicore", "smpdev", false, false),
  /** Each rank is a JVM; our own device, on which a lost rank is one lost rank. */
  TCPDEV("tcpdev", "tcpdev", true, true),
  /**
   * Each rank is a JVM; MPJ Express's own device over TCP, which loses every rank with the first.
   */
  NIODEV("niodev", "niodev", true, false),
  /**
   * Each rank is a JVM; the launcher and the library of the machine's own MPI: see {@link
   * NativeJob}.
   */
  NATIVE("native", "native", true, false);

  private final String option;
  private final String mpjName;
  private final boolean processes;
  private final boolean survivesLoss;

  Device(String option, String mpjName, boolean processes, boolean survivesLoss) {
    this.option = option;
    this.mpjName = mpjName;
    this.processes = processes;
    this.survivesLoss = survivesLoss;
  }

  static Device of(String option) throws UsageException {
    for (Device device : values()) {
      if (device.option.equals(option)) {
        return device;
      }
    }
    throw new UsageException(
        "there is no device "
            + option
            + "; use one of "
            + Arrays.stream(values())
                .map(device -> device.option)
                .collect(Collectors.joining(", ")));
  }

  /** The name that {@code MPI.Init} knows. */
  String mpjName() {
    return mpjName;
  }

  /** Whether each rank is a process of its own. */
  boolean processes() {
    return processes;
  }

  /** Whether the other ranks go on when one other than main's is lost. */
  boolean survivesLoss() {
    return survivesLoss;
  }
}
