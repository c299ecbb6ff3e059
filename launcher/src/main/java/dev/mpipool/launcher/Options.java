package dev.mpipool.launcher;

import dev.mpipool.launcher.Machines.Host;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.jar.Attributes;
import java.util.jar.JarFile;

/** The command line, which is that of MPJ Express's own mpjrun. */
final class Options {
  private static final String SYNOPSIS =
      """
      Runs a Java program on MPI ranks.

      Usage: mpjrun.sh [options] [JVM options] class [arguments]
             mpjrun.sh [options] [JVM options] -jar file [arguments]

      """;

  private static final String NOTES =
      """

      JVM options (-D.. -X.. -ea -agentlib:.. --add-opens .. and so on) go to the JVM
      of each rank. What follows the class belongs to the program.

      Examples:
        mpjrun.sh -np 4 Example                       the first example, on four ranks
        mpjrun.sh -np 4 -cp build/classes my.Main in  a program of your own
        mpjrun.sh -np 4 -dev multicore -Xmx2g my.Main all ranks in one JVM
        mpjrun.sh -np 8 -machinesfile hosts -jar my.jar

      Exit code: the program's own; 1 if main threw or a rank was lost; 2 if the
      command is wrong.
      Environment: CLASSPATH as for java; MPIPOOL_SSH, the command that reaches other
      hosts (ssh -o BatchMode=yes; in Slurm srun); MPJ_HOME, JAVA_HOME;
      MPIPOOL_NO_BUILD=1 never builds; MPIPOOL_MPIRUN, the launcher that -dev native
      takes.
      """;

  private static final Set<String> WITH_SEPARATE_VALUE =
      Set.of(
          "--add-opens",
          "--add-exports",
          "--add-modules",
          "--add-reads",
          "--limit-modules",
          "--module-path",
          "-p",
          "--upgrade-module-path",
          "--patch-module",
          "--enable-native-access");

  private static final Set<String> FLAGS =
      Set.of(
          "-ea",
          "-da",
          "-esa",
          "-dsa",
          "-server",
          "-client",
          "-verbose",
          "-enableassertions",
          "-disableassertions",
          "-enablesystemassertions",
          "-disablesystemassertions",
          "--enable-preview",
          "-showversion",
          "--show-version");

  private static final List<String> PREFIXES =
      List.of(
          "-D",
          "-X",
          "-ea:",
          "-da:",
          "-enableassertions:",
          "-disableassertions:",
          "-verbose:",
          "-agentlib:",
          "-agentpath:",
          "-javaagent:");

  /** What MPJ Express's mpjrun knows and this one refuses, with the cure. */
  private static final Map<String, String> REFUSED =
      Map.of(
          "-yarn", "Hadoop YARN is not supported; leave it out",
          "-debug",
              "use -agentlib:jdwp=transport=dt_socket,server=y,suspend=y,address=*:PORT instead",
          "-profile", "use -javaagent:.. or -XX:+FlightRecorder options instead",
          "-src", "sources are not sent to other hosts; share the folder instead");

  private final Map<OwnOption, String> given = new EnumMap<>(OwnOption.class);
  private final List<String> jvmOptions = new ArrayList<>();
  private final List<String> program = new ArrayList<>();

  /** Sorts the arguments into ours, the JVM's and the program's. */
  static Options parse(List<String> arguments) throws UsageException {
    Options options = new Options();
    options.sort(arguments);
    return options;
  }

  boolean check() {
    return given.containsKey(OwnOption.CHECK);
  }

  boolean help() {
    return given.containsKey(OwnOption.HELP);
  }

  static String usage() {
    return SYNOPSIS + OwnOption.usage() + NOTES;
  }

  private void sort(List<String> arguments) throws UsageException {
    int i = 0;
    while (i < arguments.size() && arguments.get(i).startsWith("-")) {
      String argument = arguments.get(i++);
      int equals = argument.indexOf('=');
      OwnOption before = equals > 0 ? OwnOption.of(argument.substring(0, equals)) : null;
      boolean joined = before != null && before.takesValue();
      String name = joined ? argument.substring(0, equals) : argument;
      OwnOption own = OwnOption.of(name);
      if (own == null && !isJvmOption(name)) {
        throw new UsageException(whatIsWrongWith(name));
      }
      String value = "";
      if (joined) {
        value = argument.substring(equals + 1);
      } else if (own != null ? own.takesValue() : WITH_SEPARATE_VALUE.contains(name)) {
        if (i == arguments.size()) {
          throw new UsageException("option " + name + " needs a value");
        }
        value = arguments.get(i++);
      }
      if (own != null) {
        give(own, name, value);
      } else {
        jvmOptions.add(name);
        if (WITH_SEPARATE_VALUE.contains(name)) {
          jvmOptions.add(value);
        }
      }
      if (own == OwnOption.JAR) {
        break; // as with java, what follows belongs to the program
      }
    }
    program.addAll(arguments.subList(i, arguments.size()));
  }

  private static String whatIsWrongWith(String name) {
    if (REFUSED.containsKey(name)) {
      return "option " + name + ": " + REFUSED.get(name);
    }
    String similar = OwnOption.similarTo(name);
    return "unknown option "
        + name
        + "; "
        + (similar == null ? "" : "perhaps " + similar + " is meant; ")
        + "-h prints those there are";
  }

  private void give(OwnOption option, String name, String value) throws UsageException {
    if (given.put(option, value) != null && option != OwnOption.IGNORED) {
      throw new UsageException("option " + name + " is there twice; leave one out");
    }
  }

  private Path path(OwnOption option) {
    String value = given.get(option);
    return value == null ? null : Path.of(value);
  }

