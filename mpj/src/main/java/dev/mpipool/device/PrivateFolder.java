package dev.mpipool.device;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SecureDirectoryStream;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * An open folder of this user within a folder that all users may write, such as that for temporary
 * files. Another user may have put anything there under the same name, for example a link to
 * another folder of this user. So the folder is opened without following links, its attributes are
 * checked after it has been opened, and its files are reached through the open folder instead of by
 * a path.
 */
final class PrivateFolder implements Closeable {

  private static final String OWNER_ONLY = "rwx------";

  private final List<SecureDirectoryStream<Path>> open = new ArrayList<>();

  private PrivateFolder() {}

  /** Creates the folder unless the name exists. */
  static void make(Path path) throws IOException {
    try {
      Files.createDirectory(
          path, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(OWNER_ONLY)));
    } catch (FileAlreadyExistsException e) {
      // Opening it shows whose it is.
    }
  }

  /**
   * Opens a folder that only this user can enter. Its parent may be reached by links.
   *
   * @throws IOException if there is something else under this name, or if this system cannot tell
   */
  @SuppressWarnings("StreamResourceLeak") // the streams stay open with the folder
  static PrivateFolder open(Path path) throws IOException {
    PrivateFolder folder = new PrivateFolder();
    try {
      SecureDirectoryStream<Path> parent = folder.add(Files.newDirectoryStream(path.getParent()));
      SecureDirectoryStream<Path> stream =
          folder.add(parent.newDirectoryStream(path.getFileName(), LinkOption.NOFOLLOW_LINKS));
      PosixFileAttributes opened =
          stream.getFileAttributeView(PosixFileAttributeView.class).readAttributes();
      if (!isOurs(opened)
          || !PosixFilePermissions.toString(opened.permissions()).equals(OWNER_ONLY)) {
        throw new IOException(path + " is not for this user alone");
      }
      return folder;
    } catch (IOException | RuntimeException e) {
      folder.close();
      throw e;
    }
  }

  /** Whether a file belongs to the user of this process. */
  static boolean isOurs(PosixFileAttributes file) {
    return file.owner().getName().equals(System.getProperty("user.name"));
  }

  /** Removes this user's sockets with such a name that are older. May be called once. */
  void removeSockets(Pattern name, FileTime olderThan) throws IOException {
    for (Path file : stream()) {
      String last = file.getFileName().toString();
      if (name.matcher(last).matches()) {
        removeSocket(last, socket -> socket.lastModifiedTime().compareTo(olderThan) < 0);
      }
    }
  }

  /** Removes the file of this name if it is a socket of this user. */
  void removeSocket(String name) throws IOException {
    removeSocket(name, socket -> true);
  }

  private void removeSocket(String name, Predicate<PosixFileAttributes> which) throws IOException {
    Path file = Path.of(name);
    try {
      PosixFileAttributes found =
          stream()
              .getFileAttributeView(file, PosixFileAttributeView.class, LinkOption.NOFOLLOW_LINKS)
              .readAttributes();
      if (found.isOther() && isOurs(found) && which.test(found)) {
        stream().deleteFile(file);
      }
    } catch (NoSuchFileException e) {
      // Another process has removed it.
    }
  }

  private SecureDirectoryStream<Path> stream() {
    return open.get(1);
  }

  private SecureDirectoryStream<Path> add(DirectoryStream<Path> stream) throws IOException {
    if (stream instanceof SecureDirectoryStream<Path> secure) {
      open.add(secure);
      return secure;
    }
    stream.close();
    throw new IOException("Folders cannot be opened safely on this system");
  }

  @Override
  public void close() throws IOException {
    for (SecureDirectoryStream<Path> stream : open) {
      stream.close();
    }
  }
}
