package dev.mpipool.queue;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/** Writes the shell script that a job runs. */
final class WorkerScript {

  private static final Pattern NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");

  /** What belongs to the calling process alone, or is the scheduler's to set for each job. */
  private static final Pattern OWN =
      Pattern.compile(
          "_|PWD|OLDPWD|SHLVL|HOSTNAME|TMPDIR|TMP|TEMP|(SLURM|SLURMD|SBATCH|PBS|PMI|PMIX|OMPI)_.*"
              + "|SGE_(TASK|STDOUT|STDERR|STDIN|O|CWD|JOB|BINDING).*|JOB_(ID|NAME|SCRIPT)"
              + "|NSLOTS|NQUEUES|NHOSTS|QUEUE|PE|PE_HOSTFILE|REQUEST|REQNAME|RESTARTED|ENVIRONMENT"
              + "|TASK_ID|ARC|MPIPOOL_PARENT");

  private WorkerScript() {}

  /**
   * The script's text.
   *
   * @param session the map
   * @param folder its folder
   * @param settings java, its options, the class path
   * @param environment what is set for the tasks
   */
  static String text(
      String session, Path folder, PoolSettings settings, Map<String, String> environment) {
    StringBuilder text = new StringBuilder();
    line(text, "#!/bin/sh");
    line(text, "# Made by QueuePool for the map " + session + ". It runs the tasks of one chunk;");
    line(text, "# chunk 3, for example, by hand:  sh worker.sh 3");
    line(text, "newline='\n'");
    line(text, "");
    line(text, "# the environment of the program that called map");
    new TreeMap<>(environment)
        .forEach(
            (name, value) -> {
              if (NAME.matcher(name).matches() && !OWN.matcher(name).matches()) {
                line(text, "export " + name + "=" + quoted(value));
              }
            });
    line(text, "");
    line(text, "classes=" + quoted(settings.classPath.isEmpty() ? "" : settings.classPath.get(0)));
    for (String entry : settings.classPath.stream().skip(1).toList()) {
      line(text, "classes=$classes:" + quoted(entry));
    }
    line(text, "");
    line(text, "chunk=$1");
    line(text, "if [ \"${2-}\" = array ]; then");
    line(text, "  chunk=$(($1 + SLURM_ARRAY_TASK_ID))");
    line(text, "fi");
    line(text, "cd " + quoted(settings.directory) + " || exit 1");
    StringBuilder java = new StringBuilder("exec ").append(quoted(settings.java));
    for (String option : settings.javaOptions) {
      java.append(' ').append(quoted(option));
    }
    line(text, java + " -cp \"$classes\" \\");
    line(text, "  " + Worker.class.getName() + " " + quoted(folder.toString()) + " \"$chunk\"");
    return text.toString();
  }

  /**
   * A value as one word for the shell, on one line: some schedulers read lines of a script that
   * look like options, wherever they stand.
   */
  static String quoted(String value) {
    List<String> lines = List.of(value.split("\n", -1));
    return String.join(
        "\"$newline\"",
        lines.stream().map(line -> "'" + line.replace("'", "'\\''") + "'").toList());
  }

  private static void line(StringBuilder text, String line) {
    text.append(line).append('\n');
  }
}
