package dev.mpipool.device;

import dev.mpipool.link.LauncherLink;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketAddress;
import java.nio.charset.StandardCharsets;
import mpi.MPIException;

/**
 * The job of this rank: its rank and size, the addresses of the other ranks, and the job's secret.
 *
 * <p>Under mpipool's launcher the ranks exchange their addresses over their links to it, which are
 * authenticated. Otherwise they use the protocol of MPJ Express's own starter: the configuration
 * names a server, each rank sends it its ports and its rank, and receives the addresses of all
 * ranks. That protocol has two ports for each rank; the device has one, and sends it twice.
 */
final class Job {

  /** How many bytes of eager messages to one rank may be unmatched. */
  static final int EAGER_WINDOW = Integer.getInteger("mpipool.eager.window", 8 << 20);

  private static final String ASKS = "Sending Info";
  private static final String ANSWER = "#Peer Information";

  private final int rank;
  private final int size;
  private final int eagerLimit;

  /** Null if the ranks exchange addresses over their links to the launcher. */
  private final InetSocketAddress server;

  private final String[] hosts;
  private final int[] ports;
  private byte[] key;
  private boolean secret;

  private Job(int rank, int size, int eagerLimit, InetSocketAddress server) {
    this.rank = rank;
    this.size = size;
    this.eagerLimit = eagerLimit;
    this.server = server;
    hosts = new String[size];
    ports = new int[size];
  }

  /** Reads the arguments of init: {@code <rank> <configuration> <device name>}. */
  static Job parse(String[] args) {
    if (args.length < 3) {
      throw new MPIException("expected the arguments <rank> <configuration> <device name>");
    }
    int size = 0;
    int eagerLimit = 128 * 1024;
    String host = null;
    int port = 0;
    String[] words = args[1].split(";", -1);
    for (int i = 0; i + 1 < words.length; i++) {
      switch (words[i]) {
        case "#Number of Processes" -> size = Integer.parseInt(words[++i]);
        case "#Protocol Switch Limit" -> eagerLimit = Integer.parseInt(words[++i]);
        case "#Server Name" -> host = words[++i];
        case "#Server Port" -> port = Integer.parseInt(words[++i]);
        default -> {}
      }
    }
    int rank = Integer.parseInt(args[0]);
    InetSocketAddress server = host == null ? null : new InetSocketAddress(host, port);
    if ((server == null && LauncherLink.current().isEmpty()) || rank < 0 || rank >= size) {
      throw new MPIException("rank " + rank + " cannot be started with " + args[1]);
    }
    return new Job(rank, size, eagerLimit, server);
  }

  /** Opens the port of this rank, once the address is known at which others can reach it. */
  interface Opener {
    int open(InetAddress local) throws IOException;
  }

  /** Exchanges addresses with all other ranks. */
  void meet(Opener opener) throws IOException {
    String peers = server == null ? meetByLink(opener) : meetAtServer(opener);
    readPeers(peers);
    readSecret(peers);
  }

  private String meetByLink(Opener opener) throws IOException {
    LauncherLink link = LauncherLink.current().orElseThrow();
    int port = open(opener, link.localAddress());
    return link.join(port, port);
  }

  private String meetAtServer(Opener opener) throws IOException {
    try (Socket socket = new Socket()) {
      SocketAddress target = server;
      socket.connect(target);
      int port = open(opener, socket.getLocalAddress());
      DataOutputStream out = new DataOutputStream(socket.getOutputStream());
      out.writeUTF(ASKS);
      out.writeInt(port);
      out.writeInt(port);
      out.writeInt(rank);
      out.flush();
      return new DataInputStream(socket.getInputStream()).readUTF();
    }
  }

  private static int open(Opener opener, InetAddress local) throws IOException {
    String bind = System.getProperty("mpipool.bind");
    return opener.open(bind != null ? InetAddress.getByName(bind) : local);
  }

  private void readPeers(String answer) throws IOException {
    String[] entries = answer.split(";", -1);
    if (!entries[0].equals(ANSWER) || entries.length != size + 1) {
      throw new IOException(
          "the server answered with the addresses of " + (entries.length - 1) + " ranks");
    }
    for (int i = 1; i < entries.length; i++) {
      String[] parts = entries[i].split("@", -1);
      int r = Integer.parseInt(parts[3]);
      hosts[r] = parts[0];
      ports[r] = Integer.parseInt(parts[1]);
    }
  }

  /** Without a secret, the key only keeps jobs apart that share addresses by accident. */
  private void readSecret(String peers) {
    String given = System.getProperty("mpipool.secret", System.getenv("MPIPOOL_SECRET"));
    secret = given != null && !given.isBlank();
    key = (secret ? given.strip() : peers).getBytes(StandardCharsets.UTF_8);
  }

  int rank() {
    return rank;
  }

  int size() {
    return size;
  }

  /**
   * The longest message that is sent eagerly: as configured, and at most a quarter of the window.
   */
  int eagerLimit() {
    return Math.min(eagerLimit, EAGER_WINDOW / 4);
  }

  boolean hasSecret() {
    return secret;
  }

  byte[] key() {
    return key;
  }

  String host(int r) {
    return hosts[r];
  }

  int port(int r) {
    return ports[r];
  }

  boolean isOnThisHost(int r) {
    return hosts[r].equals(hosts[rank]);
  }
}
