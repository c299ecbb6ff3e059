package dev.mpipool.launcher;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.UserPrincipal;

/**
 * A file that rank 0 of a job on the machine's own MPI keeps from being empty until its shutdown
 * hooks run. The launcher holds a lock on it as long as it lives: a file whose lock is free was
 * left by a launcher that was killed, and the next launcher of the same user removes it.
 */
final class PresenceFile {

  private static final String PREFIX = "mpipool-native";
  private static final String SUFFIX = ".presence";

  private final Path path;

  /** Holds the lock until this process ends. */
  @SuppressWarnings("unused") // reachable
  private final FileChannel locked;

  private PresenceFile(Path path, FileChannel locked) {
    this.path = path;
    this.locked = locked;
  }

  /**
   * Creates an empty one, and removes those that were left.
   *
   * @param folder for temporary files
   */
  static PresenceFile create(Path folder) throws IOException {
    while (true) { // until no other launcher has taken it for one that was left
      Path path = Files.createTempFile(folder, PREFIX, SUFFIX);
      path.toFile().deleteOnExit();
      FileChannel channel = lock(path);
      if (channel != null) {
        removeLeft(folder, path);
        return new PresenceFile(path, channel);
      }
    }
  }

  /** Null if another process has the file locked, or has removed it. */
  private static FileChannel lock(Path path) throws IOException {
    FileChannel channel;
    try {
      channel = FileChannel.open(path, StandardOpenOption.WRITE);
    } catch (NoSuchFileException e) {
      return null;
    }
    if (channel.tryLock() != null && Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      return channel;
    }
    channel.close();
    return null;
  }

  private static void removeLeft(Path folder, Path own) {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, PREFIX + "*" + SUFFIX)) {
      UserPrincipal owner = Files.getOwner(own, LinkOption.NOFOLLOW_LINKS);
      for (Path file : files) {
        if (!file.equals(own)) { // to close it once more would give up its lock
          removeIfLeft(file, owner);
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      return; // the folder cannot be listed
    }
  }

  private static void removeIfLeft(Path file, UserPrincipal owner) {
    try {
      PosixFileAttributes attributes =
          Files.readAttributes(file, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
      if (!attributes.isRegularFile() || !attributes.owner().equals(owner)) {
        return;
      }
      try (FileChannel channel =
              FileChannel.open(file, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
          FileLock lock = channel.tryLock()) {
        if (lock != null) {
          Files.deleteIfExists(file);
        }
      }
    } catch (IOException e) {
      return; // removed meanwhile, or not to be opened
    }
  }

  Path path() {
    return path;
  }

  /** Whether rank 0 has ended without its shutdown hooks. */
  boolean isPresent() {
    try {
      return Files.size(path) > 0;
    } catch (IOException e) { // temporary files may be cleaned up during a long job
      return false;
    }
  }
}
