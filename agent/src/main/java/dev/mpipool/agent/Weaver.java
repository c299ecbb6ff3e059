package dev.mpipool.agent;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFileAttributeView;
import java.util.ArrayList;
import java.util.Enumeration;
import java.util.List;
import java.util.Locale;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/**
 * Does in class files what the {@link Agent} does when classes are loaded. A file is replaced as a
 * whole, and only if something changes; what is woven already stays as it is.
 */
public final class Weaver implements Closeable {
  private static final String CLASS = ".class";
  private static final String MPIPOOL = "dev/mpipool/";

  private final Names packages;
  private final Names captured;
  private final URLClassLoader classPath;
  private final ClassRewriter rewriter;

  /**
   * How many classes there were.
   *
   * @param all of them
   * @param woven those that were changed
   */
  public record Count(int all, int woven) {}

  /** One folder or jar: counts, and collects what cannot be woven. */
  private final class Pass {
    private final boolean hasMpipool;
    private int all;
    private int woven;

    Pass(boolean hasMpipool) {
      this.hasMpipool = hasMpipool;
    }

    /** Returns null if a class can stay as it is. */
    byte[] weave(String file, byte[] classFile) throws IOException {
      all++;
      try {
        String name = new ClassFile(classFile).name();
        if (hasMpipool && name.startsWith(MPIPOOL)) {
          return null;
        }
        boolean isProgram = packages.isEmpty() || packages.contain(name);
        byte[] rewritten =
            isProgram || captured.contain(name) ? rewriter.rewrite(classFile, isProgram) : null;
        if (rewritten != null) {
          woven++;
        }
        return rewritten;
      } catch (RuntimeException e) {
        throw new IOException(file + " cannot be woven: " + e, e);
      }
    }

    Count count() {
      return new Count(all, woven);
    }
  }

  /**
   * Creates a weaver.
   *
   * @param packages whose lambdas become serializable, separated by commas; null: those of all
   * @param captured packages and classes whose objects lambdas may capture; may be null
   * @param classPath where the supertypes of these are looked for: folders and jars
   */
  public Weaver(String packages, String captured, List<Path> classPath) {
    this.packages = new Names(packages);
    this.captured = new Names(captured);
    this.classPath = new URLClassLoader(urls(classPath), ClassLoader.getPlatformClassLoader());
    this.rewriter = new ClassRewriter(new Captures(this.captured, this::find));
  }

  private static URL[] urls(List<Path> classPath) {
    List<URL> urls = new ArrayList<>();
    for (Path entry : classPath) {
      try {
        urls.add(entry.toUri().toURL());
      } catch (MalformedURLException e) {
        throw new IllegalArgumentException(e);
      }
    }
    return urls.toArray(URL[]::new);
  }

  private byte[] find(String name) {
    URL file = classPath.getResource(name + CLASS);
    if (file == null) {
      return null;
    }
    try {
      var connection = file.openConnection();
      connection.setUseCaches(false); // a jar may be about to be replaced
      try (InputStream in = connection.getInputStream()) {
        return in.readAllBytes();
      }
    } catch (IOException e) {
      return null;
    }
  }

  /**
   * Weaves all classes of a folder or jar.
   *
   * @param folderOrJar exists
   * @return how many there were
   * @throws IOException if it cannot be read or written, or a class cannot be woven; the message
   *     says what. Files that were woven before remain so
   */
  public Count weave(Path folderOrJar) throws IOException {
    return Files.isDirectory(folderOrJar) ? weaveFolder(folderOrJar) : weaveJar(folderOrJar);
  }

  @Override
  public void close() throws IOException {
    classPath.close();
  }

  private Count weaveFolder(Path folder) throws IOException {
    Pass pass = new Pass(Files.exists(folder.resolve("dev/mpipool/MPIExecutor.class")));
    Files.walkFileTree(
        folder,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            if (isClass(file.toString())) {
              byte[] woven = pass.weave(file.toString(), Files.readAllBytes(file));
              if (woven != null) {
                replace(file, out -> out.write(woven));
              }
            }
            return FileVisitResult.CONTINUE;
          }
        });
    return pass.count();
  }

  private Count weaveJar(Path jar) throws IOException {
    Pass pass;
    ByteArrayOutputStream copy = new ByteArrayOutputStream();
    try (ZipFile zip = new ZipFile(jar.toFile());
        ZipOutputStream out = new ZipOutputStream(copy)) {
      pass = new Pass(zip.getEntry("dev/mpipool/MPIExecutor.class") != null);
      boolean signed = false;
      for (Enumeration<? extends ZipEntry> all = zip.entries(); all.hasMoreElements(); ) {
        ZipEntry entry = all.nextElement();
        signed |= isSignature(entry.getName());
        byte[] content;
        try (InputStream in = zip.getInputStream(entry)) {
          content = in.readAllBytes();
        }
        byte[] woven =
            isClass(entry.getName()) ? pass.weave(jar + ": " + entry.getName(), content) : null;
        copy(entry, woven == null ? content : woven, out);
      }
      if (signed && pass.woven > 0) {
        throw new IOException(jar + " is signed: weave its classes before it is made");
      }
    } catch (java.util.zip.ZipException e) {
      throw new IOException(jar + " is neither a folder nor a jar", e);
    }
    if (pass.woven > 0) {
      replace(jar, copy::writeTo);
    }
    return pass.count();
  }

  private static void copy(ZipEntry entry, byte[] content, ZipOutputStream out) throws IOException {
    ZipEntry same = new ZipEntry(entry.getName());
    same.setLastModifiedTime(entry.getLastModifiedTime());
    same.setComment(entry.getComment());
    if (entry.getMethod() == ZipEntry.STORED) {
      CRC32 sum = new CRC32();
      sum.update(content);
      same.setMethod(ZipEntry.STORED);
      same.setSize(content.length);
      same.setCrc(sum.getValue());
    }
    out.putNextEntry(same);
    out.write(content);
    out.closeEntry();
  }

  private static boolean isClass(String file) {
    return file.endsWith(CLASS) && !file.endsWith("module-info.class");
  }

  private static boolean isSignature(String entry) {
    return entry.toUpperCase(Locale.ROOT).matches("META-INF/[^/]*\\.(SF|RSA|DSA|EC)");
  }

  @FunctionalInterface
  private interface Content {
    void writeTo(OutputStream out) throws IOException;
  }

  /** Writes a file beside another, and puts it in its place. */
  private static void replace(Path file, Content content) throws IOException {
    Path target = file.toRealPath(); // a link stays one
    Path beside = Files.createTempFile(target.getParent(), ".mpipool-weave", ".tmp");
    try {
      try (OutputStream out = Files.newOutputStream(beside)) {
        content.writeTo(out);
      }
      PosixFileAttributeView rights =
          Files.getFileAttributeView(target, PosixFileAttributeView.class);
      if (rights != null) {
        Files.setPosixFilePermissions(beside, rights.readAttributes().permissions());
      }
      Files.move(
          beside, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(beside);
    }
  }
}
