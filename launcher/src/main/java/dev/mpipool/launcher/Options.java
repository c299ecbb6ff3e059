package dev.mpipool.launcher;

import dev.mpipool.launcher.Machines.Host;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** The command line, which is that of MPJ Express's own mpjrun. */
@Command(
    name = "mpjrun.sh",
    synopsisHeading = "Runs a Java program on MPI ranks.%n%nUsage: ",
    customSynopsis = {
      "mpjrun.sh [options] [JVM options] class [arguments]",
      "       mpjrun.sh [options] [JVM options] -jar file [arguments]%n"
    },
    sortOptions = false,
    separator = " ",
    usageHelpAutoWidth = true,
    footer = {
      "",
      "JVM options (-D.. -X.. -ea -agentlib:.. --add-opens .. and so on) go to the JVM of each rank.",
      "What follows the class belongs to the program.",
      "",
      "Examples:",
      "  mpjrun.sh -np 4 Example                       the first example, on four ranks",
      "  mpjrun.sh -np 4 -cp build/classes my.Main in  a program of your own",
      "  mpjrun.sh -np 4 -dev multicore -Xmx2g my.Main all ranks in one JVM",
      "  mpjrun.sh -np 8 -machinesfile hosts -jar my.jar",
      "",
      "Exit code: the program's own; 1 if main threw or a rank was lost; 2 if the command is wrong.",
      "Environment: CLASSPATH as for java; MPIPOOL_SSH, the command that reaches other hosts",
      "(ssh -o BatchMode=yes; in Slurm srun); MPJ_HOME, JAVA_HOME; MPIPOOL_NO_BUILD=1 never builds;",
      "MPIPOOL_MPIRUN, the launcher that -dev native takes."
    })
final class Options {
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

  @Option(
      names = {"-np", "-n", "--np"},
      paramLabel = "N",
      description =
          "How many ranks, main included (default: as many as -hosts or -machinesfile name, else"
              + " as the batch scheduler has allotted, else the processors of this host). -np 1:"
              + " main alone, whose workers are threads.")
  private Integer np;

  @Option(
      names = "-dev",
      paramLabel = "DEVICE",
      description =
          "tcpdev (default): each rank is a JVM, on our own device. multicore: the ranks are"
              + " threads of one JVM. niodev: each rank is a JVM, on MPJ Express's stock device."
              + " native: each rank is a JVM, on the machine's own MPI (mpirun, or srun within a"
              + " job of Slurm).")
  private String device = "tcpdev";

  @Option(
      names = {"-cp", "-classpath", "--class-path"},
      paramLabel = "PATH",
      description = "The program's class path (default: CLASSPATH, else this folder).")
  private String classPath;

  @Option(names = "-jar", paramLabel = "FILE", description = "Run the main class of this jar.")
  private Path jar;

  @Option(
      names = "-wdir",
      paramLabel = "FOLDER",
      description = "The ranks' working folder (default: this one).")
  private Path folder = Path.of("");

  @Option(
      names = {"-machinesfile", "-hostfile", "--hostfile"},
      paramLabel = "FILE",
      description =
          "Hosts to run on, one a line (node1, node1:4 or node1 slots=4; default: those of the"
              + " job of Slurm, PBS, Grid Engine or LSF, else this one); reached over ssh, in a"
              + " job of Slurm by srun. The same folders must be there.")
  private Path machines;

  @Option(
      names = {"-hosts", "-host", "--host"},
      paramLabel = "LIST",
      description = "Hosts to run on, as in node1:4,node2. Ranks fill one host after the other.")
  private String hosts;

  @Option(
      names = "-tag-output",
      description = "Begin each line of output with its rank in brackets.")
  private boolean tagOutput;

  @Option(
      names = "-check",
      description =
          "Look at everything that a job needs here and on the hosts, then run SelfTest on them: a"
              + " line for each, with the cure where something is missing.")
  private boolean check;

  @Option(
      names = "-any-lambda",
      description =
          "Make every lambda of the program serializable, and its records: those of the folders of"
              + " the class path and of the jar with the main class.")
  private boolean anyLambda;

  @Option(
      names = "-hook-timeout",
      paramLabel = "SECONDS",
      description =
          "How long the ranks' shutdown hooks may take after Ctrl-C or SIGTERM (default:"
              + " ${DEFAULT-VALUE}). A second Ctrl-C ends them at once.")
  private int hookTimeout = 10;

