package dev.mpipool.launcher;

import dev.mpipool.link.LauncherLink.Ending;
import dev.mpipool.link.LinkHandshake;
import java.io.Closeable;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The processes of a job and the launcher's connections to them. Starts the processes, passes on
 * what they report over their connections, and ends them. Only the job's thread calls; the {@link
 * Listener} is called on the threads of the connections and of the processes.
 */
final class RankProcesses implements Closeable {
  private static final int BACKLOG = 256;

  /** Receives the events of the processes, on any thread. */
  interface Listener {
    void linked(int rank);

    void ended(int rank, Ending ending);

    void exited(int rank, int code);

    /** Some ranks wait in {@code MPI.Init} for the others. */
    void waiting();

    /** The launcher can accept no more connections: ranks without one cannot join. */
    void failed(String reason);
  }

  /** A process could not be started. */
  static final class StartException extends Exception {
    private static final long serialVersionUID = 1;

    private final int rank;

    StartException(int rank, Throwable cause) {
      super(cause.getMessage(), cause);
      this.rank = rank;
    }

    int rank() {
      return rank;
    }
  }

  private final JobSpec spec;
  private final Commands commands;
  private final Listener listener;
  private final String secret;
  private final RankProcess.Setting setting;
  private final ControlServer control;
  private final Roster roster;
  private final Map<Integer, RankProcess> processes = new TreeMap<>();

  /**
   * A file descriptor in reserve. Sending a signal needs one: the JDK first reads the process's
   * start time.
   */
  private final InputStream reserve;

  RankProcesses(JobSpec spec, Installation installation, Listener listener) throws IOException {
    this.spec = spec;
    this.commands = new Commands(spec, installation);
    this.listener = listener;
    byte[] key = LinkHandshake.newSecret();
    this.secret = HexFormat.of().formatHex(key);
    this.setting =
        new RankProcess.Setting(
            spec.folder().toFile(),
            Map.of(
                "MPJ_HOME", installation.mpj().toString(), LinkHandshake.SECRET_VARIABLE, secret),
            new LineSink(new FileOutputStream(FileDescriptor.out)),
            new LineSink(new FileOutputStream(FileDescriptor.err)),
            spec.tagOutput() && spec.device().processes(),
            spec.placement().shell());
    this.roster = new Roster(spec.np());
    this.reserve = new FileInputStream(RankProcess.NOTHING);
    int processes = spec.device().processes() ? spec.np() : 1;
    this.control = new ControlServer(listen(), key, processes, new Links());
  }

  /** Handles what ranks report over their links. */
  private final class Links implements ControlServer.Listener {
    @Override
    public void linked(int rank) {
      listener.linked(rank);
    }

    @Override
    public void joins(int rank, InetAddress from, int writePort, int readPort) {
      Optional<String> peers = roster.enter(rank, from.getHostAddress(), writePort, readPort);
      if (peers.isPresent()) {
        for (int each = 0; each < spec.np(); each++) {
          control.tellPeers(each, peers.get());
        }
      } else {
        listener.waiting();
      }
    }

    @Override
    public void ended(int rank, Ending ending) {
      listener.ended(rank, ending);
    }

    @Override
    public void failed(String reason) {
      listener.failed(reason);
    }
  }

  void start() throws StartException {
    control.start();
    int processes = spec.device().processes() ? spec.np() : 1;
    for (int rank = 0; rank < processes; rank++) {
      try {
        add(start(rank));
      } catch (IOException | OutOfMemoryError e) { // the latter: no thread can be started
        throw new StartException(rank, e);
      }
    }
  }

  private RankProcess start(int rank) throws IOException {
    String host = spec.host(rank);
    String launcher = address(host);
    if (!spec.device().processes()) {
      return RankProcess.local(rank, commands.threads(launcher), setting);
    } else if (Machines.isThisHost(host)) {
      return RankProcess.local(rank, commands.process(rank, launcher), setting);
    }
    return RankProcess.remote(rank, host, commands.remote(rank, launcher), secret, setting);
  }

