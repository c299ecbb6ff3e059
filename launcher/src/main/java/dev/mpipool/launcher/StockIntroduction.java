package dev.mpipool.launcher;

import dev.mpipool.link.LauncherLink;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Lets MPJ Express's stock device, which knows its own starter only and no secret, meet the other
 * ranks over this rank's link with the launcher. It plays the starter, within the rank, on a port
 * of the loopback interface:
 *
 * <pre>
 *   device -&gt; starter   UTF "Sending Info" | write port (int) | read port (int) | rank (int)
 *   starter -&gt; device   UTF "#Peer Information" and for each rank ";host@read port@write port@rank"
 * </pre>
 *
 * <p>Other processes of the host can reach the port too. So a connection is believed only if its
 * other end belongs to this process, which Linux tells.
 */
final class StockIntroduction {
  private static final int BACKLOG = 256;

  /** How the rank joins the others. */
  interface Joining {
    String join(int writePort, int readPort) throws IOException;
  }

  private final Joining joining;
  private final Acceptor acceptor;

  private StockIntroduction(Joining joining) throws IOException {
    this.joining = joining;
    this.acceptor =
        new Acceptor(
            new ServerSocket(0, BACKLOG, InetAddress.getLoopbackAddress()),
            "mpipool-introduction",
            this::serve,
            reason -> {
              System.err.println("mpipool: MPI.Init is not possible: " + reason);
              System.exit(1);
            });
  }

  /** Opens the port, and returns the words that name it in the configuration of the device. */
  static String start(LauncherLink link) throws IOException {
    return start(link::join);
  }

  static String start(Joining joining) throws IOException {
    StockIntroduction introduction = new StockIntroduction(joining);
    introduction.acceptor.start();
    return ";#Server Name;"
        + InetAddress.getLoopbackAddress().getHostAddress()
        + ";#Server Port;"
        + introduction.acceptor.port();
  }

  private void serve(Acceptor.Connection connection) throws IOException {
    Socket socket = connection.socket();
    if (!isOfThisProcess(socket) || !connection.proven()) {
      return;
    }
    DataInputStream in = new DataInputStream(socket.getInputStream());
    DataOutputStream out = new DataOutputStream(new BufferedOutputStream(socket.getOutputStream()));
    if (!in.readUTF().equals("Sending Info")) {
      return;
    }
    int writePort = in.readInt();
    int readPort = in.readInt();
    acceptor.close();
    out.writeUTF(joining.join(writePort, readPort));
    out.flush();
    in.read(); // the device's to close, or its answer could be lost
  }

  /** Whether this process has the other end of a connection too; unknown counts as yes. */
  private static boolean isOfThisProcess(Socket socket) throws IOException {
    String there = String.format(":%04X", socket.getPort());
    String here = String.format(":%04X", socket.getLocalPort());
    boolean known = false;
    for (String table : List.of("tcp", "tcp6")) {
      Path file = Path.of("/proc/self/net", table);
      if (!Files.isReadable(file)) {
        continue;
      }
      known = true;
      for (String line : Files.readAllLines(file)) {
        String[] fields = line.strip().split("\\s+", -1);
        if (fields.length > 9 && fields[1].endsWith(there) && fields[2].endsWith(here)) {
          return owns("socket:[" + fields[9] + "]");
        }
      }
    }
    return !known;
  }

  private static boolean owns(String name) throws IOException {
    try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
      for (Path descriptor : descriptors) {
        try {
          if (Files.readSymbolicLink(descriptor).toString().equals(name)) {
            return true;
          }
        } catch (IOException e) {
          // Closed meanwhile.
        }
      }
    }
    return false;
  }
}
