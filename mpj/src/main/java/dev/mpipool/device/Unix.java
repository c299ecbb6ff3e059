package dev.mpipool.device;

import java.io.IOException;
import java.net.InetAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;

/**
 * Unix domain sockets between ranks on the same host, which take about half the time of TCP. Their
 * files are in a folder that only this user can enter. Each is named after the TCP address of its
 * rank, so that a peer knows the name. The file of a killed process is removed after a day, or when
 * the port is used again. If anything in here fails, TCP is used.
 */
final class Unix {

  private static final Duration STALE = Duration.ofDays(1);
  private static final int BACKLOG = 1024;
  private static final int SEND_BUFFER =
      Integer.getInteger("mpipool.device.unix.buffer", 512 * 1024);
  private static final boolean ENABLED = !"false".equals(System.getProperty("mpipool.device.unix"));

  /** The longest name that fits into a socket address on all systems. */
  private static final int LONGEST = 100;

  /** The names of this class's files: numeric addresses and ports. */
  private static final Pattern NAME = Pattern.compile("[0-9a-f.-]+(%\\w+)?_\\d{1,5}");

  /** The files to remove if the process ends before they are closed. */
  private static final Set<Path> AT_EXIT = atExit();

  private Unix() {}

  static boolean isUnix(SocketChannel channel) {
    return !channel.supportedOptions().contains(StandardSocketOptions.TCP_NODELAY);
  }

  static SocketChannel open() throws IOException {
    return SocketChannel.open(StandardProtocolFamily.UNIX);
  }

  /**
   * Enlarges the send buffer beyond the kernel's 200 kB, so that writer and reader can work at the
   * same time.
   */
  static void prepare(SocketChannel channel) throws IOException {
    if (SEND_BUFFER > 0) {
      channel.setOption(StandardSocketOptions.SO_SNDBUF, SEND_BUFFER);
    }
  }

  /** The Unix address of the rank that listens at a TCP address; null if there cannot be one. */
  static UnixDomainSocketAddress address(String host, int port) {
    if (ENABLED) {
      try {
        PrivateFolder.open(folder()).close();
        return path(host, port);
      } catch (IOException | RuntimeException e) {
        // No rank of this user listens there.
      }
    }
    return null;
  }

  private static UnixDomainSocketAddress path(String host, int port) {
    Path path = folder().resolve(host.replace(':', '-') + "_" + port);
    return path.toString().length() <= LONGEST ? UnixDomainSocketAddress.of(path) : null;
  }

  private static Path folder() {
    return Path.of(System.getProperty("java.io.tmpdir"))
        .toAbsolutePath()
        .resolve("mpipool-" + System.getProperty("user.name").replace('/', '_'));
  }

  /** Listens beside a TCP port. Returns null if that is not possible here. */
  static ServerSocketChannel listen(InetAddress host, int port) {
    UnixDomainSocketAddress address = ENABLED ? path(host.getHostAddress(), port) : null;
    if (address == null) {
      return null;
    }
    ServerSocketChannel channel = null;
    try {
      PrivateFolder.make(folder());
      try (PrivateFolder folder = PrivateFolder.open(folder())) {
        folder.removeSocket(address.getPath().getFileName().toString());
        folder.removeSockets(NAME, FileTime.from(Instant.now().minus(STALE)));
      }
      channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
      channel.bind(address, BACKLOG);
      AT_EXIT.add(address.getPath());
      return channel;
    } catch (IOException | RuntimeException e) {
      close(channel);
      return null;
    }
  }

  /** Ends listening and removes the file. */
  static void close(ServerSocketChannel channel) {
    if (channel != null) {
      try {
        SocketAddress address = channel.getLocalAddress();
        channel.close();
        if (address instanceof UnixDomainSocketAddress unix) {
          remove(unix.getPath());
        }
      } catch (IOException e) {
        // The next sweep takes it.
      }
    }
  }

  private static void remove(Path socket) throws IOException {
    AT_EXIT.remove(socket);
    try (PrivateFolder folder = PrivateFolder.open(socket.getParent())) {
      folder.removeSocket(socket.getFileName().toString());
    }
  }

  private static Set<Path> atExit() {
    Set<Path> sockets = ConcurrentHashMap.newKeySet();
    Thread hook =
        new Thread(
            () -> {
              for (Path socket : sockets) {
                try {
                  remove(socket);
                } catch (IOException | RuntimeException e) {
                  // The next sweep takes it.
                }
              }
            },
            "mpipool-sockets");
    Runtime.getRuntime().addShutdownHook(hook);
    return sockets;
  }
}
