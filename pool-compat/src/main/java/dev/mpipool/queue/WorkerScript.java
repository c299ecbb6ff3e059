package dev.mpipool.queue;

import java.nio.file.Path;
import java.util.regex.Pattern;

/**
 * Writes what a job runs: a shell script that the scheduler is given, and the command that it reads
 * from a file beside it.
 *
 * <p>The program's environment stands in that command, as arguments of {@code env}: whatever the
 * names are, no shell takes them for its own variables, and the two files use none. Schedulers look
 * for options in the lines of the script, but not in the file.
 */
final class WorkerScript {

  /**
   * What belongs to a single process or host, or is the scheduler's to set for each job; {@code
   * docs/durable.md} has the list for users.
   */
  private static final Pattern OWN =
      Pattern.compile(
          "_|PWD|OLDPWD|SHLVL|HOSTNAME|TMPDIR|TMP|TEMP"
              + "|(SLURM|SLURMD|SBATCH|PBS|PMI|PMIX|OMPI)_.*"
              + "|(CUDA|HIP|ROCR)_VISIBLE_DEVICES|GPU_DEVICE_ORDINAL|ZE_AFFINITY_MASK"
              + "|SGE_(TASK|STDOUT|STDERR|STDIN|O|CWD|JOB|BINDING|HGR).*|JOB_(ID|NAME|SCRIPT)"
              + "|NSLOTS|NQUEUES|NHOSTS|QUEUE|PE|PE_HOSTFILE|REQUEST|REQNAME|RESTARTED|ENVIRONMENT"
              + "|TASK_ID|ARC|"
              + LocalScheduler.PARENT,
          Pattern.DOTALL);

  private static final String LOCALE = "LC_ALL";

  private WorkerScript() {}

  /**
   * The script, with a chunk's number as its first argument; a character for each byte.
   *
   * @param session the map
   * @param folder where the command is
   */
  static String script(String session, WorkFolder folder) {
    return String.join(
        "\n",
        "#!/bin/sh",
        "# Made by QueuePool for the map " + session + ". It runs the tasks of one chunk;",
        "# chunk 3, for example, by hand:  sh worker.sh 3",
        "case ${2-} in",
        "array) set -- \"$(($1 + SLURM_ARRAY_TASK_ID))\" ;;",
        "esac",
        "set -- \"$1\" '",
        "'",
        ". " + word(folder.command().toString()).replace("\n", "'\"$2\"'"),
        "");
  }

  /**
   * What the script reads; a character for each byte.
   *
   * @param folder of the map
   * @param settings java, its options, the class path
   * @param environment what is set for the tasks
   */
  static String command(Path folder, PoolSettings settings, Environment environment) {
    StringBuilder text = new StringBuilder();
    text.append("cd ").append(word(settings.directory)).append(" || exit 1\n");
    text.append("# the environment of the program that called map, and java\n");
    if (!environment.variables().containsKey(LOCALE)) {
      text.append("unset %s\n".formatted(LOCALE)); // it is set for the programs that submit
    }
    text.append("exec /usr/bin/env --");
    environment
        .variables()
        .forEach(
            (name, value) -> {
              if (!OWN.matcher(name).matches()) {
                text.append(" \\\n  ").append(quoted(name + "=" + value));
              }
            });
    if (settings.java.contains("=")) {
      text.append(" \\\n  /usr/bin/nice -n 0"); // else env takes java for another variable
    }
    text.append(" \\\n  ").append(word(settings.java));
    for (String option : settings.javaOptions) {
      text.append(' ').append(word(option));
    }
    text.append(" \\\n  -cp ").append(word(String.join(":", settings.classPath)));
    text.append(" \\\n  ").append(Worker.class.getName());
    return text.append(" %s \"$1\"\n".formatted(word(folder.toString()))).toString();
  }

  /** A value as one word for the shell. */
  static String quoted(String value) {
    return "'" + value.replace("'", "'\\''") + "'";
  }

  private static String word(String text) {
    return quoted(Environment.bytes(text));
  }
}
