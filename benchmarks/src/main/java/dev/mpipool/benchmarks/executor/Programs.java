package dev.mpipool.benchmarks.executor;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/** How each contestant is started. */
final class Programs {

  private static final String PACKAGE = "dev.mpipool.benchmarks.executor.";
  private static final List<String> HEAP = List.of("-Xmx4g");
  private static final String RANKS = String.valueOf(1 + Contestant.WORKERS);

  /** Hazelcast and Ignite reach into the JDK. */
  private static final List<String> OPENED =
      List.of(
          "java.base/jdk.internal.access",
          "java.base/jdk.internal.misc",
          "java.base/sun.nio.ch",
          "java.base/sun.util.calendar",
          "java.management/com.sun.jmx.mbeanserver",
          "jdk.internal.jvmstat/sun.jvmstat.monitor",
          "java.base/sun.reflect.generics.reflectiveObjects",
          "jdk.management/com.sun.management.internal",
          "java.management/sun.management",
          "java.base/jdk.internal.ref",
          "java.base/java.io",
          "java.base/java.nio",
          "java.base/java.net",
          "java.base/java.util",
          "java.base/java.util.concurrent",
          "java.base/java.util.concurrent.locks",
          "java.base/java.util.concurrent.atomic",
          "java.base/java.lang",
          "java.base/java.lang.invoke",
          "java.base/java.math",
          "java.base/java.time");

  /** Contestants on the machine's own MPI, and the launcher of each. */
  static final Map<String, String> NATIVE =
      new TreeMap<>(Map.of("openmpi", "mpirun.openmpi", "mpich", "mpirun.mpich"));

  /** What to run for one contestant. */
  record Program(String contestant, List<List<String>> helpers, List<String> main) {}

  private final Path home;
  private final Effort effort;
  private final Path folder;

  /** Which parts to measure, for those that can choose; all if empty. */
  private final String parts;

  Programs(Path home, Effort effort, String parts, Path folder) {
    this.parts = parts;
    this.home = home;
    this.effort = effort;
    this.folder = folder;
  }

  /** All that are there, those that start quickly first. */
  List<Program> all(String python) {
    List<Program> all = new ArrayList<>();
    for (String device : List.of("tcpdev", "niodev", "multicore")) {
      all.add(pool(device, List.of(), device));
    }
    NATIVE.forEach((name, mpirun) -> onMachinesMpi(name, mpirun).ifPresent(all::add));
    all.add(new Program("jdk", List.of(), java(List.of(), "JdkPool")));
    if (!python.isEmpty()) {
      all.add(mpi4py(python));
    }
    all.add(simulation());
    all.add(peer("hazelcast", "HazelcastPeer"));
    all.add(peer("ignite", "IgnitePeer"));
    all.add(shortJobs(python));
    return all;
  }

  /** Main alone, with simulated workers. */
  private Program simulation(String... arguments) {
    return new Program(ManyWorkers.NAME, List.of(), java(HEAP, "Simulation", arguments));
  }

  /** Main alone, as far as its cost depends on the number of workers. */
  Program manyWorkers() {
    return simulation("workers");
  }

  private String level() {
    String name = effort.name().toLowerCase(Locale.ROOT);
    return parts.isEmpty() ? name : name + "/" + parts;
  }

  private Program pool(String name, List<String> prefix, String device) {
    List<String> command = new ArrayList<>(prefix);
    command.addAll(
        List.of(
            home.resolve("bin/mpjrun.sh").toString(),
            "-np",
            RANKS,
            "-dev",
            device,
            "-cp",
            home.resolve("benchmarks/target/classes").toString(),
            PACKAGE + "PoolRank",
            level(),
            name));
    return new Program(name, List.of(), command);
  }

  /** Where that MPI is installed, and a JDK that can call it. */
  private Optional<Program> onMachinesMpi(String name, String mpirun) {
    Path jdk = home.resolve("native/target/jdk");
    if (!isOnPath(mpirun) || !Files.isReadable(jdk)) {
      return Optional.empty();
    }
    try {
      List<String> prefix =
          List.of(
              "env",
              "MPIPOOL_MPIRUN=" + mpirun,
              "JAVA_HOME=" + Files.readString(jdk).strip(),
              "MPIPOOL_NO_BUILD=1");
      return Optional.of(pool(name, prefix, "native"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static boolean isOnPath(String command) {
    return Stream.of(System.getenv("PATH").split(File.pathSeparator))
        .anyMatch(folder -> Files.isExecutable(Path.of(folder, command)));
  }

  private List<String> java(List<String> options, String mainClass, String... arguments) {
    Path target = home.resolve("benchmarks/target");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(options);
    command.add("-cp");
    command.add(System.getProperty("java.class.path") + ":" + target + "/bench-classes");
    command.add(PACKAGE + mainClass);
    command.add(level());
    command.addAll(Arrays.asList(arguments));
    return command;
  }

  private Program peer(String contestant, String mainClass) {
    int port = ThreadLocalRandom.current().nextInt(20_000, 30_000);
    List<String> options = new ArrayList<>();
    OPENED.forEach(name -> options.add("--add-opens=" + name + "=ALL-UNNAMED"));
    options.add("--add-modules=java.se");
    options.add("--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED");
    options.add("-Dbench.port=" + port);
    options.add("-Dbench.folder=" + folder);
    options.add("-Djava.net.preferIPv4Stack=true");
    List<List<String>> workers = new ArrayList<>();
    for (int i = 1; i <= Contestant.WORKERS; i++) {
      workers.add(java(options, mainClass, "worker", String.valueOf(i)));
    }
    return new Program(contestant, workers, java(options, mainClass));
  }

  private Program shortJobs(String python) {
    List<String> arguments = new ArrayList<>(List.of(home.toString()));
    if (!python.isEmpty()) {
      String script = home.resolve("benchmarks/src/main/python/short.py").toString();
      arguments.addAll(List.of(mpirun(), "--oversubscribe", "-np", RANKS, python, script));
    }
    String[] all = arguments.toArray(String[]::new);
    return new Program("short", List.of(), java(List.of(), "ShortJobs", all));
  }

  private static String mpirun() {
    return isOnPath(NATIVE.get("openmpi")) ? NATIVE.get("openmpi") : "mpirun";
  }

  private Program mpi4py(String python) {
    long[] lengths = MixedLengths.lengths(effort.mixedTasks);
    List<String> command =
        List.of(
            mpirun(),
            "--oversubscribe",
            "-np",
            RANKS,
            python,
            home.resolve("benchmarks/src/main/python/executor.py").toString(),
            level(),
            LongStream.of(lengths).mapToObj(String::valueOf).collect(Collectors.joining(",")),
            String.valueOf(MixedLengths.greedy(lengths, Contestant.WORKERS)));
    return new Program("mpi4py", List.of(), command);
  }
}
