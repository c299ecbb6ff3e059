package dev.mpipool.device;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Memory that two ranks on one host share: a file in the kernel's memory file system that is
 * unlinked as soon as it is created, so that nothing is left however the ranks end. The other rank
 * opens it through the file descriptor of the process that has created it, which the kernel grants
 * to the same user only, and checks that it begins with the number that it was told over the
 * connection. The file is filled with zeros before it is mapped: a full file system then causes an
 * exception here, instead of a fault in the middle of a copy.
 */
final class SharedMemory {

  /** The bytes before the memory: the number, and the rest of its page. */
  static final int HEADER = 4096;

  private static final Path FOLDER = Path.of("/dev/shm");
  private static final Path DESCRIPTORS = Path.of("/proc/self/fd");

  /** Other parts of mpipool use other names: some of their files are needed for long. */
  private static final String PREFIX = "mpipool-device-";

  private static final Pattern NAME = Pattern.compile(PREFIX + "[0-9a-f]{1,16}");

  /** Memory that one is to have is there so many times at least. */
  private static final int PLENTY = 64;

  /** So much is written at once. */
  private static final int FILL = 64 * 1024;

  private static final Duration STALE = Duration.ofMinutes(1);
  private static final boolean ENABLED =
      !"false".equals(System.getProperty("mpipool.device.shared")) && Files.isDirectory(FOLDER);
  private static final SecureRandom RANDOM = new SecureRandom();

  final ByteBuffer memory;
  final int descriptor;
  final long token;

  /** Open until the other rank has opened the file too. */
  private final FileChannel channel;

  private SharedMemory(FileChannel channel, ByteBuffer memory, int descriptor, long token) {
    this.channel = channel;
    this.memory = memory;
    this.descriptor = descriptor;
    this.token = token;
  }

  /** Creates memory of this size; returns null if that is not possible. */
  static SharedMemory create(int bytes) {
    if (!ENABLED) {
      return null;
    }
    long token = RANDOM.nextLong();
    String name = PREFIX + Long.toHexString(RANDOM.nextLong());
    FileChannel channel = null;
    try {
      channel =
          FileChannel.open(
              FOLDER.resolve(name),
              Set.of(
                  StandardOpenOption.CREATE_NEW,
                  StandardOpenOption.READ,
                  StandardOpenOption.WRITE,
                  StandardOpenOption.DELETE_ON_CLOSE), // on Linux: at once
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      Files.deleteIfExists(FOLDER.resolve(name));
      int descriptor = descriptorOf(name);
      if (descriptor >= 0) {
        fill(channel, HEADER + bytes, token);
        ByteBuffer all = channel.map(FileChannel.MapMode.READ_WRITE, 0, HEADER + bytes);
        return new SharedMemory(channel, all.slice(HEADER, bytes), descriptor, token);
      }
    } catch (IOException | UnsupportedOperationException | SecurityException e) {
      // No such file system, or it is full: the connection is used instead.
    }
    close(channel);
    return null;
  }

  /** Writes zeros, and the number in front of them. */
  private static void fill(FileChannel channel, int bytes, long token) throws IOException {
    ByteBuffer content = ByteBuffer.allocate(Math.min(bytes, FILL)).putLong(0, token);
    for (int rest = bytes; rest > 0; ) {
      content.clear().limit(Math.min(rest, FILL));
      while (content.hasRemaining()) {
        rest -= channel.write(content);
      }
      content.putLong(0, 0);
    }
  }

  private static int descriptorOf(String name) throws IOException {
    try (DirectoryStream<Path> all = Files.newDirectoryStream(DESCRIPTORS)) {
      for (Path one : all) {
        if (Files.isSymbolicLink(one) && target(one).startsWith(FOLDER.resolve(name).toString())) {
          return Integer.parseInt(one.getFileName().toString());
        }
      }
    }
    return -1;
  }

  private static String target(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString();
    } catch (IOException e) {
      return ""; // closed meanwhile by another thread
    }
  }

  /** Whether memory of this size is a small part of what is left. */
  static boolean hasPlenty(int bytes) {
    try {
      return ENABLED && Files.getFileStore(FOLDER).getUsableSpace() / PLENTY > bytes;
    } catch (IOException | SecurityException e) {
      return false;
    }
  }

  /**
   * Opens the memory that another process has created; returns null if that is not possible.
   *
   * @param writes whether this process writes into it, too
   */
  static ByteBuffer open(long process, int descriptor, long token, int bytes, boolean writes) {
    Path path = Path.of("/proc", Long.toString(process), "fd", Integer.toString(descriptor));
    try {
      if (!ENABLED
          || !Files.isRegularFile(path) // never wait for a pipe
          || Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)) {
        return null;
      }
      Set<StandardOpenOption> options =
          writes
              ? Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE)
              : Set.of(StandardOpenOption.READ);
      try (FileChannel channel = FileChannel.open(path, options)) {
        ByteBuffer first = ByteBuffer.allocate(Long.BYTES);
        if (channel.size() != HEADER + bytes
            || channel.read(first, 0) != Long.BYTES
            || first.getLong(0) != token) {
          return null;
        }
        FileChannel.MapMode mode =
            writes ? FileChannel.MapMode.READ_WRITE : FileChannel.MapMode.READ_ONLY;
        return channel.map(mode, 0, HEADER + bytes).slice(HEADER, bytes);
      }
    } catch (IOException | UnsupportedOperationException | SecurityException e) {
      return null;
    }
  }

  /** The other rank has opened the memory, or will not: closes the file. The mapping stays. */
  void endOffer() {
    close(channel);
  }

  private static void close(FileChannel channel) {
    try {
      if (channel != null) {
        channel.close();
      }
    } catch (IOException e) {
      // It is as closed as it can be.
    }
  }

  /** Removes files whose processes were killed before they could unlink them. */
  static void sweep() {
    if (!ENABLED) {
      return;
    }
    Instant stale = Instant.now().minus(STALE);
    try (DirectoryStream<Path> files = Files.newDirectoryStream(FOLDER, PREFIX + "*")) {
      for (Path file : files) {
        if (NAME.matcher(file.getFileName().toString()).matches()) {
          sweep(file, stale);
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      // The next start of a rank tries again.
    }
  }

  private static void sweep(Path file, Instant stale) {
    try {
      PosixFileAttributes found =
          Files.readAttributes(file, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
      if (found.isRegularFile()
          && PrivateFolder.isOurs(found)
          && found.lastModifiedTime().toInstant().isBefore(stale)) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      // Gone already.
    }
  }
}
