package dev.mpipool.launcher;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How a process is started on another host: by ssh, or within a Slurm job by srun, since many
 * clusters close ssh between their nodes.
 *
 * @param name of the command
 * @param before the words before the host
 * @param after the words between the host and the line for the shell there
 */
record RemoteShell(String name, List<String> before, List<String> after) {
  /** What srun says of a rank's end and of what it was asked for; the launcher says the first. */
  private static final Pattern NOISE_OF_SRUN =
      Pattern.compile(
          "(?md)^(\\[\\d+\\] )?srun: (error: \\S+: tasks? [\\d,-]+: "
              + "|cluster configuration lacks support for cpu binding).*\\n?");

  private static final String SSH = "MPIPOOL_SSH";

  /**
   * Has a command ignore the signals that a terminal or a scheduler sends to all processes at once:
   * what the shutdown hooks of a remote rank print comes through its ssh.
   */
  private static final List<String> DEAF =
      List.of("sh", "-c", "trap '' HUP INT TERM; exec \"$@\"", "sh");

  /**
   * One task, which may use whatever the job has on that host. In a session of its own: srun waits
   * for signals that it should ignore, too. The variables are the job's wishes for its own steps.
   */
  private static final List<String> SRUN =
      List.of(
          "setsid",
          "env",
          "-u",
          "SLURM_NTASKS_PER_NODE",
          "-u",
          "SLURM_CPUS_PER_TASK",
          "srun",
          "--quiet",
          "--overlap",
          "--nodes=1",
          "--ntasks=1",
          "--cpu-bind=none",
          "--mpi=none",
          "--nodelist");

  /** What MPIPOOL_SSH says, else srun within a Slurm job, else ssh. */
  static RemoteShell of(Map<String, String> environment) {
    String ssh = environment.getOrDefault(SSH, "").strip();
    if (ssh.isEmpty()
        && environment.containsKey(Allocation.SLURM_JOB)
        && SearchPath.find("srun", environment).isPresent()) {
      return new RemoteShell("srun", SRUN, List.of("sh", "-c"));
    }
    List<String> before = new ArrayList<>(DEAF);
    before.addAll(List.of((ssh.isEmpty() ? "ssh -o BatchMode=yes" : ssh).split("\\s+")));
    return new RemoteShell("ssh", before, List.of());
  }

  /** The command that has the shell of a host read a line. */
  List<String> command(String host, String line) {
    List<String> command = new ArrayList<>(before);
    command.add(host);
    command.addAll(after);
    command.add(line);
    return command;
  }

  /** Takes lines that are of no use to the user from the error output of its command. */
  UnaryOperator<byte[]> filter() {
    return isOfScheduler() ? RemoteShell::withoutNoise : UnaryOperator.identity();
  }

  private static byte[] withoutNoise(byte[] lines) {
    Matcher noise = NOISE_OF_SRUN.matcher(new String(lines, ISO_8859_1));
    return noise.find() ? noise.replaceAll("").getBytes(ISO_8859_1) : lines;
  }

  /** What a user can try where a host is not reached. */
  String trial(String host) {
    return (isOfScheduler() ? "srun --overlap --nodelist " : "ssh -o BatchMode=yes ")
        + host
        + " true";
  }

  /** Whether the hosts' names are those of a scheduler, which may be unknown to the resolver. */
  boolean isOfScheduler() {
    return name.equals("srun");
  }
}
