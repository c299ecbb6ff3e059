package dev.mpipool.launcher;

import java.nio.file.Path;
import java.util.List;

/**
 * What to run.
 *
 * @param device on which device
 * @param placement how many ranks there are, and where they run
 * @param jvmOptions for the JVM of each rank
 * @param classPath the program's own class path, absolute
 * @param folder the working folder of each rank
 * @param tagOutput whether each line of output begins with its rank
 * @param hookTimeout how long shutdown hooks may take after a signal, in seconds
 * @param switchLimit the length in bytes from which niodev asks before it sends
 * @param startTimeout seconds that a rank has to reach the launcher
 * @param mainClass the program's main class
 * @param arguments the program's arguments
 */
record JobSpec(
    Device device,
    Placement placement,
    List<String> jvmOptions,
    List<Path> classPath,
    Path folder,
    boolean tagOutput,
    int hookTimeout,
    int switchLimit,
    int startTimeout,
    String mainClass,
    List<String> arguments) {

  JobSpec {
    jvmOptions = List.copyOf(jvmOptions);
    classPath = List.copyOf(classPath);
    arguments = List.copyOf(arguments);
  }

  int np() {
    return placement.np();
  }

  /** The hosts of the ranks, or none if all run on this host. */
  List<String> hosts() {
    return placement.hosts();
  }

  /** Whether every rank runs on the launcher's own host. */
  boolean local() {
    return hosts().stream().allMatch(Machines::isThisHost);
  }

  String host(int rank) {
    return hosts().isEmpty() ? Machines.THIS_HOST : hosts().get(rank);
  }
}