  private int number(OwnOption option, String name, int otherwise) throws UsageException {
    String value = given.get(option);
    try {
      return value == null ? otherwise : Integer.parseInt(value);
    } catch (NumberFormatException e) {
      throw new UsageException(
          name + " " + value + ": a whole number is needed; -h prints how to use it");
    }
  }

  private static boolean isJvmOption(String option) {
    int equals = option.indexOf('=');
    return FLAGS.contains(option)
        || WITH_SEPARATE_VALUE.contains(equals < 0 ? option : option.substring(0, equals))
        || PREFIXES.stream().anyMatch(option::startsWith);
  }

  /** Whether an option of the JVM may give the ranks classes that the class path lacks. */
  private static boolean mayAddClasses(String option) {
    return option.matches("-javaagent:.*|-agent.*|-Xbootclasspath.*|-p|--.*module.*");
  }

  /** Checks everything that can be checked before a JVM starts. */
  JobSpec toJob(Installation installation, Map<String, String> environment)
      throws UsageException, IOException {
    Integer np = given.containsKey(OwnOption.NP) ? number(OwnOption.NP, "-np", 0) : null;
    int switchLimit = number(OwnOption.SWITCH_LIMIT, "-psl", 128 * 1024);
    int hookTimeout = number(OwnOption.HOOK_TIMEOUT, "-hook-timeout", 10);
    int startTimeout = number(OwnOption.START_TIMEOUT, "-start-timeout", 60);
    String device = given.getOrDefault(OwnOption.DEVICE, "tcpdev");
    String hosts = given.get(OwnOption.HOSTS);
    Path machines = path(OwnOption.MACHINES);
    Path folder = Path.of(given.getOrDefault(OwnOption.FOLDER, ""));
    Path jar = path(OwnOption.JAR);
    if (np != null && np < 1) {
      throw new UsageException("-np " + np + ": at least one rank is needed");
    }
    if (switchLimit < 12) {
      throw new UsageException("-psl " + switchLimit + ": at least 12 bytes are needed");
    }
    if (hookTimeout < 0) {
      throw new UsageException("-hook-timeout " + hookTimeout + ": 0 seconds is the least");
    }
    if (startTimeout < 1) {
      throw new UsageException(
          "-start-timeout " + startTimeout + ": at least one second is needed");
    }
    Device on = Device.of(device);
    if (machines != null && hosts != null) {
      throw new UsageException("-hosts and -machinesfile both name the hosts; leave one out");
    }
    if ((machines != null || hosts != null) && !on.processes()) {
      throw new UsageException(
          (hosts != null ? "-hosts" : "-machinesfile")
              + " needs ranks that are processes; leave out -dev "
              + device);
    }
    if (!Files.isDirectory(folder)) {
      throw new UsageException("-wdir " + folder + " is no folder");
    }
    if (check() && (jar != null || !program.isEmpty())) {
      throw new UsageException("-check runs SelfTest; leave out the program");
    }
    if (check()) {
      program.add(Check.SELF_TEST);
    }
    if (jar == null && program.isEmpty()) {
      throw new UsageException(
          "no class to run; try: mpjrun.sh -np 4 Example (-h prints all options)");
    }
    List<Host> named = named(hosts, machines);
    Placement placement = Placement.of(np, named, on, environment, Machines.thisHost(environment));
    List<Path> path =
        jar == null ? ClassPaths.parse(given.get(OwnOption.CLASS_PATH)) : List.of(readable(jar));
    String mainClass = jar == null ? program.get(0) : mainClassOf(jar);
    List<String> arguments = jar == null ? program.subList(1, program.size()) : program;
    String found = ClassPaths.find(mainClass, path, installation);
    if (jvmOptions.stream().noneMatch(Options::mayAddClasses)) {
      MainMethod.check(found, installation.seenByRanks(path));
    }
    return new JobSpec(
        on,
        placement,
        given.containsKey(OwnOption.ANY_LAMBDA) ? withAgent(installation, path, found) : jvmOptions,
        path,
        folder.toAbsolutePath().normalize(),
        given.containsKey(OwnOption.TAG_OUTPUT),
        hookTimeout,
        switchLimit,
        startTimeout,
        found,
        arguments);
  }

  private List<String> withAgent(Installation installation, List<Path> path, String mainClass)
      throws IOException {
    List<Path> program = ClassPaths.program(path, mainClass, installation);
    List<String> options = new ArrayList<>();
    options.add("-javaagent:" + installation.agent());
    options.add("-Dmpipool.lambdas.path=" + Installation.join(program, List.of()));
    options.addAll(jvmOptions);
    return options;
  }

  /** The hosts that the user has named. */
  private static List<Host> named(String hosts, Path machines) throws UsageException {
    if (hosts != null) {
      return Machines.parse(hosts);
    }
    return machines == null ? List.of() : Machines.read(machines);
  }

  private static Path readable(Path jar) throws UsageException {
    if (!Files.isReadable(jar) || Files.isDirectory(jar)) {
      throw new UsageException("there is no jar file " + jar);
    }
    return jar.toAbsolutePath().normalize();
  }

  private static String mainClassOf(Path jar) throws UsageException {
    try (JarFile file = new JarFile(jar.toFile())) {
      String name =
          file.getManifest() == null
              ? null
              : file.getManifest().getMainAttributes().getValue(Attributes.Name.MAIN_CLASS);
      if (name == null) {
        throw new UsageException(
            "the manifest of "
                + jar
                + " names no main class; use -cp "
                + jar
                + " and name the class");
      }
      return name.strip();
    } catch (IOException e) {
      throw new UsageException(jar + " is no jar file");
    }
  }
}