  Collection<RankProcess> alive() {
    return processes.values();
  }

  /** The processes that have no link yet. */
  List<RankProcess> unlinked() {
    return alive().stream().filter(process -> !control.isLinked(process.rank())).toList();
  }

  boolean wasLinked(int rank) {
    return control.isLinked(rank);
  }

  /** Whether some ranks wait in MPI.Init for others. */
  boolean isWaitedFor() {
    return roster.isWaitedFor();
  }

  /** Whether a rank has passed MPI.Init; if ranks are threads, whether it has started. */
  boolean hasJoined(int rank) {
    return spec.device().processes() ? roster.isComplete() : control.isLinked(rank);
  }

  /** Whether a rank waits in MPI.Init for others. */
  boolean isWaiting(int rank) {
    return roster.isWaitedFor() && roster.contains(rank);
  }

  /** Whether others wait in MPI.Init for this rank. */
  boolean isMissed(int rank) {
    return roster.isWaitedFor() && !roster.contains(rank);
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

  /** Tells a process that the job is about to be ended. */
  void announceEnd(int rank) {
    control.tellTermination(rank, false);
  }

  void terminate(boolean spareMain) {
    prepareSignals();
    processes.forEach(
        (rank, process) -> {
          if (rank == 0 && spareMain) {
            return;
          }
          if (Machines.isThisHost(spec.host(rank))) {
            process.terminate();
          } else if (control.isLinked(rank)) {
            control.tellTermination(rank, true); // a signal to ssh would not get through
            control.tellLeave(rank);
          } else {
            process.kill(); // the rank's JVM has not started, or is about to look for the launcher
          }
        });
  }

  void kill(boolean spareMain) {
    prepareSignals();
    processes.forEach(
        (rank, process) -> {
          if (rank != 0 || !spareMain) {
            control.cut(rank);
            process.kill();
          }
        });
  }

  /** Releases the descriptor in reserve, when no connection can take it any more. */
  private void prepareSignals() {
    control.stop();
    try {
      reserve.close();
    } catch (IOException e) {
      // The signals may still get through.
    }
  }

  @Override
  public void close() throws IOException {
    reserve.close();
    control.close();
  }

  private void add(RankProcess process) {
    try {
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
    } catch (OutOfMemoryError e) {
      process.kill();
      throw e;
    }
    processes.put(process.rank(), process);
  }

  private ServerSocket listen() throws IOException {
    ServerSocket server =
        spec.local()
            ? new ServerSocket(0, BACKLOG, InetAddress.getLoopbackAddress())
            : new ServerSocket(0, BACKLOG);
    // Loads the classes of a connection while there are file descriptors to load them with.
    try (Socket here = new Socket(InetAddress.getLoopbackAddress(), server.getLocalPort());
        Socket there = server.accept()) {
      here.setTcpNoDelay(true);
      there.setTcpNoDelay(true);
    }
    return server;
  }

  private String address(String host) throws IOException {
    String address = InetAddress.getLoopbackAddress().getHostAddress();
    if (!spec.local()) {
      String called = Machines.isThisHost(host) ? Machines.firstOther(spec.hosts()) : host;
      address = localAddress(called, spec.placement().shell());
    }
    return address + ":" + control.port();
  }

  /**
   * The address at which a process on a host reaches this one: the local address of this host's
   * route to that host.
   */
  static String localAddress(String host, RemoteShell shell) throws IOException {
    InetSocketAddress there = new InetSocketAddress(Machines.withoutUser(host), 9);
    if (there.isUnresolved() && shell.isOfScheduler()) {
      return InetAddress.getLocalHost().getHostAddress();
    } else if (there.isUnresolved()) {
      throw new IOException("host " + host + " is unknown here");
    }
    try (DatagramSocket socket = new DatagramSocket()) {
      socket.connect(there); // sends nothing: only asks the routing table
      return socket.getLocalAddress().getHostAddress();
    }
  }
}
