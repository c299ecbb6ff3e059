package dev.mpipool.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What becomes of a user's files whatever others put into the folder for temporary files. */
@Timeout(60)
class UnixTest {
  private static final InetAddress HOST = InetAddress.getLoopbackAddress();
  private static final int PORT = 40001;
  private static final String NAME = HOST.getHostAddress() + "_" + PORT;

  private final String before = System.getProperty("java.io.tmpdir");

  /** Names of sockets must be short, so no folder of JUnit's. */
  private Path folder;

  private Path ours;

  @BeforeEach
  void makeFolder() throws IOException {
    folder = Files.createTempDirectory(Path.of("/tmp"), "mu").toRealPath();
    System.setProperty("java.io.tmpdir", folder.toString());
    ours = folder.resolve("mpipool-" + System.getProperty("user.name"));
  }

  @AfterEach
  void deleteFolder() throws IOException {
    System.setProperty("java.io.tmpdir", before);
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path path : all.sorted((a, b) -> b.compareTo(a)).toList()) {
        Files.delete(path);
      }
    }
  }

  @Test
  void aLinkToAFolderOfOursIsNotFollowed() throws Exception {
    Path victim = privateFolder(folder.resolve("ssh"));
    Path key = old(Files.writeString(victim.resolve("id_rsa"), "key"));
    Path named = old(Files.writeString(victim.resolve(NAME), "not ours"));
    Path socket = oldSocket(victim.resolve("127.0.0.1_40002"));
    Files.createSymbolicLink(ours, victim);

    assertThat(Unix.listen(HOST, PORT)).isNull();
    assertThat(Unix.address(HOST.getHostAddress(), PORT)).isNull();
    assertThat(list(victim)).containsExactlyInAnyOrder(key, named, socket);
  }

  @Test
  void aFolderThatOthersCanEnterIsNotUsed() throws Exception {
    Files.createDirectory(ours);
    Files.setPosixFilePermissions(ours, PosixFilePermissions.fromString("rwxr-xr-x"));
    Path socket = oldSocket(ours.resolve("127.0.0.1_40002"));

    assertThat(Unix.listen(HOST, PORT)).isNull();
    assertThat(Unix.address(HOST.getHostAddress(), PORT)).isNull();
    assertThat(list(ours)).containsExactly(socket);
  }

  @Test
  void nothingIsSweptButOldSocketsOfOurNames() throws Exception {
    privateFolder(ours);
    Path victim = old(Files.writeString(folder.resolve("diary"), "dear"));
    Path link = Files.createSymbolicLink(ours.resolve("127.0.0.1_40003"), victim);
    touch(link);
    Path file = old(Files.writeString(ours.resolve("127.0.0.1_40004"), "no socket"));
    Path inside = Files.createDirectory(ours.resolve("127.0.0.1_40005"));
    touch(inside);
    Path other = oldSocket(ours.resolve("agent.17"));
    Path young = socket(ours.resolve("127.0.0.1_40006"));
    Path old = oldSocket(ours.resolve("127.0.0.1_40007"));
    Path old6 = oldSocket(ours.resolve("fe80--1%eth0_7"));
    Path reused = socket(ours.resolve(NAME));

    ServerSocketChannel channel = Unix.listen(HOST, PORT);
    assertThat(channel).isNotNull();
    assertThat(list(ours)).containsExactlyInAnyOrder(link, file, inside, other, young, reused);
    assertThat(victim).exists();
    assertThat(old).doesNotExist();
    assertThat(old6).doesNotExist();
    assertThat(Unix.address(HOST.getHostAddress(), PORT).getPath()).isEqualTo(reused);
    Unix.close(channel);
    assertThat(list(ours)).containsExactlyInAnyOrder(link, file, inside, other, young);
  }

  @Test
  void aFileInTheWayOfASocketStays() throws Exception {
    privateFolder(ours);
    Path file = Files.writeString(ours.resolve(NAME), "no socket");

    assertThat(Unix.listen(HOST, PORT)).isNull();
    assertThat(file).hasContent("no socket");
  }

  @Test
  void aFolderThatIsExchangedMeanwhileIsLeftAlone() throws Exception {
    ServerSocketChannel channel = Unix.listen(HOST, PORT);
    assertThat(channel).isNotNull();
    Path victim = privateFolder(folder.resolve("ssh"));
    Path socket = socket(victim.resolve(NAME));
    Files.move(ours, folder.resolve("away"));
    Files.createSymbolicLink(ours, victim);

    Unix.close(channel);
    assertThat(Files.exists(socket, LinkOption.NOFOLLOW_LINKS)).isTrue();
  }

  @Test
  void namesInSharedMemoryAreRemovedIfTheyAreTheDevicesAlone() throws Exception {
    Path memory = Path.of("/dev/shm");
    org.junit.jupiter.api.Assumptions.assumeTrue(Files.isWritable(memory));
    String mark = Long.toHexString(System.nanoTime());
    // What core's shared arrays are called while they have a name, and a user's own file.
    Path shared = memory.resolve("mpipool-1a2b-4026531836-1-5-" + mark);
    Path users = memory.resolve("mpipool-" + mark);
    Path stale = memory.resolve("mpipool-device-" + mark);
    Path link = memory.resolve("mpipool-device-f" + mark);
    try {
      for (Path file : List.of(shared, users, stale)) {
        old(Files.writeString(file, "x"));
      }
      Files.createSymbolicLink(link, users);
      touch(link);
      SharedMemory.sweep();
      assertThat(shared).exists();
      assertThat(users).exists();
      assertThat(Files.isSymbolicLink(link)).isTrue();
      assertThat(stale).doesNotExist();
    } finally {
      for (Path file : List.of(shared, users, stale, link)) {
        Files.deleteIfExists(file);
      }
    }
  }

  private static Path privateFolder(Path path) throws IOException {
    return Files.createDirectory(
        path, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
  }

  private static Path old(Path file) throws IOException {
    return Files.setLastModifiedTime(file, FileTime.from(Instant.now().minus(Duration.ofDays(3))));
  }

  private static Path socket(Path path) throws IOException {
    try (ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      channel.bind(UnixDomainSocketAddress.of(path));
    }
    return path; // its file stays
  }

  private static Path oldSocket(Path path) throws Exception {
    touch(socket(path));
    return path;
  }

  /** Java does not set the times of sockets and links. */
  private static void touch(Path path) throws Exception {
    Process touch = new ProcessBuilder("touch", "-h", "-d", "3 days ago", path.toString()).start();
    assertThat(touch.waitFor()).isZero();
  }

  private static List<Path> list(Path of) throws IOException {
    try (Stream<Path> entries = Files.list(of)) {
      return entries.toList();
    }
  }
}
