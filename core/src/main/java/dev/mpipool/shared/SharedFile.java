package dev.mpipool.shared;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.LinkOption.NOFOLLOW_LINKS;
import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import dev.mpipool.files.ProcessId;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A file that several processes of a machine hold open, and that vanishes with the last of them,
 * however they end.
 *
 * <p>It loses its name as soon as it is made, so that the system removes it. Others open it through
 * {@code /proc}, where its maker's open files can be found. Where that does not work it keeps its
 * name until all have opened it ({@link #unlink}). A maker that is killed before leaves the file
 * behind, which then goes when the same user makes the next one: the name tells the maker.
 *
 * <p>It begins with a mark by which the ranks that open it know that it is the very file they were
 * told of. Only the owner may open it.
 */
final class SharedFile implements Closeable {

  /** For the mark, and for what the user of this class puts after it: a page. */
  static final int HEADER_BYTES = 4096;

  static final int MARK_BYTES = 36;

  private static final Logger LOG = LoggerFactory.getLogger(SharedFile.class);

  private static final Pattern NAME =
      Pattern.compile("mpipool-([0-9a-f]{1,8})-(\\d*)-(\\d{1,18})-(-?\\d{1,18})-[0-9a-f-]{36}");

  private static final FileAttribute<?> OWNER_ONLY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  private final FileChannel channel;

  /** How others find it: the mark and a path. */
  private final String address;

  /** Its name while it has one, or null. */
  private Path name;

  private SharedFile(FileChannel channel, String address, Path name) {
    this.channel = channel;
    this.address = address;
    this.name = name;
  }

  /** Makes a file of a page; with a name where it is to be found by that, and else without. */
  static SharedFile create(Path folder, boolean named) throws IOException {
    sweep(folder);
    String mark = UUID.randomUUID().toString();
    ProcessId own = ProcessId.own();
    String name =
        "mpipool-%s-%s-%d-%d-%s"
            .formatted(boot(own), own.namespace(), own.pid(), own.start(), mark);
    Path path = folder.toRealPath().resolve(name);
    FileChannel channel = FileChannel.open(path, Set.of(CREATE_NEW, READ, WRITE), OWNER_ONLY);
    try {
      if (!named) {
        Files.delete(path); // at once: a process that is killed in between leaves it behind
      }
      channel.write(ByteBuffer.wrap(mark.getBytes(UTF_8)), 0);
      channel.write(ByteBuffer.allocate(1), HEADER_BYTES - 1);
      if (named) {
        return new SharedFile(channel, mark + " " + path, path);
      }
      Optional<Path> way = openFile(path);
      if (way.isPresent()) {
        return new SharedFile(channel, mark + " " + way.get(), null);
      }
    } catch (IOException | RuntimeException e) {
      Files.deleteIfExists(path);
      channel.close();
      throw e;
    }
    channel.close();
    return create(folder, true);
  }

  /** Opens the file that another process, or this one, has made; empty if it is not seen here. */
  static Optional<SharedFile> open(String address) {
    String mark = address.substring(0, MARK_BYTES);
    Path path = Path.of(address.substring(MARK_BYTES + 1));
    FileChannel channel = null;
    try {
      // A file without a name is reached by a link of the system's, and no other link is followed.
      channel =
          path.startsWith("/proc")
              ? FileChannel.open(path, READ, WRITE)
              : FileChannel.open(path, READ, WRITE, NOFOLLOW_LINKS);
      ByteBuffer found = ByteBuffer.allocate(MARK_BYTES);
      channel.read(found, 0);
      if (mark.equals(new String(found.array(), UTF_8))) {
        return Optional.of(new SharedFile(channel, address, null));
      }
      channel.close();
    } catch (IOException | RuntimeException e) {
      LOG.debug("{} is not seen here", path, e);
      closeQuietly(channel);
    }
    return Optional.empty();
  }

  String address() {
    return address;
  }

  FileChannel channel() {
    return channel;
  }

  /** Takes the name away, if there is one: from now on the file goes with its users. */
  void unlink() throws IOException {
    if (name != null) {
      Files.deleteIfExists(name);
      name = null;
    }
  }

  @Override
  public void close() throws IOException {
    unlink();
    channel.close();
  }

  /** The way to an open file of this process that has lost its name. */
  private static Optional<Path> openFile(Path path) {
    Path own = Path.of("/proc/" + ProcessHandle.current().pid() + "/fd");
    Path target = path.resolveSibling(path.getFileName() + " (deleted)");
    try (DirectoryStream<Path> open = Files.newDirectoryStream(own)) {
      for (Path file : open) {
        if (Files.isSymbolicLink(file) && target.equals(target(file))) {
          return Optional.of(file);
        }
      }
    } catch (IOException e) {
      LOG.debug("No open files are seen in {}", own, e);
    }
    return Optional.empty();
  }

  private static Path target(Path link) {
    try {
      return Files.readSymbolicLink(link);
    } catch (IOException e) {
      return null; // closed meanwhile
    }
  }

  /** Removes files of this user's dead processes. */
  private static void sweep(Path folder) throws IOException {
    ProcessId own = ProcessId.own();
    try (DirectoryStream<Path> found = Files.newDirectoryStream(folder, "mpipool-*")) {
      for (Path file : found) {
        Matcher name = NAME.matcher(file.getFileName().toString());
        if (name.matches()
            && name.group(1).equals(boot(own))
            && name.group(2).equals(own.namespace())
            && !isAlive(Long.parseLong(name.group(3)), Long.parseLong(name.group(4)))) {
          remove(file);
        }
      }
    }
  }

  /** Removes a file of this user's; others may have put anything there under such a name. */
  private static void remove(Path file) {
    try {
      PosixFileAttributes found =
          Files.readAttributes(file, PosixFileAttributes.class, NOFOLLOW_LINKS);
      if (found.isRegularFile()
          && found.owner().getName().equals(System.getProperty("user.name"))) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      LOG.debug("{} belongs to another user", file, e);
    }
  }

  private static boolean isAlive(long pid, long start) {
    ProcessId own = ProcessId.own();
    return new ProcessId(own.host(), own.boot(), own.namespace(), pid, start).isAlive();
  }

  private static String boot(ProcessId process) {
    return Integer.toHexString(process.boot().hashCode());
  }

  private static void closeQuietly(FileChannel channel) {
    try {
      if (channel != null) {
        channel.close();
      }
    } catch (IOException e) {
      LOG.debug("A file that is not needed could not be closed", e);
    }
  }
}
