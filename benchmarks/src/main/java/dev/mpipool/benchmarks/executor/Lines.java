package dev.mpipool.benchmarks.executor;

import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** How a measuring program tells its figures: one line each, {@code = contestant key value}. */
public final class Lines {

  /** The key of the moment when the first task has been answered; its value means nothing. */
  public static final String READY = "ready";

  private static final Pattern LINE = Pattern.compile("= (\\S+) (\\S+) (\\S+)");

  private Lines() {}

  /** One figure. */
  record Figure(String contestant, String key, double value) {}

  /**
   * Tells a figure.
   *
   * @param contestant whose
   * @param key what was measured, a word
   * @param value the figure
   */
  public static void print(String contestant, String key, double value) {
    System.out.println(String.format(Locale.ROOT, "= %s %s %.6g", contestant, key, value));
    System.out.flush();
  }

  /** Reads a line; empty if it is none of ours. */
  static Optional<Figure> parse(String line) {
    Matcher m = LINE.matcher(line.strip());
    return m.matches()
        ? Optional.of(new Figure(m.group(1), m.group(2), Double.parseDouble(m.group(3))))
        : Optional.empty();
  }
}
