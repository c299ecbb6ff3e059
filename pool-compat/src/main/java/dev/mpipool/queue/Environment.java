package dev.mpipool.queue;

import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Variables as the operating system has them: bytes, which need not be text in any encoding. Each
 * is kept here as a character.
 */
final class Environment {

  private static final Path OWN = Path.of("/proc/self/environ");

  private static final Set<String> OF_SHELLS =
      Set.of("SHELLOPTS", "BASHOPTS", "BASH_ENV", "ENV", "OPTIND", "BASH_COMPAT", "BASH_XTRACEFD");

  private final SortedMap<String, String> variables;

  private Environment(SortedMap<String, String> variables) {
    this.variables = variables;
  }

  /** What this program was started with. */
  static Environment ofThisProcess() {
    String all;
    try {
      all = new String(Files.readAllBytes(OWN), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return of(System.getenv()); // not Linux
    }
    Map<String, String> variables = new TreeMap<>();
    for (String entry : all.split("\0", -1)) {
      int end = entry.indexOf('=');
      if (end > 0) {
        variables.putIfAbsent(entry.substring(0, end), entry.substring(end + 1));
      }
    }
    return ofBytes(variables);
  }

  /** Values by name; the locale is this program's, unless it is among them. */
  static Environment of(Map<String, String> values) {
    SortedMap<String, String> variables = new TreeMap<>();
    String locale = System.getenv("LC_ALL");
    if (locale != null) {
      variables.put("LC_ALL", bytes(locale));
    }
    values.forEach((name, value) -> variables.put(bytes(name), bytes(value)));
    return new Environment(variables);
  }

  /** Values by name, a character for each byte. */
  static Environment ofBytes(Map<String, String> bytes) {
    return new Environment(new TreeMap<>(bytes));
  }

  SortedMap<String, String> variables() {
    return Collections.unmodifiableSortedMap(variables);
  }

  /** Text as the operating system would be given it, a character for each byte. */
  static String bytes(String text) {
    Charset system = Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));
    Charset charset = system.newEncoder().canEncode(text) ? system : StandardCharsets.UTF_8;
    return new String(text.getBytes(charset), StandardCharsets.ISO_8859_1);
  }

  /**
   * Removes the variables that change what a shell does with a script, or end it.
   *
   * @param variables of a process that is to be started
   */
  static void removeShellVariables(Map<String, String> variables) {
    variables.keySet().removeAll(OF_SHELLS);
    variables.keySet().removeIf(name -> name.startsWith("BASH_FUNC_"));
  }
}
