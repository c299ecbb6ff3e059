package dev.mpipool.launcher;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/** The hosts of a job, from a machines file. */
final class Machines {
  static final String THIS_HOST = "localhost";

  private static final Set<String> NAMES_OF_THIS_HOST = Set.of(THIS_HOST, "127.0.0.1", "::1");

  /** What a host may look like: never an option of ssh, never anything a shell would read. */
  private static final Pattern HOST =
      Pattern.compile("([A-Za-z0-9._][A-Za-z0-9._-]*@)?[A-Za-z0-9:][A-Za-z0-9._:-]*");

  private Machines() {}

  static boolean isThisHost(String host) {
    return NAMES_OF_THIS_HOST.contains(host);
  }

  static String firstOther(List<String> hosts) {
    return hosts.stream().filter(host -> !isThisHost(host)).findFirst().orElse(THIS_HOST);
  }

  static String withoutUser(String host) {
    return host.substring(host.indexOf('@') + 1);
  }

  /** Reads one host from each line; what follows a # is a comment. */
  static List<String> read(Path file) throws UsageException {
    List<String> hosts = new ArrayList<>();
    try {
      int number = 0;
      for (String line : Files.readAllLines(file, StandardCharsets.UTF_8)) {
        number++;
        String host = line.replaceFirst("#.*", "").strip();
        if (host.isEmpty()) {
          continue;
        }
        if (!HOST.matcher(host).matches()) {
          throw new UsageException(
              "machines file "
                  + file
                  + ", line "
                  + number
                  + ": \""
                  + host
                  + "\" is no host; write one name a line");
        }
        hosts.add(host);
      }
    } catch (IOException e) {
      throw new UsageException(
          "cannot read the machines file " + file + ": is it there, and text?");
    }
    if (hosts.isEmpty()) {
      throw new UsageException(
          "the machines file " + file + " names no host; write one name a line");
    }
    return hosts;
  }

  /**
   * Gives each rank its host as MPJ Express does: every host the same number of neighbouring ranks,
   * the first hosts one more where it does not come out even.
   */
  static List<String> assign(List<String> hosts, int np) {
    List<String> ranks = new ArrayList<>();
    int used = Math.min(hosts.size(), np);
    for (int i = 0; i < used; i++) {
      int share = np / used + (i < np % used ? 1 : 0);
      for (int j = 0; j < share; j++) {
        ranks.add(hosts.get(i));
      }
    }
    return ranks;
  }
}
