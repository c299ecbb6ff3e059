package dev.mpipool.launcher;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The command lines of a job's JVMs. */
final class Commands {
  private static final List<String> LOCALE = List.of("LANG", "LC_ALL", "LC_CTYPE");

  private final JobSpec job;
  private final Installation installation;
  private final String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();

  private final Archives archives = Archives.fromSystemProperties();
  private final List<Path> classPath;

  Commands(JobSpec job, Installation installation) {
    this.job = job;
    this.installation = installation;
    this.classPath = archives.making() ? List.of() : installation.withLogging(job.classPath());
  }

  /** The JVM whose threads are the ranks. */
  List<String> threads(String launcher) throws IOException {
    List<String> command = jvm(0, launcher, "threads");
    command.add("-D" + MulticoreMain.HOOK_TIMEOUT + "=" + job.hookTimeout());
    command.addAll(List.of("-cp", installation.ofThreads(), MulticoreMain.class.getName()));
    command.add(Integer.toString(job.np()));
    command.add(Boolean.toString(job.tagOutput()));
    command.add(installation.ofThread(classPath));
    command.add(job.mainClass());
    command.addAll(job.arguments());
    return command;
  }

  /** The JVM of one rank on this host. */
  List<String> process(int rank, String launcher) throws IOException {
    List<String> command = jvm(rank, launcher, "process");
    command.addAll(rankMain(rank));
    return command;
  }

  /**
   * The command that starts one rank on its host, where the same folders are; the secret goes to
   * its input.
   */
  List<String> remote(int rank, String launcher) throws IOException {
    List<String> command = new ArrayList<>();
    command.addAll(List.of("exec", "env", "MPJ_HOME=" + installation.mpj()));
    for (String variable : LOCALE) {
      String value = System.getenv(variable);
      if (value != null) {
        command.add(variable + "=" + value); // else arguments and output could change their letters
      }
    }
    command.add(java);
    command.addAll(job.jvmOptions());
    properties(command, rank, launcher);
    command.add("-D" + RankMain.SECRET_ON_STDIN + "=true");
    command.addAll(rankMain(rank));
    StringBuilder line =
        new StringBuilder("cd ").append(quote(job.folder().toString())).append(" &&");
    command.forEach(word -> line.append(' ').append(quote(word)));
    return job.placement().shell().command(job.host(rank), line.toString());
  }

  /** Makes one word of the remote shell of a text, whatever it contains. */
  static String quote(String word) {
    return word.matches("[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./-]*")
        ? word
        : "'" + word.replace("'", "'\\''") + "'";
  }

  private List<String> jvm(int rank, String launcher, String archive) {
    List<String> command = new ArrayList<>();
    command.add(java);
    archives.use(command, archive, job.jvmOptions(), System.getenv().keySet());
    if (rank == 0) {
      archives.make(command, archive, job.jvmOptions());
    }
    command.addAll(job.jvmOptions());
    properties(command, rank, launcher);
    return command;
  }

  private void properties(List<String> command, int rank, String launcher) {
    command.add("-D" + RankMain.LAUNCHER + "=" + launcher);
    command.add("-D" + RankMain.RANK + "=" + rank);
    command.add("-D" + RankMain.START_TIMEOUT + "=" + job.startTimeout());
  }

  /** The configuration that a rank hands to {@code MPI.Init}. */
  private String configuration() {
    return String.join(
        ";",
        "#temp",
        "#Number of Processes",
        Integer.toString(job.np()),
        "#Protocol Switch Limit",
        Integer.toString(job.switchLimit()));
  }

  private List<String> rankMain(int rank) throws IOException {
    List<String> command = new ArrayList<>();
    command.add("-D" + RankMain.DEVICE + "=" + job.device().mpjName());
    command.add("-cp");
    command.add(installation.ofProcess(classPath));
    command.add(RankMain.class.getName());
    command.add(job.mainClass());
    command.add(Integer.toString(rank));
    command.add(configuration());
    command.add(job.device().mpjName());
    command.addAll(job.arguments());
    return command;
  }
}