  @Option(
      names = "-psl",
      paramLabel = "BYTES",
      description = "Protocol switch limit of niodev and tcpdev (default: ${DEFAULT-VALUE}).")
  private int switchLimit = 128 * 1024;

  @Option(
      names = "-start-timeout",
      paramLabel = "SECONDS",
      description =
          "End the job if a rank has not reached the launcher after this time (default:"
              + " ${DEFAULT-VALUE}).")
  private int startTimeout = 60;

  @Option(
      names = {"-dport", "-mpjport", "-headnodeip", "-mxboardnum"},
      paramLabel = "VALUE",
      hidden = true,
      description = "Of MPJ Express's daemon, which is not used: ignored.")
  private String ignored;

  @Option(
      names = {"-h", "-help", "--help"},
      usageHelp = true,
      description = "Print this.")
  private boolean help;

  private final CommandLine parser = new CommandLine(this);
  private final List<String> jvmOptions = new ArrayList<>();
  private final List<String> program = new ArrayList<>();

  /** Sorts the arguments into ours, the JVM's and the program's. */
  static Options parse(List<String> arguments) throws UsageException {
    Options options = new Options();
    List<String> ours = options.sort(arguments);
    try {
      options.parser.parseArgs(ours.toArray(String[]::new));
    } catch (ParameterException e) {
      throw new UsageException(firstLine(e) + "; -h prints how to use it");
    }
    return options;
  }

  boolean check() {
    return check;
  }

  boolean help() {
    return help;
  }

  String usage() {
    return parser.getUsageMessage();
  }

  private List<String> sort(List<String> arguments) throws UsageException {
    List<String> ours = new ArrayList<>();
    Map<String, OptionSpec> known = parser.getCommandSpec().optionsMap();
    int i = 0;
    while (i < arguments.size() && arguments.get(i).startsWith("-")) {
      String argument = arguments.get(i++);
      int equals = argument.indexOf('=');
      boolean joined = equals > 0 && takesValue(known.get(argument.substring(0, equals)));
      String option = joined ? argument.substring(0, equals) : argument;
      boolean own = known.containsKey(option);
      if (!own && !isJvmOption(option)) {
        throw new UsageException(
            REFUSED.containsKey(option)
                ? "option " + option + ": " + REFUSED.get(option)
                : "unknown option " + option + "; -h prints those there are");
      }
      List<String> target = own ? ours : jvmOptions;
      target.add(option);
      if (joined) {
        target.add(argument.substring(equals + 1));
      } else if (own ? takesValue(known.get(option)) : WITH_SEPARATE_VALUE.contains(option)) {
        if (i == arguments.size()) {
          throw new UsageException("option " + option + " needs a value");
        }
        target.add(arguments.get(i++));
      }
      if (option.equals("-jar")) {
        break; // as with java, what follows belongs to the program
      }
    }
    program.addAll(arguments.subList(i, arguments.size()));
    return ours;
  }

  private static boolean takesValue(OptionSpec option) {
    return option != null && option.arity().max() > 0;
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
    if (check && (jar != null || !program.isEmpty())) {
      throw new UsageException("-check runs SelfTest; leave out the program");
    }
    if (check) {
      program.add(Check.SELF_TEST);
    }
    if (jar == null && program.isEmpty()) {
      throw new UsageException(
          "no class to run; try: mpjrun.sh -np 4 Example (-h prints all options)");
    }
    List<Host> named = named();
    Placement placement = Placement.of(np, named, on, environment, Machines.thisHost(environment));
    List<Path> path = jar == null ? ClassPaths.parse(classPath) : List.of(readable(jar));
    String mainClass = jar == null ? program.get(0) : mainClassOf(jar);
    List<String> arguments = jar == null ? program.subList(1, program.size()) : program;
    String found = ClassPaths.find(mainClass, path, installation);
    if (jvmOptions.stream().noneMatch(Options::mayAddClasses)) {
      MainMethod.check(found, installation.seenByRanks(path));
    }
    return new JobSpec(
        on,
        placement,
        anyLambda ? withAgent(installation, path, found) : jvmOptions,
        path,
        folder.toAbsolutePath().normalize(),
        tagOutput,
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
  private List<Host> named() throws UsageException {
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

  private static String firstLine(Exception e) {
    return Arrays.asList(String.valueOf(e.getMessage()).split("\\R", 2)).get(0);
  }
}
