package dev.mpipool.launcher;

import dev.mpipool.device.LauncherLink.Ending;
import dev.mpipool.device.LinkHandshake;
import java.io.Closeable;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The processes of a job and the launcher's connections with them. Used by the job's one thread.
 */
final class Ranks implements Closeable {
  private static final int BACKLOG = 256;

  /** Is told what happens, on any thread. */
  interface Listener {
    void ended(int rank, Ending ending);

    void exited(int rank, int code);

    void waiting();
  }

  private final JobSpec spec;
  private final Commands commands;
  private final Listener listener;
  private final String secret;
  private final RankProcess.Setting setting;
  private final ControlServer control;
  private final Bootstrap bootstrap;
  private final Map<Integer, RankProcess> processes = new TreeMap<>();

  Ranks(JobSpec spec, Product product, Listener listener) throws IOException {
    this.spec = spec;
    this.commands = new Commands(spec, product);
    this.listener = listener;
    byte[] key = LinkHandshake.newSecret();
    this.secret = HexFormat.of().formatHex(key);
    this.setting =
        new RankProcess.Setting(
            spec.folder().toFile(),
            Map.of("MPJ_HOME", product.mpj().toString(), LinkHandshake.SECRET_VARIABLE, secret),
            new LineSink(new FileOutputStream(FileDescriptor.out)),
            new LineSink(new FileOutputStream(FileDescriptor.err)),
            spec.tagOutput() && spec.device().processes());
    this.control = new ControlServer(listen(), key, spec.np(), listener::ended);
    this.bootstrap = new Bootstrap(listen(), spec.np(), control::address, listener::waiting);
  }

  void start() throws IOException {
    control.start();
    if (!spec.device().processes()) {
      add(RankProcess.local(0, commands.threads(address(spec.host(0))), setting));
      return;
    }
    bootstrap.start();
    for (int rank = 0; rank < spec.np(); rank++) {
      String host = spec.host(rank);
      String launcher = address(host);
      String configuration =
          bootstrap.configuration(
              launcher.substring(0, launcher.lastIndexOf(':')), spec.switchLimit());
      if (Machines.isThisHost(host)) {
        add(RankProcess.local(rank, commands.process(rank, launcher, configuration), setting));
      } else {
        List<String> ssh = commands.remote(rank, launcher, configuration);
        add(RankProcess.remote(rank, host, ssh, secret, setting));
      }
    }
  }

  Collection<RankProcess> alive() {
    return processes.values();
  }

  /** Whether others wait in MPI.Init for a rank that has not been there. */
  boolean isMissed(int rank) {
    return spec.device().processes() && bootstrap.isMissed(rank);
  }

  Optional<RankProcess> process(int rank) {
    return Optional.ofNullable(processes.get(rank));
  }

  RankProcess remove(int rank) {
    return processes.remove(rank);
  }

  void tellLost(int lost, String reason) {
    processes.keySet().stream()
        .filter(rank -> rank != lost)
        .forEach(rank -> control.tellLost(rank, lost, reason));
  }

  void tellLeave(int rank) {
    control.tellLeave(rank);
  }

  void terminate(boolean spareMain) {
    processes.forEach(
        (rank, process) -> {
          if (rank == 0 && spareMain) {
            return;
          }
          if (Machines.isThisHost(spec.host(rank))) {
            process.terminate();
          } else if (control.address(rank).isPresent()) {
            control.tellLeave(rank); // a signal to ssh would not get through
          } else {
            process.kill(); // the rank's JVM has not started, or is about to look for the launcher
          }
        });
  }

  void kill(boolean spareMain) {
    processes.forEach(
        (rank, process) -> {
          if (rank != 0 || !spareMain) {
            control.cut(rank);
            process.kill();
          }
        });
  }

  @Override
  public void close() throws IOException {
    bootstrap.close();
    control.close();
  }

  private void add(RankProcess process) {
    processes.put(process.rank(), process);
    Threads.daemon(
        "mpipool-wait-" + process.rank(),
        () -> {
          try {
            int code = process.await();
            control.drained(process.rank());
            listener.exited(process.rank(), code);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        });
  }

  private ServerSocket listen() throws IOException {
    return spec.local()
        ? new ServerSocket(0, BACKLOG, InetAddress.getLoopbackAddress())
        : new ServerSocket(0, BACKLOG);
  }

  /**
   * Where the rank on a host finds the launcher: by the address from which this host would call
   * that one.
   */
  private String address(String host) throws IOException {
    String address = InetAddress.getLoopbackAddress().getHostAddress();
    if (!spec.local()) {
      String called = Machines.isThisHost(host) ? Machines.firstOther(spec.hosts()) : host;
      InetSocketAddress there = new InetSocketAddress(Machines.withoutUser(called), 9);
      if (there.isUnresolved()) {
        throw new IOException("host " + called + " of the machines file is unknown here");
      }
      try (DatagramSocket socket = new DatagramSocket()) {
        socket.connect(there); // sends nothing: only asks the routing table
        address = socket.getLocalAddress().getHostAddress();
      }
    }
    return address + ":" + control.port();
  }
}
