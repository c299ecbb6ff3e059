package dev.mpipool.launcher;

import dev.mpipool.launcher.Machines.Host;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a batch scheduler has allotted to the job in which the launcher runs.
 *
 * @param job the scheduler and its number of the job
 * @param source the environment variables that say so
 * @param hosts by the scheduler's names
 */
record Allocation(String job, String source, List<Host> hosts) {
  static final String SLURM_JOB = "SLURM_JOB_ID";

  private static final Pattern BRACKETS = Pattern.compile("([^\\[]*)\\[([^\\]]*)\\](.*)");
  private static final Pattern RANGE = Pattern.compile("(\\d{1,9})(?:-(\\d{1,9}))?");
  private static final Pattern REPEATED = Pattern.compile("(\\d{1,6})(?:\\(x(\\d{1,6})\\))?");

  /** Is thrown away by {@link #find}, which names the variables. */
  private static final class MalformedException extends Exception {
    private static final long serialVersionUID = 1;

    MalformedException(String message) {
      super(message);
    }
  }

  @FunctionalInterface
  private interface Reader {
    List<Host> read() throws MalformedException, IOException;
  }

  /**
   * Finds the allocation: that of Slurm, PBS, Grid Engine or LSF.
   *
   * @throws UsageException if the scheduler's variables cannot be understood
   */
  static Optional<Allocation> find(Map<String, String> environment) throws UsageException {
    Map<String, String> env = environment;
    if (env.containsKey(SLURM_JOB) && env.containsKey("SLURM_JOB_NODELIST")) {
      return read("Slurm", env, SLURM_JOB, "SLURM_JOB_NODELIST", () -> slurm(env));
    } else if (env.containsKey("PBS_NODEFILE")) {
      return read("PBS", env, "PBS_JOBID", "PBS_NODEFILE", () -> lines(env, "PBS_NODEFILE", 1));
    } else if (env.containsKey("PE_HOSTFILE")) {
      return read("Grid Engine", env, "JOB_ID", "PE_HOSTFILE", () -> lines(env, "PE_HOSTFILE", 2));
    } else if (env.containsKey("SGE_ROOT") && env.containsKey("NSLOTS")) {
      return read(
          "Grid Engine",
          env,
          "JOB_ID",
          "NSLOTS",
          () -> List.of(host(Machines.THIS_HOST, env.get("NSLOTS"))));
    } else if (env.containsKey("LSB_MCPU_HOSTS")) {
      return read("LSF", env, "LSB_JOBID", "LSB_MCPU_HOSTS", () -> lsf(env));
    }
    return Optional.empty();
  }

  private static Optional<Allocation> read(
      String scheduler, Map<String, String> env, String number, String source, Reader reader)
      throws UsageException {
    String job = scheduler + " job " + env.getOrDefault(number, "?");
    String reason;
    try {
      List<Host> hosts = Machines.merged(reader.read());
      if (!hosts.isEmpty()) {
        return Optional.of(new Allocation(job, source, hosts));
      }
      reason = "names no host";
    } catch (MalformedException e) {
      reason = e.getMessage();
    } catch (IOException e) {
      reason = "cannot be read";
    }
    throw new UsageException(
        job
            + ": "
            + source
            + "="
            + env.get(source)
            + " "
            + reason
            + "; name the ranks and hosts with -np and -hosts");
  }

  private static List<Host> slurm(Map<String, String> env) throws MalformedException {
    List<String> names = expand(env.get("SLURM_JOB_NODELIST"));
    String text = env.getOrDefault("SLURM_TASKS_PER_NODE", "1(x" + names.size() + ")");
    List<Integer> tasks = repeated(text);
    if (tasks.size() != names.size() && env.containsKey("SLURM_STEP_NODELIST")) {
      names = expand(env.get("SLURM_STEP_NODELIST")); // a shell of srun --pty in a larger job
    }
    if (tasks.size() != names.size()) {
      throw new MalformedException(
          "does not go with SLURM_TASKS_PER_NODE=" + text + ", which is for " + tasks.size());
    }
    List<Host> hosts = new ArrayList<>();
    for (int i = 0; i < names.size(); i++) {
      hosts.add(new Host(name(names.get(i)), tasks.get(i)));
    }
    return hosts;
  }

  /** Slurm's lists of hosts: {@code a[1-3,07],b}. */
  private static List<String> expand(String list) throws MalformedException {
    List<String> names = new ArrayList<>();
    for (String part : list.split(",(?![^\\[]*\\])", -1)) {
      addExpanded(part.strip(), names);
    }
    return names;
  }

  private static void addExpanded(String part, List<String> names) throws MalformedException {
    Matcher brackets = BRACKETS.matcher(part);
    if (!brackets.matches()) {
      names.add(part);
      return;
    }
    for (String range : brackets.group(2).split(",", -1)) {
      Matcher bounds = RANGE.matcher(range);
      if (!bounds.matches()) {
        throw new MalformedException("has a range that is none: " + range);
      }
      String first = bounds.group(1);
      int last = Integer.parseInt(bounds.group(2) == null ? first : bounds.group(2));
      for (int i = Integer.parseInt(first); i <= last; i++) {
        String number = ("%0" + first.length() + "d").formatted(i);
        addExpanded(brackets.group(1) + number + brackets.group(3), names);
      }
    }
  }

  /** Slurm's lists of numbers: {@code 2(x3),1}. */
  private static List<Integer> repeated(String list) throws MalformedException {
    List<Integer> numbers = new ArrayList<>();
    for (String part : list.split(",", -1)) {
      Matcher matcher = REPEATED.matcher(part.strip());
      if (!matcher.matches()) {
        throw new MalformedException("goes with SLURM_TASKS_PER_NODE=" + list + ", which is none");
      }
      int times = matcher.group(2) == null ? 1 : Integer.parseInt(matcher.group(2));
      for (int i = 0; i < times; i++) {
        numbers.add(Integer.parseInt(matcher.group(1)));
      }
    }
    return numbers;
  }

  /** A file with a host on each line, and how many ranks it is for if there are two columns. */
  private static List<Host> lines(Map<String, String> env, String variable, int columns)
      throws MalformedException, IOException {
    List<Host> hosts = new ArrayList<>();
    for (String line : Files.readAllLines(Path.of(env.get(variable)))) {
      if (!line.isBlank()) {
        String[] words = line.strip().split("\\s+", -1);
        if (words.length < columns) {
          throw new MalformedException("has a line without a number: " + line);
        }
        hosts.add(host(words[0], columns == 2 ? words[1] : "1"));
      }
    }
    return hosts;
  }

  private static List<Host> lsf(Map<String, String> env) throws MalformedException {
    String[] words = env.get("LSB_MCPU_HOSTS").strip().split("\\s+", -1);
    if (words.length % 2 != 0) {
      throw new MalformedException("has a host without a number");
    }
    List<Host> hosts = new ArrayList<>();
    for (int i = 0; i < words.length; i += 2) {
      hosts.add(host(words[i], words[i + 1]));
    }
    return hosts;
  }

  private static Host host(String name, String slots) throws MalformedException {
    if (!slots.matches("[1-9]\\d{0,5}")) {
      throw new MalformedException("has a number of ranks that is none: " + slots);
    }
    return new Host(name(name), Integer.parseInt(slots));
  }

  private static String name(String name) throws MalformedException {
    if (!Machines.isHost(name)) {
      throw new MalformedException("has a name that is no host's: " + name);
    }
    return name;
  }
}
