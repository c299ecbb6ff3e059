package dev.mpipool.nativempi;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** An MPI of this machine. Its tests are skipped where it is not installed. */
enum Mpi {
  OPEN_MPI("openmpi", "mpirun.openmpi", "libmpi.so.40"),
  MPICH("mpich", "mpirun.mpich", "libmpich.so.12");

  private final String device;
  private final String launcher;
  final String library;

  Mpi(String device, String launcher, String library) {
    this.device = device;
    this.launcher = launcher;
    this.library = library;
  }

  /** Starts ranks that run a program on the JDK that the versioned classes were made with. */
  Job start(int ranks, Class<?> program, String... arguments) throws IOException {
    return start(jdk(), ranks, List.of(), Map.of(), program, arguments);
  }

  Job start(
      Path jdk,
      int ranks,
      List<String> javaOptions,
      Map<String, String> environment,
      Class<?> program,
      String... arguments)
      throws IOException {
    assumeWanted();
    List<String> command = new ArrayList<>(List.of(launcher));
    if (this == OPEN_MPI) {
      command.add("--oversubscribe"); // it starts no more ranks than there are cores
    }
    command.addAll(List.of("-n", Integer.toString(ranks)));
    command.addAll(java(jdk, javaOptions, program, arguments));
    ProcessBuilder builder = new ProcessBuilder(command);
    // Open MPI's launcher does not start ranks for root unasked.
    builder.environment().put("OMPI_ALLOW_RUN_AS_ROOT", "1");
    builder.environment().put("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
    builder.environment().putAll(environment);
    return new Job(builder);
  }

  /** Starts a program without a launcher. */
  static Job startAlone(
      Path jdk, Map<String, String> environment, Class<?> program, String... arguments)
      throws IOException {
    ProcessBuilder builder = new ProcessBuilder(java(jdk, List.of(), program, arguments));
    builder.environment().putAll(environment);
    return new Job(builder);
  }

  private static List<String> java(
      Path jdk, List<String> options, Class<?> program, String... arguments) {
    List<String> command = new ArrayList<>(List.of(jdk.resolve("bin/java").toString()));
    command.addAll(List.of("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.add("--enable-native-access=ALL-UNNAMED");
    command.addAll(options);
    command.addAll(List.of("-cp", classPath(), program.getName()));
    command.addAll(List.of(arguments));
    return command;
  }

  /** Skips the test where {@code -Dmpipool.test.devices} asks for others only. */
  void assumeWanted() {
    String wanted = System.getProperty("mpipool.test.devices", device);
    assumeTrue(List.of(wanted.split(",")).contains(device), "only " + wanted);
    assumeTrue(isInstalled(), launcher + " is not installed");
  }

  boolean isInstalled() {
    return Stream.of(System.getenv("PATH").split(File.pathSeparator))
        .anyMatch(folder -> Files.isExecutable(Path.of(folder, launcher)));
  }

  /** A JDK of 22 or later. */
  static Path jdk() throws IOException {
    Path file = Path.of(System.getProperty("mpipool.native.jdk"));
    assumeTrue(Files.exists(file), "there is no JDK of 22 or later");
    return Path.of(Files.readString(file).strip());
  }

  /** That of this JVM, with the module's jar in the place of its classes. */
  private static String classPath() {
    String jar = System.getProperty("mpipool.native.jar");
    return jar
        + File.pathSeparator
        + Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
            .filter(entry -> !entry.endsWith("/native/target/classes"))
            .collect(Collectors.joining(File.pathSeparator));
  }
}
