package dev.mpipool.launcher;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The launcher's own options: their names, their values, and what {@code -h} prints of them.
 *
 * <p>A plain table: a library that reads the options off annotations took an eighth of the
 * processor time of a job of one task.
 */
enum OwnOption {
  NP(
      "N",
      "How many ranks, main included (default: as many as -hosts or -machinesfile name, else as"
          + " the batch scheduler has allotted, else the processors of this host). -np 1: main"
          + " alone, whose workers are threads.",
      "-np",
      "-n",
      "--np"),
  DEVICE(
      "DEVICE",
      "tcpdev (default): each rank is a JVM, on our own device. multicore: the ranks are threads"
          + " of one JVM. niodev: each rank is a JVM, on MPJ Express's stock device. native: each"
          + " rank is a JVM, on the machine's own MPI (mpirun, or srun within a job of Slurm).",
      "-dev"),
  CLASS_PATH(
      "PATH",
      "The program's class path (default: CLASSPATH, else this folder).",
      "-cp",
      "-classpath",
      "--class-path"),
  JAR("FILE", "Run the main class of this jar.", "-jar"),
  FOLDER("FOLDER", "The ranks' working folder (default: this one).", "-wdir"),
  MACHINES(
      "FILE",
      "Hosts to run on, one a line (node1, node1:4 or node1 slots=4; default: those of the job of"
          + " Slurm, PBS, Grid Engine or LSF, else this one); reached over ssh, in a job of Slurm"
          + " by srun. The same folders must be there.",
      "-machinesfile",
      "-hostfile",
      "--hostfile"),
  HOSTS(
      "LIST",
      "Hosts to run on, as in node1:4,node2. Ranks fill one host after the other.",
      "-hosts",
      "-host",
      "--host"),
  TAG_OUTPUT("", "Begin each line of output with its rank in brackets.", "-tag-output"),
  CHECK(
      "",
      "Look at everything that a job needs here and on the hosts, then run SelfTest on them: a line"
          + " for each, with the cure where something is missing.",
      "-check"),
  ANY_LAMBDA(
      "",
      "Make every lambda of the program serializable, and its records: those of the folders of the"
          + " class path and of the jar with the main class.",
      "-any-lambda"),
  HOOK_TIMEOUT(
      "SECONDS",
      "How long the ranks' shutdown hooks may take after Ctrl-C or SIGTERM (default: 10). A second"
          + " Ctrl-C ends them at once.",
      "-hook-timeout"),
  SWITCH_LIMIT("BYTES", "Protocol switch limit of niodev and tcpdev (default: 131072).", "-psl"),
  START_TIMEOUT(
      "SECONDS",
      "End the job if a rank has not reached the launcher after this time (default: 60).",
      "-start-timeout"),
  /** Of MPJ Express's daemon, which is not used. */
  IGNORED("VALUE", "", "-dport", "-mpjport", "-headnodeip", "-mxboardnum"),
  HELP("", "Print this.", "-h", "-help", "--help");

  private static final int WIDTH = 80;

  private static final String INDENTATION = "      ";

  private static final Map<String, OwnOption> BY_NAME = new HashMap<>();

  static {
    for (OwnOption option : values()) {
      option.names.forEach(name -> BY_NAME.put(name, option));
    }
  }

  /** What stands for the value; empty if there is none. */
  private final String label;

  private final String description;

  @SuppressWarnings("ImmutableEnumChecker") // unmodifiable
  private final List<String> names;

  OwnOption(String label, String description, String... names) {
    this.label = label;
    this.description = description;
    this.names = List.of(names);
  }

  /** The option of this name, or null. */
  static OwnOption of(String name) {
    return BY_NAME.get(name);
  }

  /**
   * The name that is probably meant by one that there is not.
   *
   * @return null if none is similar
   */
  static String similarTo(String wrong) {
    String letters = letters(wrong);
    int best = letters.length() < 2 ? 1 : letters.length() < 6 ? 2 : 3;
    String found = null;
    for (OwnOption option : values()) {
      for (String name : option.names) {
        int distance = distance(letters, letters(name));
        if (distance < best) {
          best = distance;
          found = name;
        }
      }
    }
    return found;
  }

  /** What people remember of an option's name. */
  private static String letters(String name) {
    return name.replaceAll("=.*|[-_]", "").toLowerCase(Locale.ROOT);
  }

  /** The number of letters to be added, left out or changed to make one word of another. */
  private static int distance(String one, String other) {
    int[] row = new int[other.length() + 1];
    for (int j = 0; j < row.length; j++) {
      row[j] = j;
    }
    for (int i = 1; i <= one.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j < row.length; j++) {
        int changed = diagonal + (one.charAt(i - 1) == other.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(changed, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[other.length()];
  }

  boolean takesValue() {
    return !label.isEmpty();
  }

  /** All options with their descriptions. */
  static String usage() {
    StringBuilder text = new StringBuilder();
    for (OwnOption option : values()) {
      if (!option.description.isEmpty()) {
        text.append("  ").append(String.join(", ", option.names));
        text.append(option.takesValue() ? " " : "").append(option.label);
        wrap(option.description, text);
        text.append('\n');
      }
    }
    return text.toString();
  }

  private static void wrap(String description, StringBuilder text) {
    int column = WIDTH;
    for (String word : description.split(" ", -1)) {
      if (column + 1 + word.length() > WIDTH) {
        text.append('\n').append(INDENTATION);
        column = INDENTATION.length();
      } else {
        text.append(' ');
        column++;
      }
      text.append(word);
      column += word.length();
    }
  }
}
