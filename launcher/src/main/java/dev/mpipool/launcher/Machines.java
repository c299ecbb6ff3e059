package dev.mpipool.launcher;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The hosts of a job, as the user or a scheduler names them. */
final class Machines {
  static final String THIS_HOST = "localhost";

  private static final Set<String> NAMES_OF_THIS_HOST = Set.of(THIS_HOST, "127.0.0.1", "::1");

  /** What a host may look like: never an option of ssh, never anything a shell would read. */
  private static final Pattern HOST =
      Pattern.compile(
          "([A-Za-z0-9._][A-Za-z0-9._-]*@)?"
              + "([A-Za-z0-9][A-Za-z0-9._-]*|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)");

  /** A name, then how many ranks in Open MPI's form, in MPICH's form, or not at all. */
  private static final Pattern ENTRY =
      Pattern.compile("(\\S+)\\s+slots\\s*=\\s*(\\d+)|([^\\s:]+):(\\d+)|(\\S+)");

  private static final Pattern SLOTS = Pattern.compile("0*[1-9]\\d{0,4}");

  /**
   * A host of a job.
   *
   * @param name of the host, after the user's and an @ where they differ
   * @param slots how many ranks it is meant for
   */
  record Host(String name, int slots) {}

  private Machines() {}

  static boolean isThisHost(String host) {
    return NAMES_OF_THIS_HOST.contains(host);
  }

  /** The same for names with and without a domain, where the own name of this host is known. */
  static boolean isThisHost(String host, String own) {
    boolean whole = host.indexOf('.') >= 0 && own.indexOf('.') >= 0;
    return isThisHost(host)
        || (whole ? host.equals(own) : withoutDomain(host).equals(withoutDomain(own)));
  }

  private static String withoutDomain(String host) {
    return host.matches("[0-9.]+") ? host : host.replaceFirst("\\..*", "");
  }

  /** The name of this host: what Slurm calls it, else what it calls itself. */
  static String thisHost(Map<String, String> environment) {
    String name = environment.get("SLURMD_NODENAME");
    if (name != null) {
      return name;
    }
    try {
      return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
    } catch (IOException notLinux) {
      try {
        return InetAddress.getLocalHost().getHostName();
      } catch (UnknownHostException e) {
        return THIS_HOST;
      }
    }
  }

  /** Whether a text can be the name of a host. */
  static boolean isHost(String name) {
    return HOST.matcher(name).matches();
  }

  static String firstOther(List<String> hosts) {
    return hosts.stream().filter(host -> !isThisHost(host)).findFirst().orElse(THIS_HOST);
  }

  static String withoutUser(String host) {
    return host.substring(host.indexOf('@') + 1);
  }

  /** Reads a machines file: a host on each line; what follows a # is a comment. */
  static List<Host> read(Path file) throws UsageException {
    List<Host> hosts = new ArrayList<>();
    try {
      int number = 0;
      for (String line : Files.readAllLines(file, StandardCharsets.UTF_8)) {
        number++;
        String entry = line.replaceFirst("#.*", "").strip();
        if (!entry.isEmpty()) {
          hosts.add(host(entry, "machines file " + file + ", line " + number));
        }
      }
    } catch (IOException e) {
      throw new UsageException(
          "cannot read the machines file " + file + ": is it there, and text?");
    }
    if (hosts.isEmpty()) {
      throw new UsageException(
          "the machines file " + file + " names no host; write one name a line");
    }
    return merged(hosts);
  }

  /** Reads the value of -hosts: {@code a:2,b}. */
  static List<Host> parse(String list) throws UsageException {
    List<Host> hosts = new ArrayList<>();
    for (String entry : list.split(",", -1)) {
      hosts.add(host(entry.strip(), "-hosts " + list));
    }
    return merged(hosts);
  }

  private static Host host(String entry, String where) throws UsageException {
    Matcher matcher = ENTRY.matcher(entry);
    if (matcher.matches()) {
      String name = first(matcher, 1, 3, 5);
      String slots = first(matcher, 2, 4);
      if (isHost(name) && (slots == null || SLOTS.matcher(slots).matches())) {
        return new Host(name, slots == null ? 1 : Integer.parseInt(slots));
      }
    }
    throw new UsageException(
        where
            + ": \""
            + entry
            + "\" is no host; write node1, node1:4 or node1 slots=4 (1 to 99999)");
  }

  private static String first(Matcher matcher, int... groups) {
    for (int group : groups) {
      if (matcher.group(group) != null) {
        return matcher.group(group);
      }
    }
    return null;
  }

  /** One entry for each host, where it was named first; its slots add up. */
  static List<Host> merged(List<Host> hosts) {
    Map<String, Integer> slots = new LinkedHashMap<>();
    hosts.forEach(host -> slots.merge(host.name(), host.slots(), Integer::sum));
    return slots.entrySet().stream().map(each -> new Host(each.getKey(), each.getValue())).toList();
  }

  static int slots(List<Host> hosts) {
    return hosts.stream().mapToInt(Host::slots).sum();
  }

  /**
   * Gives each rank its host. Neighbouring ranks share one: each host gets as many as it has slots,
   * in the order of the list, and where there are more ranks than slots so many more times over.
   */
  static List<String> assign(List<Host> hosts, int np) {
    int slots = slots(hosts);
    int rest = np % slots;
    List<String> ranks = new ArrayList<>();
    for (Host host : hosts) {
      int more = Math.min(host.slots(), rest);
      rest -= more;
      for (int i = np / slots * host.slots() + more; i > 0; i--) {
        ranks.add(host.name());
      }
    }
    return ranks;
  }

  /** How many ranks are on each host. */
  static Map<String, Integer> shares(List<String> ranks) {
    Map<String, Integer> shares = new LinkedHashMap<>();
    ranks.forEach(host -> shares.merge(host, 1, Integer::sum));
    return shares;
  }

  /** The hosts of all ranks in one word, as the launchers of MPIs read them: {@code a:2,b:1}. */
  static String word(List<String> ranks) {
    return String.join(
        ",",
        shares(ranks).entrySet().stream()
            .map(each -> each.getKey() + ":" + each.getValue())
            .toList());
  }
}
