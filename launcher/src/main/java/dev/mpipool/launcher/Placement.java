package dev.mpipool.launcher;

import dev.mpipool.launcher.Machines.Host;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * How many ranks there are, and where: what the user says, else what the batch scheduler has
 * allotted, else a rank for each processor of this host.
 *
 * @param np how many ranks
 * @param hosts where the ranks run, one for each; empty: all on this host, or where the machine's
 *     own MPI starts them
 * @param shell what starts ranks on other hosts
 * @param notice what was taken from an allocation, for the user; else empty
 */
record Placement(int np, List<String> hosts, RemoteShell shell, String notice) {
  /** So many hosts are listed in the notice. */
  private static final int LISTED = 4;

  Placement {
    hosts = List.copyOf(hosts);
  }

  /**
   * Places the ranks.
   *
   * @param np how many the user wants, or null
   * @param named the hosts that the user names, or none
   * @param thisHost the name of this host
   */
  static Placement of(
      Integer np, List<Host> named, Device device, Map<String, String> environment, String thisHost)
      throws UsageException {
    RemoteShell shell = RemoteShell.of(environment);
    boolean elsewhere = device.processes() && device != Device.NATIVE;
    if (!named.isEmpty()) {
      int ranks = np == null ? Machines.slots(named) : np;
      return new Placement(ranks, local(Machines.assign(named, ranks), thisHost), shell, "");
    }
    Optional<Allocation> allocation =
        np == null || elsewhere ? Allocation.find(environment) : Optional.empty();
    if (allocation.isEmpty()) {
      int ranks = np == null ? Runtime.getRuntime().availableProcessors() : np;
      return new Placement(ranks, List.of(), shell, "");
    }
    refuseSeveralLaunchers(np, environment);
    List<Host> hosts = allocation.get().hosts();
    if (!device.processes()) {
      List<Host> here =
          hosts.stream().filter(host -> Machines.isThisHost(host.name(), thisHost)).toList();
      hosts = here.isEmpty() ? hosts.subList(0, 1) : here;
    }
    int ranks = np == null ? Machines.slots(hosts) : np;
    List<String> places = Machines.assign(hosts, ranks);
    String notice = notice(allocation.get(), ranks, places, np == null);
    return new Placement(ranks, elsewhere ? local(places, thisHost) : List.of(), shell, notice);
  }

  private static void refuseSeveralLaunchers(Integer np, Map<String, String> environment)
      throws UsageException {
    String tasks = environment.getOrDefault("SLURM_STEP_NUM_TASKS", "1");
    if (np == null && !tasks.equals("1")) {
      throw new UsageException(
          "srun has started mpjrun.sh "
              + tasks
              + " times, each of which would start all ranks; leave out srun");
    }
  }

  private static List<String> local(List<String> places, String thisHost) {
    return places.stream()
        .map(host -> Machines.isThisHost(host, thisHost) ? Machines.THIS_HOST : host)
        .toList();
  }

  private static String notice(
      Allocation allocation, int np, List<String> places, boolean numberTaken) {
    Map<String, Integer> shares = Machines.shares(places);
    String hosts =
        shares.entrySet().stream()
            .limit(LISTED)
            .map(each -> each.getValue() + " on " + each.getKey())
            .collect(Collectors.joining(", "));
    if (shares.size() > LISTED) {
      hosts += " and so on, " + shares.size() + " hosts";
    }
    return "%s (%s): %d %s%s, %s"
        .formatted(
            allocation.job(),
            allocation.source(),
            np,
            np == 1 ? "rank" : "ranks",
            numberTaken ? "" : " (-np)",
            hosts);
  }
}
