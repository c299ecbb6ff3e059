package dev.mpipool.launcher;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The launcher of the MPI that is installed on this machine.
 *
 * @param kind whose it is
 * @param command the path of the command
 * @param version its major version, 0 if it does not matter
 * @param processManager what srun is told by {@code --mpi}; else empty
 */
record MpiLauncher(Kind kind, String command, int version, String processManager) {

  /** Whose command lines differ. */
  enum Kind {
    OPEN_MPI,
    /** MPICH's mpirun, and that of its descendants: Intel MPI, MVAPICH. */
    HYDRA,
    SRUN
  }

  /** Names the command to use instead of the first that is found. */
  static final String VARIABLE = "MPIPOOL_MPIRUN";

  /** On PATH, in this order. */
  private static final List<String> NAMES =
      List.of("mpirun", "mpiexec", "mpirun.openmpi", "mpirun.mpich", "mpiexec.hydra");

  private static final Pattern OPEN_MPI_VERSION =
      Pattern.compile("\\((?:Open MPI|OpenRTE|PRRTE)\\)\\s+v?(\\d+)\\.");

  private static final int ANSWER_SECONDS = 20;

  /** From this version on Open MPI has a launcher with other options. */
  private static final int PRRTE = 5;

  /**
   * Finds the launcher: srun within an allocation of Slurm, else mpirun.
   *
   * @param environment of this process
   * @throws IOException if there is none; says what to do
   */
  static MpiLauncher find(Map<String, String> environment) throws IOException {
    String named = environment.getOrDefault(VARIABLE, "");
    if (!named.isEmpty()) {
      return identify(SearchPath.find(named, environment).orElse(named), environment);
    }
    Optional<String> srun = SearchPath.find("srun", environment);
    if (environment.containsKey("SLURM_JOB_ID") && srun.isPresent()) {
      return identify(srun.get(), environment);
    }
    Optional<String> found = firstOnPath(environment);
    if (found.isEmpty()) {
      throw new IOException(
          "-dev native: there is no mpirun on the PATH; install or load an MPI (apt-get install"
              + " openmpi-bin, module load openmpi), or name its launcher in "
              + VARIABLE);
    }
    return identify(found.get(), environment);
  }

  private static Optional<String> firstOnPath(Map<String, String> environment) {
    return onPath(environment).stream().findFirst();
  }

  /** All launchers of MPIs on the PATH. */
  static List<String> onPath(Map<String, String> environment) {
    return NAMES.stream().flatMap(name -> SearchPath.find(name, environment).stream()).toList();
  }

  private static MpiLauncher identify(String command, Map<String, String> environment)
      throws IOException {
    String answer = answer(command, "--version");
    if (answer.startsWith("slurm")) {
      return new MpiLauncher(Kind.SRUN, command, 0, processManager(command, environment));
    }
    Matcher openMpi = OPEN_MPI_VERSION.matcher(answer);
    if (openMpi.find()) {
      return new MpiLauncher(Kind.OPEN_MPI, command, Integer.parseInt(openMpi.group(1)), "");
    }
    if (answer.contains("HYDRA") || answer.contains("Intel(R) MPI")) {
      return new MpiLauncher(Kind.HYDRA, command, 0, "");
    }
    throw new IOException(
        "-dev native: "
            + command
            + " is no launcher of Open MPI, MPICH, Intel MPI or Slurm; it answers --version with \""
            + answer.lines().findFirst().orElse("")
            + "\". Name another in "
            + VARIABLE);
  }

  /** By which protocol the ranks find each other: Open MPI speaks PMIx, MPICH PMI-2. */
  private static String processManager(String srun, Map<String, String> environment)
      throws IOException {
    String known = answer(srun, "--mpi=list");
    Optional<String> mpirun = firstOnPath(environment);
    boolean mpich = mpirun.isPresent() && identify(mpirun.get(), environment).kind() == Kind.HYDRA;
    List<String> wanted = mpich ? List.of("pmi2", "pmix") : List.of("pmix", "pmi2");
    for (String manager : wanted) {
      if (known.matches("(?s).*\\b" + manager + "\\b.*")) {
        return manager;
      }
    }
    throw new IOException(
        "-dev native: this Slurm knows neither pmix nor pmi2 (srun --mpi=list), by one of which the"
            + " ranks find each other");
  }

  private static String answer(String command, String question) throws IOException {
    try {
      Process process =
          new ProcessBuilder(command, question)
              .redirectErrorStream(true)
              .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
              .start();
      Threads.later(ANSWER_SECONDS * 1000, process::destroyForcibly);
      String answer = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      process.waitFor(ANSWER_SECONDS, TimeUnit.SECONDS);
      return answer.strip();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("-dev native: " + command + " does not answer " + question, e);
    }
  }

  /** The command line up to the program of each rank. */
  List<String> start(JobSpec job) {
    List<String> line = new ArrayList<>(List.of(command));
    line.addAll(List.of("-n", Integer.toString(job.np())));
    String folder = job.folder().toString();
    switch (kind) {
      case OPEN_MPI -> {
        // A rank has threads of its own, and is one of several on few cores on purpose.
        line.addAll(List.of("--bind-to", "none", "-wdir", folder));
        if (version < PRRTE) {
          line.add("--oversubscribe");
        } else {
          line.addAll(List.of("--map-by", ":OVERSUBSCRIBE", "--with-ft", "ulfm"));
        }
        add(line, job.tagOutput(), version < PRRTE ? "--tag-output" : "--output=tag");
        add(line, !job.hosts().isEmpty(), "--host", Machines.word(job.hosts()));
      }
      case HYDRA -> {
        line.addAll(List.of("-wdir", folder));
        add(line, job.tagOutput(), "-prepend-rank");
        add(line, !job.hosts().isEmpty(), "-hosts", Machines.word(job.hosts()));
      }
      case SRUN -> {
        line.addAll(List.of("--mpi=" + processManager, "--overcommit", "--chdir=" + folder));
        line.add("--kill-on-bad-exit=1");
        add(line, job.tagOutput(), "--label");
      }
    }
    return line;
  }

  private static void add(List<String> line, boolean wanted, String... words) {
    if (wanted) {
      line.addAll(List.of(words));
    }
  }
}
