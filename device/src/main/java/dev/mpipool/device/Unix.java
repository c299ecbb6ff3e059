package dev.mpipool.device;

import java.io.IOException;
import java.net.InetAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;

/**
 * Unix domain sockets, by which ranks on the same host reach each other in about half the time of
 * TCP. Their files lie in a folder that only this user can enter, each named after the TCP address
 * of its rank, so that a peer knows the name. What a killed process leaves behind goes after a day,
 * or when the port is used again. Whatever fails in here only means TCP.
 */
final class Unix {

  private static final Duration STALE = Duration.ofDays(1);
  private static final int BACKLOG = 1024;
  private static final int SEND_BUFFER =
      Integer.getInteger("mpipool.device.unix.buffer", 512 * 1024);
  private static final boolean ENABLED = !"false".equals(System.getProperty("mpipool.device.unix"));

  /** The longest name that fits into a socket address on all systems. */
  private static final int LONGEST = 100;

  private Unix() {}

  static boolean isUnix(SocketChannel channel) {
    return !channel.supportedOptions().contains(StandardSocketOptions.TCP_NODELAY);
  }

  static SocketChannel open() throws IOException {
    return SocketChannel.open(StandardProtocolFamily.UNIX);
  }

  /**
   * Room for more than the kernel's usual 200 kB, so that who writes and who reads can do so at the
   * same time.
   */
  static void prepare(SocketChannel channel) throws IOException {
    if (SEND_BUFFER > 0) {
      channel.setOption(StandardSocketOptions.SO_SNDBUF, SEND_BUFFER);
    }
  }

  /** The address of the rank that listens at this TCP address; null if there cannot be one. */
  static UnixDomainSocketAddress address(String host, int port) {
    Path path = folder().resolve(host.replace(':', '-') + "_" + port);
    return ENABLED && path.toString().length() <= LONGEST ? UnixDomainSocketAddress.of(path) : null;
  }

  private static Path folder() {
    return Path.of(System.getProperty("java.io.tmpdir"))
        .resolve("mpipool-" + System.getProperty("user.name"));
  }

  /** Listens beside a TCP port. Returns null if that is not possible here. */
  static ServerSocketChannel listen(InetAddress host, int port) {
    UnixDomainSocketAddress address = address(host.getHostAddress(), port);
    if (address == null) {
      return null;
    }
    ServerSocketChannel channel = null;
    try {
      Path folder = folder();
      if (!Files.isDirectory(folder)) {
        Files.createDirectories(
            folder,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      }
      if (!isPrivate(folder)) {
        return null;
      }
      sweep(folder);
      Files.deleteIfExists(address.getPath());
      channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
      channel.bind(address, BACKLOG);
      address.getPath().toFile().deleteOnExit();
      return channel;
    } catch (IOException | UnsupportedOperationException e) {
      close(channel);
      return null;
    }
  }

  /** Somebody else may have made the folder before. */
  private static boolean isPrivate(Path folder) throws IOException {
    return Files.getOwner(folder).getName().equals(System.getProperty("user.name"))
        && PosixFilePermissions.toString(Files.getPosixFilePermissions(folder)).equals("rwx------");
  }

  private static void sweep(Path folder) throws IOException {
    Instant stale = Instant.now().minus(STALE);
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
      for (Path file : files) {
        if (Files.getLastModifiedTime(file).toInstant().isBefore(stale)) {
          Files.deleteIfExists(file);
        }
      }
    }
  }

  /** Ends listening and removes the file. */
  static void close(ServerSocketChannel channel) {
    if (channel != null) {
      try {
        SocketAddress address = channel.getLocalAddress();
        channel.close();
        if (address instanceof UnixDomainSocketAddress unix) {
          Files.deleteIfExists(unix.getPath());
        }
      } catch (IOException e) {
        // The next sweep takes it.
      }
    }
  }
}
